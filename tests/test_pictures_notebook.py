"""The notebook of pictures runs as it stands: replayed where its pictures are drawn alike, else asked at a server."""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING, Any

from recorder import Recorder
from test_companion_notebooks import NOBODY, NOTEBOOKS, run
from test_quickstart import texts

from qwen_magic.media.sizes import pixels_of

if TYPE_CHECKING:
    from pathlib import Path


def told(content: Any, _number: int = 0) -> str:
    """Tell what was received, as the server does whose answers are recorded."""
    if isinstance(content, str):
        return f"I received no picture and {len(content.split())} words, and I am no model."
    data = [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in content if part["type"] != "text"]
    sizes = " and one of ".join(f"{width}x{height}" for width, height in filter(None, map(pixels_of, data)))
    words = sum(len(part["text"].split()) for part in content if part["type"] == "text")
    return f"I received a picture of {sizes} pixels and {words} words, and I am no model."


def test_the_notebook_of_pictures_runs_and_is_replayed(tmp_path: Path) -> None:
    shutil.copy(NOTEBOOKS / "pictures.qwen.jsonl", tmp_path)
    with Recorder(told) as server:
        first = run("pictures.ipynb", tmp_path, server.target)
    cells = run("pictures.ipynb", tmp_path, NOBODY)
    for shown in (first, cells):
        answers = {name: "".join(texts(cell)) for name, cell in shown.items()}
        assert "I received a picture of 1280x960 pixels" in answers["ask"]
        assert "I received a picture of 1280x960 pixels" in answers["see"]
        assert "I received no picture" in answers["attach"]
        assert "drawn again at 1280x960" in answers["dry-run"]
    assert "replayed, recorded 2" in "".join(texts(cells["ask"]))
    assert "<img src" in str(cells["dry-run"].outputs)
