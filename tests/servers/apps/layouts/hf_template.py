"""Layout of Hugging Face's chatbot Space template: ChatInterface with system message, max tokens, temperature, top-p."""

from __future__ import annotations

import fake
import gradio as gr

MAJOR = int(gr.__version__.split(".")[0])


def respond(message, history, system_message, max_tokens, temperature, top_p):
    messages = [{"role": "system", "content": system_message}]
    if MAJOR < 5:
        messages += fake.pairs(history)
    else:
        messages += history
    messages.append({"role": "user", "content": message})
    for text in fake.growing(messages, max_tokens=max_tokens, temperature=temperature, top_p=top_p):
        yield text


demo = gr.ChatInterface(
    respond,
    **({"type": "messages"} if MAJOR == 5 else {}),
    additional_inputs=[
        gr.Textbox(value="You are a friendly Chatbot.", label="System message"),
        gr.Slider(minimum=1, maximum=2048, value=512, step=1, label="Max new tokens"),
        gr.Slider(minimum=0.1, maximum=4.0, value=0.7, step=0.1, label="Temperature"),
        gr.Slider(minimum=0.1, maximum=1.0, value=0.95, step=0.05, label="Top-p (nucleus sampling)"),
    ],
)
fake.launch(demo)
