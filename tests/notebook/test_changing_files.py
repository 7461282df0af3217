"""Files that are another thing than their names say, or become one while they are read: one line, nothing sent."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

from qwen_magic import Image
from qwen_magic.chat.attached_picture import attached_picture
from qwen_magic.errors import UsageError
from qwen_magic.media.pictures import picture_of
from qwen_magic.notebook.attachments import attached
from qwen_magic.notebook.lookup import fill_in
from qwen_magic.parts import Text

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
READERS: dict[str, Callable[[Path], Any]] = {
    "-a": lambda path: attached([str(path)]),
    "in braces": lambda path: picture_of(path, "p"),
    "Image.of": Image.of,
    "in plain Python": attached_picture,
}


def png() -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (40, 30), "red").save(buffer, "PNG")
    return buffer.getvalue()


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", ["photo.png", "photo"])
@pytest.mark.parametrize("become", [to_pipe, to_device, to_folder, Path.unlink])
@pytest.mark.parametrize("reader", READERS)
def test_it_becomes_another_thing_behind_the_first_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, become: Callable[[Path], None], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(png())
    opened = os.open

    def becoming(*how: Any) -> int:
        if path.is_file() and not path.is_symlink():
            become(path)
        return opened(*how)

    monkeypatch.setattr(os, "open", becoming)
    if (reader, name) == ("in braces", "photo"):  # a name that does not say that it is a picture stays a path
        assert READERS[reader](path) is None
        return
    with pytest.raises(UsageError, match=name) as caught:
        READERS[reader](path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["notes.txt", "photo.png", "scan.pdf", "table.csv"])
@pytest.mark.parametrize("reader", READERS)
def test_it_is_written_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(png() if reader != "-a" or name.endswith("png") else b"a,b\n1,2\n" * 100)
    told = os.fstat

    def written(descriptor: int) -> os.stat_result:
        status = told(descriptor)
        if status.st_ino == path.stat().st_ino:
            with path.open("ab") as file:
                file.write(b"more")
        return status

    monkeypatch.setattr(os, "fstat", written)
    with pytest.raises(UsageError, match=rf"{name} cannot be read: it was changed while it was read") as caught:
        READERS[reader](path)
    assert "Nothing was sent." in caught.value.hint


def test_what_was_read_is_what_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("before")
    found = attached([str(path)])
    path.unlink()
    (text,) = found.parts
    assert isinstance(text, Text)
    assert "before" in text.text
    path = tmp_path / "photo.png"
    path.write_bytes(png())
    filled = fill_in("See {p}", {"p": path})
    path.unlink()
    assert [one.image.data for one in filled.pictures] == [Image.of(png()).data]
