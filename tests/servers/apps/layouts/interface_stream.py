"""A gr.Interface of one text in and one text out, as many first demos are."""

from __future__ import annotations

import fake
import gradio as gr


def generate(text):
    yield from fake.growing([{"role": "user", "content": text}])


fake.launch(gr.Interface(generate, "text", "text"))
