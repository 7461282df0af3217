"""A `gr.ChatInterface` with the usual additional inputs; QWEN_TEST_CHAT_TYPE=messages takes it off tuples before Gradio 6."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script


def respond(
    message: str, history: list[Any], system: str, max_tokens: int, temperature: float, top_p: float
) -> Iterator[str]:
    extra = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p}
    with script.Recorded("respond", message, history, system, **extra) as call:
        text = ""
        for piece in script.pieces(message, script.turns(history), system):
            text += piece
            yield from call.out(text)


demo = gr.ChatInterface(
    respond,
    additional_inputs=[
        gr.Textbox("sys", label="System prompt"),
        gr.Slider(1, 2048, 512, label="Max new tokens"),
        gr.Slider(0.0, 2.0, 0.7, label="Temperature"),
        gr.Slider(0, 1, 0.95, label="Top-p"),
    ],
    **script.chatbot_type(os.environ.get("QWEN_TEST_CHAT_TYPE", "tuples")),
)

if __name__ == "__main__":
    script.serve(demo)
