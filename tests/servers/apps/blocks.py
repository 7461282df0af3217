"""Blocks as many Spaces have them: one function shows the user's turn, the next one answers it.

QWEN_TEST_NAMES=0 leaves the functions without names for programs; QWEN_TEST_CHAT_TYPE=messages takes the chatbot off
tuples before Gradio 6.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script

MAJOR = int(gr.__version__.split(".")[0])
CHAT_TYPE = os.environ.get("QWEN_TEST_CHAT_TYPE", "tuples")
MESSAGES = MAJOR >= 6 or CHAT_TYPE == "messages"
NAMES: dict[str, Any] = {"api_name": False} if os.environ.get("QWEN_TEST_NAMES") == "0" else {}
if NAMES and MAJOR >= 6:
    NAMES = {"api_visibility": "private"}


def user(message: str, history: list[Any] | None) -> tuple[str, list[Any]]:
    turn = {"role": "user", "content": message} if MESSAGES else [message, None]
    return "", [*(history or []), turn]


def text_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def bot(history: list[Any], model: str, temperature: float, top_k: int, thinking: bool) -> Iterator[list[Any]]:
    prompt = text_of(history[-1]["content"]) if MESSAGES else history[-1][0]
    extra = {"model": model, "temperature": temperature, "top_k": top_k, "thinking": thinking}
    with script.Recorded("bot", prompt, history[:-1], **extra) as call:
        text = ""
        for piece in script.pieces(prompt, script.turns(history[:-1])):
            text += piece
            if MESSAGES:
                yield from call.out([*history, {"role": "assistant", "content": text}])
            else:
                yield from call.out([*history[:-1], [prompt, text]])


with gr.Blocks() as demo:
    chatbot, message = gr.Chatbot(**script.chatbot_type(CHAT_TYPE)), gr.Textbox(label="Message")
    model = gr.Dropdown([("Small", "qwen-small"), ("Large", "qwen-large")], value="qwen-small", label="Model")
    temperature = gr.Slider(0, 1.5, 0.7, label="Temperature")
    top_k = gr.Slider(1, 100, 50, step=1, label="Top-k")
    thinking = gr.Checkbox(False, label="Enable thinking")
    message.submit(user, [message, chatbot], [message, chatbot], queue=False, **NAMES).then(
        bot, [chatbot, model, temperature, top_k, thinking], [chatbot], **NAMES
    )
    gr.Button("Clear").click(list, None, [chatbot], queue=False, **NAMES)

if __name__ == "__main__":
    script.serve(demo)
