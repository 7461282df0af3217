"""Files in front of a prompt, and what is said of those that cannot be attached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image as Pillow

from qwen_magic.chat.position import Position
from qwen_magic.chat.question import Question, guarded, in_front
from qwen_magic.errors import UsageError
from qwen_magic.notebook.attachments import attached
from qwen_magic.parts import Image, Text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Pillow.new("RGB", (40, 30), "red").save(tmp_path / "a.jpg")
    (tmp_path / "b.csv").write_text("month,amount\n1,2.5\n2,3.5\n")
    (tmp_path / "c.py").write_text("print('```')\n")
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "execution_count": 3, "source": ["x = 1\n", "y = 2"]},
    ]
    (tmp_path / "d.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "binary.dat").write_bytes(b"\0\1\2\3")
    (tmp_path / "broken.ipynb").write_text("{}")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7 ...")
    (tmp_path / "drawing.svg").write_text("<svg xmlns='a'><text>label</text></svg>")
    return tmp_path


def test_each_kind_stands_in_its_order(folder: Path) -> None:
    parts, notes, _ = attached([str(folder / name) for name in ("a.jpg", "b.csv", "c.py", "d.ipynb")])
    assert notes == ()
    (picture,) = (part for part in parts if isinstance(part, Image))
    assert (picture.name, picture.mime) == ("a.jpg", "image/jpeg")
    text = "".join(part.text for part in parts if isinstance(part, Text))
    assert text.startswith("a.jpg:\n\n\nb.csv is a pandas DataFrame, 2 rows x 2 columns\n")
    assert "c.py:\n````\nprint('```')\n````\n\n" in text
    assert "# Title\n\nIn[3]:\nx = 1\ny = 2" in text
    assert attached([str(folder / "drawing.svg")])[0][0] == Text(
        "drawing.svg:\n```\n<svg xmlns='a'><text>label</text></svg>\n```\n\n"
    )


def test_a_pattern_means_a_few_files(folder: Path) -> None:
    assert len([part for part in attached([str(folder / "*.jpg")])[0] if isinstance(part, Image)]) == 1
    for number in range(11):
        (folder / f"n{number}.txt").write_text("x")
    with pytest.raises(UsageError, match="matches 11 files, 11 B in all"):
        attached([str(folder / "n*.txt")])
    with pytest.raises(UsageError, match="no file matches"):
        attached([str(folder / "*.gone")])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone.txt", "there is no file"),
        (".", "is a folder"),
        ("empty.txt", "is empty"),
        ("empty.png", "is empty"),
        ("binary.dat", "is neither a picture nor a text"),
        ("broken.ipynb", "is not a notebook"),
        ("paper.pdf", "the PDF is broken"),
        ("a\0b", "cannot be read"),
    ],
)
def test_one_line_says_why_it_is_not_attached(folder: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        attached([f"{folder}/{name}"])
    assert "\n" not in str(caught.value)


def test_a_long_file_is_cut_and_that_is_said(folder: Path) -> None:
    (folder / "long.txt").write_text("word " * 20_000)
    parts, notes, _ = attached([str(folder / "long.txt")])
    assert notes == ("cut to fit: long.txt",)
    assert isinstance(parts[0], Text)
    assert len(parts[0].text) < 25_000


def test_secrets_in_a_file_are_found_as_in_a_prompt(folder: Path) -> None:
    key = "sk-proj-" + "a1B2c3D4" * 6
    (folder / "env.txt").write_text(f"OPENAI_API_KEY={key}\n")
    for names in (["env.txt"], ["env.txt", "a.jpg"]):
        parts, _, _ = attached([str(folder / name) for name in names])
        question = in_front(Question("Sum up.", "", Position()), parts)
        assert question.source == "Sum up."
        assert any("looks like a secret" in note for note in guarded(question, redact=False).notes)
        sent = guarded(question, redact=True).messages[-1]
        assert key not in sent.text
        assert sent.text.endswith("Sum up.")
