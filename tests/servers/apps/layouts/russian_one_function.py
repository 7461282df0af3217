"""A one-function chat with Russian labels, the system box before the message box; parameters named x, y as many write."""

from __future__ import annotations

import fake
import gradio as gr


def otvet(sistema, vopros, istoria, t, n):
    istoria = istoria or []
    asked = [{"role": "system", "content": sistema}, *fake.pairs(istoria), {"role": "user", "content": vopros}]
    for text in fake.growing(asked, temperature=t, max_tokens=n):
        yield "", istoria + [[vopros, text]]


with gr.Blocks() as demo:
    chatbot = gr.Chatbot(label="Диалог")
    sistema = gr.Textbox(label="Системный промпт", value="Ты - полезный ассистент.")
    vopros = gr.Textbox(label="Ваше сообщение")
    t = gr.Slider(0, 2, value=0.3, step=0.1, label="Температура")
    n = gr.Slider(1, 2048, value=512, step=1, label="Максимум токенов")
    knopka = gr.Button("Отправить")
    vopros.submit(otvet, [sistema, vopros, chatbot, t, n], [vopros, chatbot])
    knopka.click(otvet, [sistema, vopros, chatbot, t, n], [vopros, chatbot])
fake.launch(demo)
