"""A Space of the layout of Qwen/Qwen2.5: rows whose cells are objects, and a choice of models. Gradio 4 and 5."""

from __future__ import annotations

import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script


def as_it_is(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def model_chat(query: str | None, history: Any, system: str, radio: str) -> Iterator[tuple[str, list[Any], str]]:
    query, history = query or "", history or []
    with script.Recorded("model_chat", query, history, system, radio=radio) as call:
        text = ""
        for piece in script.pieces(query, script.turns(history), system):
            text += piece
            yield from call.out(("", [*history, [{"text": query}, {"text": text}]], system))


def clear_session() -> tuple[str, list[Any]]:
    return "", []


with gr.Blocks() as demo:
    radio = gr.Radio(["72B", "32B", "7B"], value="72B", label="Qwen2.5 size")
    system_state = gr.Textbox("You are a helpful assistant.", visible=False)
    chatbot = gr.Chatbot(label="Qwen2.5", **script.chatbot_type("tuples"))
    # Rows with {"text": ..} cells pass, as in ModelScope's chatbot. (Of a subclass, Gradio writes a .pyi file here.)
    chatbot.preprocess = chatbot.postprocess = as_it_is
    textbox = gr.Textbox(lines=1, label="Input")
    gr.Button("Clear").click(clear_session, None, [textbox, chatbot], api_name="clear_session")
    # The Space's own is number 3.
    for name in ("reset_user", "modify_system"):
        gr.Button(name).click(clear_session, None, [textbox, chatbot], api_name=name)
    gr.Button("Send").click(
        model_chat,
        [textbox, chatbot, system_state, radio],
        [textbox, chatbot, system_state],
        api_name="model_chat",
    )

if __name__ == "__main__":
    script.serve(demo, api_open=False)
