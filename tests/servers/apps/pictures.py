"""A chat whose prompt may have pictures: a text with files, or with QWEN_TEST_BESIDE=1 an image beside a textbox."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator  # noqa: TC003 - Gradio evaluates the hints
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import script


def seen(path: Any) -> str:
    """Tell a picture's size and pixels."""
    image = path if isinstance(path, Image.Image) else Image.open(path["path"] if isinstance(path, dict) else path)
    pixels = image.convert("RGB")
    return f"{pixels.width}x{pixels.height} {hashlib.sha256(pixels.tobytes()).hexdigest()}"


def respond(message: dict[str, Any], history: list[Any]) -> Iterator[str]:
    files = message["files"]
    with script.Recorded("respond", message["text"], history, pictures=[seen(one) for one in files]) as call:
        yield from call.out(f"{len(files)} pictures for <{message['text'].strip()}>.")


def look(image: Any, question: str) -> str:
    with script.Recorded("look", question, pictures=[] if image is None else [seen(image)]):
        return f"{0 if image is None else 1} pictures for <{question}>."


if os.environ.get("QWEN_TEST_BESIDE"):
    demo = gr.Interface(look, [gr.Image(type="pil", label="Image"), gr.Textbox(label="Question")], "text")
else:
    demo = gr.ChatInterface(respond, multimodal=True)

if __name__ == "__main__":
    script.serve(demo)
