"""Layout of Llama-2's first Space: the message is kept in a State, shown, then answered; the chatbot is the memory."""

from __future__ import annotations

import fake
import gradio as gr


def clear_and_save(message):
    return "", message


def display(message, history):
    history.append((message, ""))
    return history


def generate(message, history_with_input, system_prompt, max_new_tokens, temperature, top_p, top_k):
    history = history_with_input[:-1]
    asked = [{"role": "system", "content": system_prompt}, *fake.pairs(history), {"role": "user", "content": message}]
    for text in fake.growing(asked, max_tokens=max_new_tokens, temperature=temperature, top_p=top_p, top_k=top_k):
        yield history + [(message, text)]


def delete_prev(history):
    message, _ = history.pop()
    return history, message or ""


with gr.Blocks() as demo:
    chatbot = gr.Chatbot(label="Chatbot")
    textbox = gr.Textbox(container=False, show_label=False, placeholder="Type a message...")
    submit, retry, undo, clear = (gr.Button(one) for one in ("Submit", "Retry", "Undo", "Clear"))
    saved = gr.State()
    system = gr.Textbox(label="System prompt", value="You are helpful.", lines=6)
    tokens = gr.Slider(label="Max new tokens", minimum=1, maximum=2048, step=1, value=1024)
    temperature = gr.Slider(label="Temperature", minimum=0.1, maximum=4.0, step=0.1, value=1.0)
    top_p = gr.Slider(label="Top-p (nucleus sampling)", minimum=0.05, maximum=1.0, step=0.05, value=0.95)
    top_k = gr.Slider(label="Top-k", minimum=1, maximum=1000, step=1, value=50)
    ins = [saved, chatbot, system, tokens, temperature, top_p, top_k]
    textbox.submit(clear_and_save, textbox, [textbox, saved], api_name=False, queue=False).then(
        display, [saved, chatbot], chatbot, api_name=False, queue=False
    ).success(generate, ins, chatbot, api_name=False)
    submit.click(clear_and_save, textbox, [textbox, saved], api_name=False, queue=False).then(
        display, [saved, chatbot], chatbot, api_name=False, queue=False
    ).success(generate, ins, chatbot, api_name=False)
    retry.click(delete_prev, chatbot, [chatbot, saved], queue=False).then(
        display, [saved, chatbot], chatbot, queue=False
    ).then(generate, ins, chatbot, api_name=False)
    undo.click(delete_prev, chatbot, [chatbot, saved], queue=False).then(lambda x: x, saved, textbox, queue=False)
    clear.click(lambda: ([], ""), outputs=[chatbot, saved], queue=False)
fake.launch(demo)
