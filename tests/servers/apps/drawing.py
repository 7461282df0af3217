"""A chat whose answers hold files: a picture and a table."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import gradio as gr
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import script

FOLDER = Path(mkdtemp())
Image.new("RGB", (31, 17), (200, 30, 40)).save(FOLDER / "a plot.png")
(FOLDER / "table.csv").write_text("a,b\n1,2\n")
MESSAGES = int(gr.__version__.partition(".")[0]) >= 5


def respond(message: str, history: list[Any]) -> list[Any]:
    with script.Recorded("respond", message, history):
        paths = [str(FOLDER / "a plot.png"), str(FOLDER / "table.csv")]
        if MESSAGES:
            said = [{"role": "assistant", "content": {"path": path}} for path in paths]
            return [*history, {"role": "user", "content": message}, {"role": "assistant", "content": "Drawn."}, *said]
        return [*history, [message, (paths[0],)], [None, (paths[1],)]]


with gr.Blocks() as demo:
    more = {"type": "messages"} if gr.__version__.startswith("5.") else {}
    bot = gr.Chatbot(**more)
    box = gr.Textbox()
    box.submit(respond, [box, bot], bot)

if __name__ == "__main__":
    script.serve(demo)
