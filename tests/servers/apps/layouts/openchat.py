"""A plain chat of messages: one function over box and chatbot, a system box in English whose value tells what it is."""

from __future__ import annotations

import fake
import gradio as gr


def plain(content):
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def respond(message, chat_history, persona, t, n):
    asked = [
        {"role": "system", "content": persona},
        *({"role": m["role"], "content": plain(m["content"])} for m in chat_history),
        {"role": "user", "content": message},
    ]
    shown = [*chat_history, {"role": "user", "content": message}]
    for text in fake.growing(asked, temperature=t, max_tokens=n):
        yield "", [*shown, {"role": "assistant", "content": text}]


with gr.Blocks() as demo:
    persona = gr.Textbox("You are OpenChat.", show_label=False)
    chatbot = gr.Chatbot(**({"type": "messages"} if gr.__version__[0] in "45" else {}))
    msg = gr.Textbox(show_label=False)
    t = gr.Slider(0, 2, value=0.7, label="temp")
    n = gr.Slider(1, 4096, value=1024, step=1, label="Max generation tokens")
    clear = gr.ClearButton([msg, chatbot])
    msg.submit(respond, [msg, chatbot, persona, t, n], [msg, chatbot])
fake.launch(demo)
