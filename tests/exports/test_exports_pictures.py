"""Pictures of a conversation as Markdown with a folder beside it; and what the store and replay keep of them."""

from __future__ import annotations

import contextlib
import io
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
from qwen_magic.messages import Image, Message, Text
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
    assert len(list((tmp_path / "my talk_files").iterdir())) == 2
    assert "data:" not in text
    with pytest.raises(UsageError, match="is there already"):
        export(path, CONVERSATION, [TURN])
    export(path, CONVERSATION, [TURN], overwrite=True)


def test_markdown_without_pictures_makes_no_folder(tmp_path: Path) -> None:
    export(tmp_path / "a.md", CONVERSATION, [replace(TURN, parts=(), steps=())])
    assert [one.name for one in tmp_path.iterdir()] == ["a.md"]


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "a_files").write_text("a file")
    with pytest.raises(UsageError, match="a_files cannot be written"):
        export(tmp_path / "a.md", CONVERSATION, [TURN])


@pytest.mark.parametrize("suffix", [".json", ".ipynb"])
def test_the_other_forms_are_read_back_with_their_pictures(tmp_path: Path, suffix: str) -> None:
    export(tmp_path / f"a{suffix}", CONVERSATION, [TURN])
    assert [one.name for one in tmp_path.iterdir()] == [f"a{suffix}"]
    assert read(tmp_path / f"a{suffix}").turns == (TURN,)


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
