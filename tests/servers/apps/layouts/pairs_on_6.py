"""An old ChatInterface whose function reads pairs: under Gradio 6 it fails as soon as there is a history."""

from __future__ import annotations

import fake
import gradio as gr


def chat(message, history):
    asked = []
    for user, bot in history:
        asked += [{"role": "user", "content": user + ""}, {"role": "assistant", "content": bot + ""}]
    for text in fake.growing([*asked, {"role": "user", "content": message}]):
        yield text


fake.launch(gr.ChatInterface(chat))
