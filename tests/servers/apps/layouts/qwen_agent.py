"""Layout of Qwen-Agent's web UI: three functions over a State; the chatbot's messages are only shown."""

from __future__ import annotations

import fake
import gradio as gr


def add_text(text, chatbot, history):
    history.append({"role": "user", "content": text})
    return gr.update(interactive=False, value=""), [*chatbot, {"role": "user", "content": text}], history


def add_mention(chatbot, history):
    return chatbot, history


def run(chatbot, history):
    for text in fake.growing(list(history)):
        yield [*chatbot, {"role": "assistant", "content": text}], history
    history.append({"role": "assistant", "content": text})
    yield [*chatbot, {"role": "assistant", "content": text}], history


with gr.Blocks() as demo:
    history = gr.State([])
    chatbot = gr.Chatbot(**({"type": "messages"} if gr.__version__[0] in "45" else {}))
    box = gr.Textbox(label="请输入", placeholder="跟我聊聊吧～")
    box.submit(add_text, [box, chatbot, history], [box, chatbot, history], queue=False).then(
        add_mention, [chatbot, history], [chatbot, history]
    ).then(run, [chatbot, history], [chatbot, history]).then(lambda: gr.update(interactive=True), None, [box])
fake.launch(demo)
