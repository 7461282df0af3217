"""Pictures of a conversation as Markdown with a folder beside it; and what the store and replay keep of them."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from PIL import Image as Pillow
from test_exports import CONVERSATION

from qwen_magic.errors import UsageError
from qwen_magic.exports import export, read
from qwen_magic.messages import File, Image, Message, Text
from qwen_magic.replay.key import replay_key
from qwen_magic.reply import Reply
from qwen_magic.request import Request
from qwen_magic.store import Store, Turn

if TYPE_CHECKING:
    from pathlib import Path


def png(color: str) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (40, 30), color).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (40, 30), "green").save(buffer, "JPEG")
    return buffer.getvalue()


RED, BLUE = png("red"), png("blue")
TURN = Turn(
    "What is ?",
    "Red.",
    finish_reason="stop",
    parts=(Text("What is "), Image(RED, name="a [b](c)"), Text("?"), Image(RED, name="again", along=True)),
    steps=(Message("assistant", ["Red.", Image(BLUE, name="drawn")]),),
)


def test_markdown_shows_each_picture_from_the_folder_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "my talk.md"
    export(path, CONVERSATION, [TURN])
    text = path.read_text("utf-8")
    places = [unquote(place) for place in re.findall(r"!\[.*?\]\((\S+)\)", text)]
    assert [(tmp_path / place).read_bytes() for place in places] == [RED, RED, BLUE]
    assert len(list((tmp_path / "my talk_files").glob("*.png"))) == 2
    assert "data:" not in text
    with pytest.raises(UsageError, match="already exists"):
        export(path, CONVERSATION, [TURN])
    export(path, CONVERSATION, [TURN], overwrite=True)


def test_markdown_without_pictures_makes_no_folder(tmp_path: Path) -> None:
    export(tmp_path / "a.md", CONVERSATION, [replace(TURN, parts=(), steps=())])
    assert [one.name for one in tmp_path.iterdir()] == ["a.md"]


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "a_files").write_text("a file")
    with pytest.raises(UsageError, match="a_files cannot be written"):
        export(tmp_path / "a.md", CONVERSATION, [TURN])


@pytest.mark.parametrize("suffix", [".json", ".ipynb", ".md"])
def test_each_form_is_read_back_with_its_pictures(tmp_path: Path, suffix: str) -> None:
    file = File(b"a,b\n", "text/csv", "a.csv")
    turns = (TURN, replace(TURN, parts=(*TURN.parts, file, Image(jpeg(), name="photo"))), replace(TURN, parts=()))
    path = tmp_path / f"a{suffix}"
    export(path, CONVERSATION, turns)
    beside = ["a_files"] if suffix == ".md" else []
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([path.name, *beside])
    moved = path.rename(tmp_path / f"other{suffix}")
    if beside:
        (tmp_path / "a_files").rename(tmp_path / "other_files")
    found = read(moved).turns
    assert found == turns
    pixels = [Pillow.open(io.BytesIO(one.data)).getpixel((0, 0)) for one in found[0].parts if isinstance(one, Image)]
    assert pixels == [(255, 0, 0)] * 2


def test_the_pictures_of_a_notebook_s_prompt_are_attachments(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    export(path, CONVERSATION, [TURN])
    text = path.read_text("utf-8")
    cells = json.loads(text)["cells"]
    pictures = next(cell for cell in cells if "attachments" in cell)
    assert pictures["cell_type"] == "markdown"
    assert text.count(base64.b64encode(RED).decode()) == 1
    names = re.findall(r"\(attachment:(\S+?)\)", pictures["source"])
    assert names == 2 * list(pictures["attachments"])
    assert base64.b64decode(pictures["attachments"][names[0]]["image/png"]) == RED
    assert base64.b64encode(BLUE).decode() in json.dumps(cells[-1]["outputs"])  # the answer's
    del pictures["attachments"]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    with pytest.raises(UsageError, match="no longer has the picture attachment:"):
        read(path)


def test_markdown_that_was_changed_says_so_and_the_folder_can_be_read(tmp_path: Path) -> None:
    path, values = tmp_path / "a.md", tmp_path / "a_files" / "conversation.json"
    export(path, CONVERSATION, [TURN])
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as some editors and git do
    assert read(path).turns == (TURN,)
    path.write_text("another", "utf-8")
    with pytest.raises(UsageError, match="was changed after it was exported") as caught:
        read(path)
    assert str(values) in caught.value.hint
    assert read(values).turns == (TURN,)
    picture = next((tmp_path / "a_files").glob("*.png"))
    picture.write_bytes(BLUE + b"more")
    with pytest.raises(UsageError, match="was changed"):
        read(values)
    picture.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        read(values)
    export(path, CONVERSATION, [replace(TURN, parts=(), steps=())], overwrite=True)
    assert not values.exists()
    with pytest.raises(UsageError, match="is not an exported conversation"):
        read(path)


@pytest.mark.parametrize("text", ["../a.png", "/etc/passwd", "0123456789abcdef.png/../../x"])
def test_a_name_leads_out_of_no_folder(tmp_path: Path, text: str) -> None:
    export(tmp_path / "a.json", CONVERSATION, [TURN])
    values = json.loads((tmp_path / "a.json").read_text("utf-8"))
    values["turns"][0]["parts"][1]["data"] = text
    (tmp_path / "a.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(UsageError):
        read(tmp_path / "a.json")


def test_fifty_turns_with_one_picture_keep_it_once_and_the_last_takes_it_along(tmp_path: Path) -> None:
    with contextlib.closing(Store(tmp_path / "c.sqlite")) as store:
        conversation = store.create("a").id
        numbers = []
        for number in range(50):
            turn = Turn(f"q{number}", parts=(Text(f"q{number}"), Image(RED)))
            numbers.append(store.begin(conversation, turn))
            store.finish(numbers[-1], Reply("a"))

        def kept() -> int:
            with contextlib.closing(sqlite3.connect(tmp_path / "c.sqlite")) as connection:
                return int(connection.execute("SELECT count(*) FROM blob").fetchone()[0])

        assert kept() == 1
        for number in numbers[:-1]:
            store.delete_turn(number)
        assert kept() == 1
        store.delete_turn(numbers[-1])
        assert kept() == 0


def test_the_key_of_a_recorded_answer_holds_the_picture_s_hash(tmp_path: Path) -> None:
    def key(image: Image) -> str:
        return replay_key("m", Request((Message("user", parts=[image, Text("?")]),)))

    assert key(Image(RED)) == key(Image(RED, name="another", along=True)) != key(Image(BLUE))
