"""A Space of the layout of Qwen/Qwen3-Demo: settings as an object, the answer in an update of the sixth output."""

from __future__ import annotations

import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script

SETTINGS = {
    "model": "qwen3-235b-a22b",
    "sys_prompt": "You are a helpful and harmless assistant.",
    "thinking_budget": 38,
}


def as_it_is(_: gr.JSON, value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


# Stands for the page's own components, whose values pass as they are. (Of a subclass, Gradio writes a .pyi file here.)
gr.JSON.preprocess = gr.JSON.postprocess = as_it_is


def add_message(message: str, settings: dict[str, Any], conversations: Any, active: Any) -> Iterator[tuple[Any, ...]]:
    system, extra = settings["sys_prompt"], {key: settings[key] for key in ("model", "thinking_budget")}
    extra |= {"conversations": conversations, "active": active}
    with script.Recorded("add_message", message, None, system, **extra) as call:
        thought = answer = ""
        for piece in ("Let me", " think", " about", " it."):
            thought += piece
            yield from call.out(shown(message, thought, answer, done=False))
        for piece in script.pieces(message, 0, system):
            answer += piece
            yield from call.out(shown(message, thought, answer, done=False))
        yield from call.out(shown(message, thought, answer, done=True))


def shown(message: str, thought: str, answer: str, *, done: bool) -> tuple[Any, ...]:
    title = "Thought for 0.1s" if answer else "Thinking..."
    tool = {"type": "tool", "content": thought, "options": {"title": title, "status": "done" if answer else "pending"}}
    parts = [tool, {"type": "text", "content": answer}] if answer else [tool]
    turn = [
        {"role": "user", "content": message, "key": "u1"},
        {"role": "assistant", "key": "a1", "status": "done" if done else "pending", "content": parts},
    ]
    return "", gr.skip() if hasattr(gr, "skip") else None, "", "", {"items": []}, gr.update(value=turn)


def nothing() -> None:
    return None


with gr.Blocks() as demo:
    settings, conversations, active = gr.JSON(SETTINGS, label="Settings"), gr.State(None), gr.State(None)
    message, header, items = gr.Textbox(label="Message"), gr.Markdown(), gr.JSON(label="Conversations")
    chatbot, sender, clear = gr.JSON(label="Chat"), gr.Textbox(visible=False), gr.Textbox(visible=False)
    # The Space's own is number 13.
    for number in range(13):
        gr.Button(f"b{number}").click(nothing, None, None, api_name=f"other_{number}")
    gr.Button("Send").click(
        add_message,
        [message, settings, conversations, active],
        [message, header, sender, clear, items, chatbot],
        api_name="add_message",
    )

if __name__ == "__main__":
    script.serve(demo, api_open=False)
