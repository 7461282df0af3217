"""Layout of Yi's demo: user and bot in a chain on Enter, the pending row a None; parameters beside, no system prompt."""

from __future__ import annotations

import fake
import gradio as gr


def user(message, history):
    return "", history + [[message, None]]


def bot(history, max_length, temperature):
    for text in fake.growing(fake.pairs(history), max_tokens=max_length, temperature=temperature):
        history[-1][1] = text
        yield history


with gr.Blocks() as demo:
    chatbot = gr.Chatbot(label="Yi")
    msg = gr.Textbox(placeholder="Type here", show_label=False)
    clear = gr.Button("Clear")
    length = gr.Number(2048, label="Max Length")
    temperature = gr.Number(0.6, label="Temperature")
    msg.submit(user, [msg, chatbot], [msg, chatbot], queue=False).then(bot, [chatbot, length, temperature], chatbot)
    clear.click(lambda: None, None, chatbot, queue=False)
fake.launch(demo)
