"""What stands in a file's place is said in one line: a pipe does not hang, garbage does not flood, a device ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qwen_magic.errors import ReplayError, UsageError
from qwen_magic.events import Usage
from qwen_magic.exports import read
from qwen_magic.regular_file import read_regular_file
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.recorded import RecordedAnswer

pytestmark = pytest.mark.timeout(60)  # a read that waits for ever ends here
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def recorded() -> RecordedAnswer:
    return RecordedAnswer(
        key="a",
        prompt="Why is the sky blue?",
        text="Because of Rayleigh.",
        thinking="",
        target="local",
        model="",
        finish_reason="stop",
        seconds=1.0,
        usage=Usage(),
        date="2026-01-02T03:04:05Z",
    )


def test_a_garbage_file_is_told_of_once(tmp_path: Path) -> None:
    path = tmp_path / "nb.qwen.jsonl"
    path.write_bytes(b"garbage\n" + b"more %d\n" * 50_000)
    file = ReplayFile(path)
    assert file.find("key") is None
    (warning,) = file.pop_warnings()
    assert warning.startswith("nb.qwen.jsonl:1: ")
    assert "50,000 more lines" in warning
    file.find("key")
    assert file.pop_warnings() == []


@needs_pipes
def test_a_pipe_in_its_place_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "nb.qwen.jsonl"
    os.mkfifo(path)
    file = ReplayFile(path)
    assert file.find("key") is None
    assert "not a file" in file.pop_warnings()[0]
    with pytest.raises(ReplayError, match="cannot be written"):
        file.record(recorded())


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "nb.qwen.jsonl"
    path.mkdir()
    file = ReplayFile(path)
    assert file.find("key") is None
    assert len(file.pop_warnings()) == 1
    with pytest.raises(ReplayError, match="cannot be written"):
        file.record(recorded())


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
def test_a_device_in_its_place_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "nb.qwen.jsonl"
    path.symlink_to("/dev/zero")
    file = ReplayFile(path)
    assert file.find("key") is None
    with pytest.raises(ReplayError, match="cannot be written"):
        file.record(recorded())


@needs_pipes
def test_an_import_of_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "chat.md")
    with pytest.raises(UsageError, match="pipe or a device"):
        read(tmp_path / "chat.md")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
def test_an_import_of_a_device(tmp_path: Path) -> None:
    (tmp_path / "chat.json").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="pipe or a device"):
        read(tmp_path / "chat.json")


def test_a_file_may_have_so_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert read_regular_file(path, 100)[0] == b"x" * 100
    with pytest.raises(OSError, match="more than"):
        read_regular_file(path, 99)
