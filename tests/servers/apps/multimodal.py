"""A `gr.ChatInterface` whose prompt is a text with files. Gradio 4.44 and later."""

from __future__ import annotations

import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script


def respond(message: dict[str, Any], history: list[Any]) -> Iterator[str]:
    with script.Recorded("respond", message, history) as call:
        text = ""
        for piece in script.pieces(message["text"], script.turns(history)):
            text += piece
            yield from call.out(text)


demo = gr.ChatInterface(respond, multimodal=True)

if __name__ == "__main__":
    script.serve(demo)
