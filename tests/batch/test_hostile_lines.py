"""Files of requests and answers that are broken, foreign, doubled, cut, huge or no files at all."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_magic import QwenClient
from qwen_magic.batch import batch_files
from qwen_magic.batch.batch_files import line_file, read_lines
from qwen_magic.batch.files import check_form, read_rows, write_rows
from qwen_magic.batch.request_lines import answer_of_line
from qwen_magic.errors import UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TARGET = "openai:http://127.0.0.1:9/v1#m"
KEY = b"k" * 16


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"object": "chat.completion", "choices": [choice]}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "custom_id": anything | st.just(KEY.hex()),
        "error": anything | st.fixed_dictionaries({"message": anything, "code": anything}),
        "response": anything
        | st.fixed_dictionaries(
            {},
            optional={
                "status_code": anything | st.just(200),
                "body": anything
                | st.fixed_dictionaries({}, optional=dict.fromkeys(("choices", "usage", "error", "model"), anything))
                | st.builds(completion, st.text()),
            },
        ),
    },
)


@settings(deadline=None, max_examples=300)
@given(line=fields | anything)
def test_any_json_is_an_answer_a_failure_in_one_line_or_none_of_ours(line: Any) -> None:
    told = answer_of_line(json.dumps(line), "t")
    if told is not None:
        assert not (told.events and told.error)
        assert told.error == one_line(told.error)
        told.error.encode()


@pytest.mark.parametrize("depth", [1000, 100_000])
@pytest.mark.parametrize("field", ["response", "error"])
def test_what_is_nested_without_end_is_no_answer(field: str, depth: int) -> None:
    line = f'{{"custom_id": "{KEY.hex()}", "{field}": {"[" * depth}{"]" * depth}}}'
    told = answer_of_line(line, "t")
    assert told is None or told.error


async def read(path: Path, keep: Path, rows: list[str]) -> dict[str, Any]:
    async with QwenClient(TARGET) as client:
        return dict((await client.read_batch(path, "Say {item}", rows, keep=keep)).columns())


async def names(tmp_path: Path, rows: list[str]) -> list[str]:
    path = tmp_path / "in.jsonl"
    async with QwenClient(TARGET) as client:
        await client.write_batch(path, "Say {item}", rows, keep=tmp_path / "none.sqlite")
    return [json.loads(line)["custom_id"] for line in path.read_text().splitlines()]


async def test_an_answer_counts_more_than_a_failure_of_the_same_row(tmp_path: Path) -> None:
    first, second = await names(tmp_path, ["a", "b"])
    lines = [
        {"custom_id": first, "error": {"message": "broke down"}},
        {"custom_id": first, "response": {"status_code": 200, "body": completion("A")}},
        {"custom_id": second, "response": {"status_code": 200, "body": completion("B")}},
        {"custom_id": second, "error": {"message": "broke down"}},
        {"custom_id": second, "response": {"status_code": 200, "body": completion("other")}},
        {"custom_id": "00" * 16, "response": {"status_code": 200, "body": completion("foreign")}},
    ]
    path = tmp_path / "out.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = await read(path, tmp_path / "rows.sqlite", ["a", "b"])
    assert (found["answer"], found["status"]) == (["A", "B"], ["done", "done"])


async def test_a_file_cut_or_spoilt_anywhere_gives_its_whole_lines(tmp_path: Path) -> None:
    (name,) = await names(tmp_path, ["a"])
    line = json.dumps({"custom_id": name, "response": {"status_code": 200, "body": completion("A")}}).encode()
    path = tmp_path / "out.jsonl"
    garbage = b"\xff\xfe\x00\x80\n" + line[:50] + b"\n\r\n\n" + b"[" * 100_000 + b"\n"
    path.write_bytes(garbage + line + b"\n" + line[:-3])
    assert (await read(path, tmp_path / "rows.sqlite", ["a"]))["answer"] == ["A"]
    for spoilt in (b"", garbage, b"\x00" * 1000, line[:-1]):
        path.write_bytes(spoilt)
        with pytest.raises(UsageError, match=r"out\.jsonl has no answer to any of the rows"):
            await read(path, tmp_path / "other.sqlite", ["a"])


def test_a_line_that_no_memory_should_hold_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_files, "_LONGEST", 100)
    path = tmp_path / "out.jsonl"
    path.write_text("a\n" + "x" * 99 + "\n" + "y" * 1000 + "\nb\n" + "z" * 1000)
    assert [line.strip() for line in read_lines(path)] == ["a", "x" * 99, "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_what_is_no_file_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    pipe, folder = tmp_path / "pipe.csv", tmp_path / "folder.csv"
    os.mkfifo(pipe)
    folder.mkdir()
    for path, words in ((pipe, "a pipe or a device"), (folder, "directory")):
        with pytest.raises(UsageError, match=words):
            list(read_lines(path))
        with pytest.raises(UsageError, match=words):
            read_rows(path)
    with pytest.raises(UsageError, match=r"folder\.csv is a folder"):
        check_form(folder)


def broken(lines: int) -> Iterator[str]:
    """Give some lines, and then what an interrupt raises."""
    yield from map(str, range(lines))
    raise KeyboardInterrupt


def test_an_interrupt_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("before\n")
    with pytest.raises(KeyboardInterrupt), line_file(path) as file:
        file.writelines(broken(100_000))
    assert path.read_text() == "before\n"
    assert [one.name for one in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_a_link_stays_a_link_and_what_is_private_stays_so(tmp_path: Path) -> None:
    real, link, beside = tmp_path / "real.csv", tmp_path / "link.csv", tmp_path / "link.csv.new"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    beside.write_text("a file of the user's")
    write_rows(link, ["a"], [["b"]], None)
    assert link.is_symlink()
    assert real.read_text().splitlines() == ["a", "b"]
    assert real.stat().st_mode & 0o777 == 0o600
    assert beside.read_text() == "a file of the user's"
