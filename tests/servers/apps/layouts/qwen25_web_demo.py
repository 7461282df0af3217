"""Layout of QwenLM/Qwen2.5 and Qwen3 examples/demo/web_demo.py: as qwen_web_demo, but plain Markdown."""

from __future__ import annotations

import fake
import gradio as gr


def predict(_query, _chatbot, _task_history):
    _chatbot.append((_query, ""))
    text = ""
    for text in fake.growing(fake.pairs(_task_history) + [{"role": "user", "content": _query}]):
        _chatbot[-1] = (_query, text)
        yield _chatbot
    _task_history.append((_query, text))


def regenerate(_chatbot, _task_history):
    if not _task_history:
        yield _chatbot
        return
    query, _ = _task_history.pop()
    _chatbot.pop()
    yield from predict(query, _chatbot, _task_history)


def reset_user_input():
    return gr.update(value="")


def reset_state(_chatbot, _task_history):
    _task_history.clear()
    _chatbot.clear()
    return _chatbot


with gr.Blocks() as demo:
    gr.Markdown("Qwen2.5")
    chatbot = gr.Chatbot(label="Qwen")
    query = gr.Textbox(lines=2, label="Input")
    task_history = gr.State([])
    with gr.Row():
        empty, submit, regen = gr.Button("Clear"), gr.Button("Submit"), gr.Button("Regenerate")
    submit.click(predict, [query, chatbot, task_history], [chatbot])
    submit.click(reset_user_input, [], [query])
    empty.click(reset_state, [chatbot, task_history], outputs=[chatbot])
    regen.click(regenerate, [chatbot, task_history], [chatbot])
fake.launch(demo)
