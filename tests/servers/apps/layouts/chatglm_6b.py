"""Layout of THUDM/ChatGLM-6B web_demo.py: the history is a State that the function also returns; text as HTML."""

from __future__ import annotations

import fake
import gradio as gr


def predict(input, chatbot, max_length, top_p, temperature, history):
    chatbot.append((fake.as_html(input), ""))
    asked = fake.pairs(history) + [{"role": "user", "content": input}]
    for text in fake.growing(asked, max_tokens=max_length, top_p=top_p, temperature=temperature):
        chatbot[-1] = (fake.as_html(input), fake.as_html(text))
        yield chatbot, [*history, (input, text)]


def reset_user_input():
    return gr.update(value="")


def reset_state():
    return [], []


with gr.Blocks() as demo:
    gr.HTML("<h1>ChatGLM</h1>")
    chatbot = gr.Chatbot()
    user_input = gr.Textbox(show_label=False, placeholder="Input...", lines=10)
    submit, empty = gr.Button("Submit"), gr.Button("Clear History")
    max_length = gr.Slider(0, 4096, value=2048, step=1.0, label="Maximum length", interactive=True)
    top_p = gr.Slider(0, 1, value=0.7, step=0.01, label="Top P", interactive=True)
    temperature = gr.Slider(0, 1, value=0.95, step=0.01, label="Temperature", interactive=True)
    history = gr.State([])
    submit.click(predict, [user_input, chatbot, max_length, top_p, temperature, history], [chatbot, history])
    submit.click(reset_user_input, [], [user_input])
    empty.click(reset_state, outputs=[chatbot, history])
fake.launch(demo)
