"""Layout of Russian Saiga chats: user() adds [msg, None]; success(bot) with Russian labels; placeholder-only message box."""

from __future__ import annotations

import fake
import gradio as gr


def user(message, history):
    return "", history + [[message, None]]


def bot(history, system_prompt, top_p, top_k, temp):
    if not history:
        return
    asked = [
        {"role": "system", "content": system_prompt},
        *fake.pairs(history[:-1]),
        {"role": "user", "content": history[-1][0]},
    ]
    for text in fake.growing(asked, top_p=top_p, top_k=top_k, temperature=temp):
        history[-1][1] = text
        yield history


with gr.Blocks() as demo:
    gr.Markdown("Ассистент")
    with gr.Row():
        with gr.Column(scale=5):
            system = gr.Textbox(
                label="Системный промпт",
                placeholder="",
                value="Ты — русскоязычный автоматический ассистент.",
                interactive=True,
            )
            chatbot = gr.Chatbot(label="Диалог", height=400)
        with gr.Column(min_width=80, scale=1):
            top_p = gr.Slider(minimum=0.0, maximum=1.0, value=0.9, step=0.05, interactive=True, label="Top-p")
            top_k = gr.Slider(minimum=10, maximum=100, value=30, step=5, interactive=True, label="Top-k")
            temp = gr.Slider(minimum=0.0, maximum=2.0, value=0.01, step=0.01, interactive=True, label="Температура")
    msg = gr.Textbox(label="Отправить сообщение", placeholder="Отправить сообщение", show_label=False)
    submit, stop, clear = gr.Button("Отправить"), gr.Button("Остановить"), gr.Button("Очистить")
    events = [
        event(fn=user, inputs=[msg, chatbot], outputs=[msg, chatbot], queue=False).success(
            fn=bot, inputs=[chatbot, system, top_p, top_k, temp], outputs=chatbot, queue=True
        )
        for event in (msg.submit, submit.click)
    ]
    stop.click(fn=None, inputs=None, outputs=None, cancels=events, queue=False)
    clear.click(lambda: None, None, chatbot, queue=False)
fake.launch(demo)
