"""A batch service that answers anything at all: one line says what is wrong, and nothing of ours falls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from batch_server import BatchServer
from hypothesis import given
from hypothesis import strategies as st
from rows_server import serving
from support.clock import FakeClock

from qwen_magic import QwenClient, QwenError
from qwen_magic.batch.request_lines import answer_of_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEEP = "[" * 100_000
WORDS = "\x1b]0;owned\x07\u202e\ud800\r\n" + "x" * 100_000
FILES = {"deep": DEEP, "no object": "[]", "no id": "{}", "a number": '{"id": 5}', "nothing": "", "odd id": json.dumps({"id": WORDS})}  # fmt: skip
STATES: dict[str, Any] = {
    "counts of words": {"request_counts": {"completed": "many", "failed": [1]}, "status": "completed"},
    "counts beyond all": {"request_counts": {"completed": 10**300, "failed": -1}, "status": "completed"},
    "files of numbers": {"output_file_id": 5, "error_file_id": ["a"], "status": "completed"},
    "errors of anything": {"errors": {"data": [None, 5, {"message": WORDS, "line": {}}]}, "status": "failed"},
    "errors of a word": {"errors": WORDS, "status": "failed"},
    "no status": {"status": None},
}
LINES = {
    "deep": DEEP,
    "no object": '[]\n5\nnull\n"x"',
    "no id": "{}",
    "a number": '{"custom_id": 5}',
    "long number": f'{{"custom_id": {"9" * 5000}}}',
}
OF_ROWS: dict[str, Any] = {
    "no response": {"response": 5},
    "a status of words": {"response": {"status_code": "bad", "body": {"error": {"message": WORDS}}}},
    "a body of words": {"response": {"status_code": 200, "body": WORDS}},
    "choices of anything": {"response": {"status_code": 200, "body": {"choices": [5, None, {"message": [1]}]}}},
    "an error of words": {"error": WORDS},
    "an error of anything": {"error": {"message": {"a": [WORDS]}}},
    "an answer of escapes": {"response": {"status_code": 200, "body": {"choices": [{"message": {"content": WORDS}}]}}},
}


class Hostile(BatchServer):
    """Says what it is told to."""

    file: str = ""
    more: dict[str, Any] = {}  # noqa: RUF012 - set by each test
    lines_of: Callable[[list[str]], str] | None = None

    async def upload(self, request: web.Request) -> web.Response:
        made = await super().upload(request)
        return web.Response(text=self.file, content_type="application/json") if self.file else made

    async def get(self, request: web.Request) -> web.Response:
        told = json.loads((await super().get(request)).text or "")
        return web.json_response({**told, **self.more})

    async def content(self, request: web.Request) -> web.Response:
        if self.lines_of is None:
            return await super().content(request)
        keys = [line["custom_id"] for file in self.uploads.values() for line in file]
        return web.Response(text=self.lines_of(keys))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Hostile]:
    (tmp_path / "service").mkdir()
    with serving(Hostile(folder=tmp_path / "service")) as running:
        yield running


async def asked(server: Hostile, keep: Path) -> list[str]:
    """Return why each row has no answer; or why none has."""
    async with QwenClient(server.target, clock=FakeClock(longest=90)) as client:
        job = client.map("Say {item}", ["a", "b"], batch=True, keep=keep)
        try:
            result = await job.wait()
        except QwenError as error:
            return [str(error)]
    return [str(result[row]) for row in range(2)]


def check(said: list[str]) -> None:

    for line in said:
        assert line.isprintable(), line[:200]
        assert len(line) < 1000
        assert "unexpected error" not in line
    assert said


@pytest.mark.parametrize("name", FILES)
async def test_a_file_that_is_answered_with_anything(server: Hostile, tmp_path: Path, name: str) -> None:
    server.file = FILES[name] or " "
    check(await asked(server, tmp_path / "rows.sqlite"))


@pytest.mark.parametrize("name", STATES)
async def test_a_state_of_anything(server: Hostile, tmp_path: Path, name: str) -> None:
    server.more = STATES[name]
    check(await asked(server, tmp_path / "rows.sqlite"))


@pytest.mark.parametrize("name", LINES)
async def test_lines_of_anything(server: Hostile, tmp_path: Path, name: str) -> None:
    server.lines_of = lambda _: LINES[name]
    said = await asked(server, tmp_path / "rows.sqlite")
    check(said)
    assert "no answer" in said[-1]


@pytest.mark.parametrize("name", OF_ROWS)
async def test_rows_of_anything(server: Hostile, tmp_path: Path, name: str) -> None:
    server.lines_of = lambda keys: "\n".join(json.dumps({"custom_id": key, **OF_ROWS[name]}) for key in keys)
    check(await asked(server, tmp_path / "rows.sqlite"))


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["response", "status_code", "body", "error", "message", "choices", "content", "code"]), inner, max_size=4), max_leaves=12)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["response", "error"]), VALUES))
def test_any_line_is_read(told: dict[str, Any]) -> None:
    answer_of_line(json.dumps({"custom_id": "00", **told}), "openai:URL")
