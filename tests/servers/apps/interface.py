"""A `gr.Interface` from text to text; QWEN_TEST_STREAMS=0 answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path

import gradio as gr

sys.path.insert(0, str(Path(__file__).parent))

import script


def predict(text: str) -> str:
    with script.Recorded("predict", text):
        return "".join(script.pieces(text))


def stream(text: str) -> Iterator[str]:
    with script.Recorded("stream", text) as call:
        said = ""
        for piece in script.pieces(text):
            said += piece
            yield from call.out(said)


demo = gr.Interface(predict if os.environ.get("QWEN_TEST_STREAMS") == "0" else stream, "text", "text")

if __name__ == "__main__":
    script.serve(demo)
