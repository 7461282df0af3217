"""Layout of THUDM/GLM-4 inference/trans_web_demo.py: as chatglm3, with labels, Gradio 5 tuples."""

from __future__ import annotations

import fake
import gradio as gr


def predict(history, system_prompt, max_length, top_p, top_k, temperature):
    messages = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for place, (user, bot) in enumerate(history):
        if place == len(history) - 1 and not bot:
            messages.append({"role": "user", "content": user})
            break
        if user:
            messages.append({"role": "user", "content": user})
        if bot:
            messages.append({"role": "assistant", "content": bot})
    for piece in fake.stream(messages, max_tokens=max_length, top_p=top_p, top_k=top_k, temperature=temperature):
        if piece:
            history[-1][1] += piece
        yield history


def user(query, history):
    return "", history + [[query, ""]]


def clear_history():
    return None


with gr.Blocks() as demo:
    system_prompt = gr.Textbox(
        show_label=True, placeholder="Enter system prompt here...", label="System Prompt", lines=2
    )
    chatbot = gr.Chatbot()
    user_input = gr.Textbox(show_label=True, placeholder="Input...", label="User Input")
    submit, empty = gr.Button("Submit"), gr.Button("Clear History")
    max_length = gr.Slider(0, 8192, value=4096, step=1.0, label="Maximum length", interactive=True)
    top_p = gr.Slider(0, 1, value=0.8, step=0.01, label="Top P", interactive=True)
    top_k = gr.Slider(0, 100, value=50, step=1, label="Top K", interactive=True)
    temperature = gr.Slider(0.01, 1, value=0.6, step=0.01, label="Temperature", interactive=True)
    submit.click(user, [user_input, chatbot], [user_input, chatbot], queue=False).then(
        predict, [chatbot, system_prompt, max_length, top_p, top_k, temperature], chatbot
    )
    empty.click(clear_history, None, [chatbot], queue=False)
fake.launch(demo)
