"""Answers of Gradio apps that hold pictures and files: fetched from the app alone, part of the reply, saved."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pixels

from qwen_magic import QwenClient
from qwen_magic.backends.gradio.answer_files import AppFile, files_in
from qwen_magic.errors import UsageError
from qwen_magic.messages import File, Image
from qwen_magic.reply import Reply
from qwen_magic.saving import file_name, save_parts

if TYPE_CHECKING:
    from pathlib import Path

    from servers.plugin import ServerFactory


@pytest.mark.parametrize("version", ["3.50.2", "4.8.0", "4.16.0", "4.44.1", "5.50.0", "6.31.0"])
async def test_files_in_a_chat_are_part_of_the_answer(
    version: str, gradio_server: ServerFactory, tmp_path: Path
) -> None:
    server = gradio_server(version, "drawing")
    async with QwenClient(f"space:{server.url}") as client:
        reply = await client.ask("Draw it.")
    picture, table = reply.files
    assert isinstance(picture, Image)
    assert isinstance(table, File)
    assert Pixels.open(io.BytesIO(picture.data)).getpixel((0, 0)) == (200, 30, 40)
    assert table.data == b"a,b\n1,2\n"
    assert reply.text == ("Drawn." if version[0] in "56" else "")  # before, each turn is a pair
    assert reply.messages[-1].parts[-2:] == (picture, table)
    saved = reply.save_files(tmp_path / "new")
    assert [path.read_bytes() for path in saved] == [picture.data, table.data]
    assert [path.suffix for path in saved] == [".png", ".csv"]


FILE = {"path": "/tmp/gradio/1/a.png", "url": "http://10.0.0.1/a.png", "orig_name": "a.png", "mime_type": "image/png"}
FOUND = [AppFile("/tmp/gradio/1/a.png", "a.png", "image/png")]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (FILE, FOUND),
        ({"__type__": "update", "value": FILE}, FOUND),
        ([{"image": FILE, "caption": None}], FOUND),
        ([["q", [FILE, None]]], FOUND),
        ([[FILE, "the question's"]], []),
        ([["q", FILE], ["again", "a text"]], []),
        ([{"role": "user", "content": FILE}, {"role": "assistant", "content": "hi"}], []),
        ([{"role": "user", "content": "q"}, {"role": "assistant", "content": {"file": FILE, "alt_text": None}}], FOUND),
        ([{"role": "assistant", "content": [{"type": "file", "file": FILE}]}], FOUND),
        ({"name": "/tmp/x/b.wav", "is_file": True, "data": None}, [AppFile("/tmp/x/b.wav", "b.wav")]),
        ({"path": "https://10.0.0.1/a.png", "url": "https://10.0.0.1/a.png"}, []),
        ({"path": 5, "meta": {}}, []),
        ({"path": "a text with a path"}, []),
        ("a text", []),
        (None, []),
    ],
)
def test_which_files_are_the_answer_s(value: Any, found: list[AppFile]) -> None:
    assert files_in(value) == found


def test_a_value_without_end_is_not_followed() -> None:
    value: list[Any] = []
    value.append([value, value])
    assert files_in(value) == []


@pytest.mark.parametrize("name", ["../../up.png", "C:\\up.png", "/etc/up.png", "up.png", ".up.png", "a\0b/up.png"])
def test_a_name_leads_to_no_other_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "up.png").write_bytes(b"here already")
    (path,) = save_parts([Image(b"data", name=name)], tmp_path)
    assert path == tmp_path / "up (2).png"
    assert (tmp_path / "up.png").read_bytes() == b"here already"


def test_without_a_name_there_is_one(tmp_path: Path) -> None:
    parts: list[Image | File] = [Image(b"1"), File(b"2", "text/csv", "..")]
    assert [path.name for path in save_parts(parts, tmp_path)] == ["answer.png", "answer.csv"]
    assert Reply().save_files(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("x")
    with pytest.raises(UsageError, match=r"cannot be written .*Name another folder"):
        save_parts([Image(b"data", name="a.png")], tmp_path / "a file" / "in it")


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("plot.png", "plot.png"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x\\y.png", "C__x_y.png"),
        ("", "file"),
        ("...", "file"),
        ("a\x00b\n.png", "a_b_.png"),
        ("x" * 300 + ".png", "x" * 97 + ".png"),
        ("paper.pdf#3-5", "paper.pdf_3-5"),
        ("*.png", "_.png"),
        ("a\u202egnp.exe", "a_gnp.exe"),
    ],
)
def test_a_files_name_is_a_name_alone(name: str, becomes: str) -> None:
    assert file_name(name) == becomes
