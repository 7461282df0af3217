"""Layout of LLaMA-Factory's chat tab: append puts the question into the chatbot and a State, stream answers from the State."""

from __future__ import annotations

import fake
import gradio as gr


def append(chatbot, messages, role, query):
    return chatbot + [[query, None]], messages + [{"role": role, "content": query}], ""


def stream(chatbot, messages, system, tools, max_new_tokens, top_p, temperature):
    asked = ([{"role": "system", "content": system}] if system else []) + messages
    chatbot[-1][1] = ""
    for text in fake.growing(asked, max_tokens=max_new_tokens, top_p=top_p, temperature=temperature):
        chatbot[-1][1] = text
        yield chatbot, messages + [{"role": "assistant", "content": text}]


with gr.Blocks() as demo:
    messages = gr.State([])
    chatbot = gr.Chatbot(show_copy_button=True)
    role = gr.Dropdown(choices=["user", "observation"], value="user", label="Role")
    system = gr.Textbox(show_label=False, placeholder="系统提示词（非必填）")
    tools = gr.Textbox(show_label=False, lines=3, placeholder="工具列表（非必填）")
    query = gr.Textbox(show_label=False, lines=8, placeholder="输入...")
    submit, clear = gr.Button("提交"), gr.Button("清空历史")
    tokens = gr.Slider(8, 8192, value=1024, step=1, label="最大生成长度")
    top_p = gr.Slider(0.01, 1.0, value=0.7, step=0.01, label="Top-p 采样值")
    temperature = gr.Slider(0.01, 1.5, value=0.95, step=0.01, label="温度系数")
    submit.click(append, [chatbot, messages, role, query], [chatbot, messages, query]).then(
        stream, [chatbot, messages, system, tools, tokens, top_p, temperature], [chatbot, messages]
    )
    clear.click(lambda: ([], []), outputs=[chatbot, messages])
fake.launch(demo)
