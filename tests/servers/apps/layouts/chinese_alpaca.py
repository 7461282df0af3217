"""Layout of Chinese-LLaMA-Alpaca's gradio demo: user() adds a pending row, predict fills it; Chinese labels, box without Enter."""

from __future__ import annotations

import fake
import gradio as gr


def user(message, history):
    return gr.update(value="", interactive=False), history + [[message, None]]


def predict(history, system_prompt, max_new_tokens, top_p, temperature, repetition_penalty):
    asked = ([{"role": "system", "content": system_prompt}] if system_prompt else []) + fake.pairs(history)
    history[-1][1] = ""
    for piece in fake.stream(asked, max_tokens=max_new_tokens, top_p=top_p, temperature=temperature):
        history[-1][1] += piece
        yield history


with gr.Blocks() as demo:
    chatbot = gr.Chatbot()
    system_prompt = gr.Textbox(label="系统提示词", value="你是一个乐于助人的助手。")
    user_input = gr.Textbox(show_label=False, placeholder="Shift + Enter发送消息...", lines=10)
    submit, empty = gr.Button("提交"), gr.Button("清空历史")
    tokens = gr.Slider(0, 4096, value=512, step=1.0, label="最大新生成长度", interactive=True)
    top_p = gr.Slider(0, 1, value=0.9, step=0.01, label="核采样", interactive=True)
    temperature = gr.Slider(0, 1, value=0.2, step=0.01, label="温度", interactive=True)
    penalty = gr.Slider(1.0, 3.0, value=1.1, step=0.1, label="重复惩罚", interactive=True)
    submit.click(user, [user_input, chatbot], [user_input, chatbot], queue=False).then(
        predict, [chatbot, system_prompt, tokens, top_p, temperature, penalty], chatbot
    ).then(lambda: gr.update(interactive=True), None, [user_input], queue=False)
    submit.click(lambda: gr.update(value=""), [], [user_input])
    empty.click(list, outputs=[chatbot], show_progress=True)
fake.launch(demo)
