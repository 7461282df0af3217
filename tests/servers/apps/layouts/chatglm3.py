"""Layout of THUDM/ChatGLM3 basic_demo/web_demo_gradio.py: user() adds [text, ""], predict does history[-1][1] += piece."""

from __future__ import annotations

import fake
import gradio as gr


def predict(history, max_length, top_p, temperature, system_prompt):
    messages = [{"role": "system", "content": system_prompt}] if system_prompt != "" else []
    for place, (user, bot) in enumerate(history):
        if place == len(history) - 1 and not bot:
            messages.append({"role": "user", "content": user})
            break
        if user:
            messages.append({"role": "user", "content": user})
        if bot:
            messages.append({"role": "assistant", "content": bot})
    for piece in fake.stream(messages, max_tokens=max_length, top_p=top_p, temperature=temperature):
        if piece != "":
            history[-1][1] += piece
            yield history


def user(query, history):
    return "", history + [[fake.as_html(query), ""]]


with gr.Blocks(title="ChatGLM") as demo:
    chatbot = gr.Chatbot(layout="panel")
    user_input = gr.Textbox(show_label=False, placeholder="Input to chat...", lines=3, container=False)
    submit, empty = gr.Button("Submit", variant="primary"), gr.Button("Clear History")
    max_length = gr.Slider(0, 32768, value=16384, step=1.0, label="Maximum length", interactive=True)
    top_p = gr.Slider(0, 1, value=0.8, step=0.01, label="Top P", interactive=True)
    temperature = gr.Slider(0.01, 1, value=0.6, step=0.01, label="Temperature", interactive=True)
    gr.HTML("<span>System Prompt</span>")
    system_prompt = gr.Textbox(show_label=False, placeholder="System Prompt", lines=6, container=False)
    submit.click(user, [user_input, chatbot], [user_input, chatbot], queue=False).then(
        predict, [chatbot, max_length, top_p, temperature, system_prompt], chatbot
    )
    empty.click(lambda: None, None, chatbot, queue=False)
fake.launch(demo)
