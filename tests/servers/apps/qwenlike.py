"""A Space of the layout of Qwen/Qwen2-72B-Instruct: history as tuples, as messages from Gradio 6 on."""

from __future__ import annotations

import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script

MAJOR = int(gr.__version__.split(".")[0])
DEFAULT_SYSTEM = "You are a helpful assistant."


def clear_session() -> tuple[str, list[Any]]:
    return "", []


def modify_system_session(system: str) -> tuple[str, str, list[Any]]:
    system = system or DEFAULT_SYSTEM
    return system, system, []


def model_chat(query: str | None, history: list[Any] | None, system: str) -> Iterator[tuple[str, list[Any], str]]:
    query, history = query or "", history or []
    with script.Recorded("model_chat", query, history, system) as call:
        text = ""
        for piece in script.pieces(query, script.turns(history), system):
            text += piece
            turn: list[Any] = [[query, text]]
            if MAJOR >= 6:
                turn = [{"role": "user", "content": query}, {"role": "assistant", "content": text}]
            yield from call.out(("", history + turn, system))


with gr.Blocks() as demo:
    gr.Markdown("<center><font size=8>Qwen2-72B-instruct</center>")
    with gr.Row():
        with gr.Column(scale=3):
            system_input = gr.Textbox(value=DEFAULT_SYSTEM, lines=1, label="System")
        with gr.Column(scale=1):
            modify_system = gr.Button("Set system prompt and clear history", scale=2)
        system_state = gr.Textbox(value=DEFAULT_SYSTEM, visible=False)
    chatbot = gr.Chatbot(label="Qwen2-72B-Instruct", **script.chatbot_type("tuples"))
    textbox = gr.Textbox(lines=1, label="Input")
    with gr.Row():
        clear_history = gr.Button("Clear")
        submit = gr.Button("Send")

    submit.click(
        model_chat,
        inputs=[textbox, chatbot, system_state],
        outputs=[textbox, chatbot, system_input],
        api_name="model_chat",
    )
    clear_history.click(clear_session, inputs=[], outputs=[textbox, chatbot], api_name="clear_session")
    modify_system.click(
        modify_system_session,
        inputs=[system_input],
        outputs=[system_state, system_input, chatbot],
        api_name="modify_system_session",
    )

if __name__ == "__main__":
    script.serve(demo, api_open=False)  # as the Qwen Spaces have it
