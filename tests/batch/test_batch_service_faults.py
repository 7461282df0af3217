"""Batch services that say anything at all, and jobs that are interrupted or killed at any moment of theirs."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from batch_server import BatchServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows_server import serving
from support.clock import FakeClock

from qwen_magic import QwenClient
from qwen_magic.backends.openai import batch_service
from qwen_magic.batch import sent_batches
from qwen_magic.batch.keeping import Keeping
from qwen_magic.batch.sent_batches import SentBatches, SentLine
from qwen_magic.errors import NotFoundError, QwenError, StoreError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
ROWS = list("abcdefg")
ANSWERS = [f"answer to Say {row}" for row in ROWS]


@dataclass
class Spoiling(BatchServer):
    """A service whose answers are spoilt on the way, and that calls at each request before and after it is served."""

    spoil: Callable[[str, Any], Any] = lambda _, told: told
    spoil_file: Callable[[bytes], bytes] = lambda data: data
    called: Callable[[str], None] = lambda _: None
    moments: list[str] = field(default_factory=list)

    async def upload(self, request: web.Request) -> web.Response:
        return await self._spoilt("upload", super().upload, request)

    async def create(self, request: web.Request) -> web.Response:
        return await self._spoilt("create", super().create, request)

    async def listed(self, request: web.Request) -> web.Response:
        return await self._spoilt("list", super().listed, request)

    async def get(self, request: web.Request) -> web.Response:
        return await self._spoilt("get", super().get, request)

    async def delete(self, request: web.Request) -> web.Response:
        return await self._spoilt("delete", super().delete, request)

    async def content(self, request: web.Request) -> web.Response:
        self._moment("content, before")
        told = await super().content(request)
        self._moment("content, after")
        return web.Response(body=self.spoil_file(bytes(told.body))) if told.status == 200 else told  # type: ignore[arg-type]

    async def _spoilt(self, kind: str, serve: Any, request: web.Request) -> web.Response:
        self._moment(f"{kind}, before")
        told = await serve(request)
        self._moment(f"{kind}, after")
        if told.status != 200:
            return told  # type: ignore[no-any-return]
        return web.Response(text=json.dumps(self.spoil(kind, json.loads(told.text))), content_type="application/json")

    def _moment(self, name: str) -> None:
        self.moments.append(name)
        self.called(name)

    def sent(self) -> collections.Counter[str]:
        """Count how often each request was put into a batch that was begun."""
        files = (self.uploads[batch["input_file_id"]] for batch in self.batches.values())
        return collections.Counter(line["custom_id"] for lines in files for line in lines)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Spoiling]:
    folder = tmp_path / "service"
    folder.mkdir()
    with serving(Spoiling(folder=folder)) as running:
        yield running


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


def asking(server: BatchServer) -> QwenClient:
    return QwenClient(server.target, clock=FakeClock(longest=90))


async def all_done(server: Spoiling, keep: Path) -> None:
    """Ask again as another kernel would, and find every row answered, each in one batch alone."""
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert out.stopped == ""
        assert out.columns()["answer"] == ANSWERS
    assert max(server.sent().values(), default=1) == 1


def moments() -> list[str]:
    kinds = ("upload", "list", "create", "get", "content", "delete")
    return [f"{kind}, {when}" for kind in kinds for when in ("before", "after")]


@pytest.mark.parametrize("moment", moments())
async def test_an_interrupt_at_any_moment_sends_nothing_twice(server: Spoiling, keep: Path, moment: str) -> None:
    loop, job = asyncio.get_running_loop(), None

    def called(now: str) -> None:
        if now == moment and job is not None:
            loop.call_soon_threadsafe(job.cancel)

    server.called = called
    async with asking(server) as client:
        job = client.map("Say {item}", ROWS, batch=True, keep=keep)
        out = await job
        assert [one_line(out.stopped), *(one_line(one.error) for one in out.failed)] == [out.stopped]
    server.called = lambda _: None
    assert moment in server.moments
    await all_done(server, keep)


KILLED = """
import asyncio, sys
from qwen_magic import QwenClient
from qwen_magic.batch import service
service.FIRST_WAIT = service.LONGEST_WAIT = 0.01
async def main():
    async with QwenClient(sys.argv[1]) as client:
        await client.map("Say {item}", list("abcdefg"), batch=True, keep=sys.argv[2])
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a signal")
@pytest.mark.parametrize("moment", ["upload, after", "list, after", "create, after", "content, after"])
async def test_a_kill_at_any_moment_sends_nothing_twice(server: Spoiling, keep: Path, moment: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), server.target, str(keep)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    ) as process:
        server.called = lambda now: process.send_signal(signal.SIGKILL) if now == moment else None
        assert await asyncio.to_thread(process.wait, 120) == -signal.SIGKILL
    server.called = lambda _: None
    await all_done(server, keep)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=8)
    | st.sampled_from(["", "..", ".", "a b", "a/../b\n", "\ud800", "\x1b]0;x\x07", "\u202ex", "x" * 1000, "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
FIELDS = {
    "upload": ("id",),
    "create": ("id", "status", "input_file_id", "request_counts"),
    "list": ("data", "has_more"),
    "get": ("id", "status", "request_counts", "errors", "output_file_id", "error_file_id"),
    "delete": ("id",),
}
spoilings = st.dictionaries(
    st.sampled_from(
        [(kind, name) for kind, names in FIELDS.items() for name in names] + [(kind, "") for kind in FIELDS]
    ),
    junk,
    min_size=1,
    max_size=3,
)


def is_id(value: Any) -> bool:
    return bool(batch_service._usable(value))


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(spoilt=spoilings)
def test_whatever_a_service_says_no_row_is_lost_and_none_sent_twice(
    spoilt: dict[tuple[str, str], Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("service")

    def spoil(kind: str, told: Any) -> Any:
        for (where, name), value in spoilt.items():
            if where == kind and not name:
                told = value
            elif where == kind and isinstance(told, dict) and not is_id(value):  # another id is a lie, not a fault
                told[name] = value
        return told

    async def run(server: Spoiling) -> None:
        async with asking(server) as client:
            job = client.map("Say {item}", ROWS, batch=True, keep=folder / "rows.sqlite")
            running = asyncio.ensure_future(job.wait())
            while not running.done() and server.polls < 12:
                await asyncio.wait({running}, timeout=0.002)
            assert one_line(job.progress.waiting) == job.progress.waiting
            job.cancel()
            out = await running
            said = [out.stopped, *(one.error for one in out.failed)]
            assert [one_line(line, 2000) for line in said] == said
            assert len(out.columns()["status"]) == len(ROWS)
            assert all(
                batch.line == one_line(batch.line)
                for batch in await client.batches(ask=False, keep=folder / "rows.sqlite")
            )
        server.spoil = lambda _, told: told
        async with asking(server) as client:
            out = await client.map("Say {item}", ROWS, batch=True, keep=folder / "rows.sqlite")
            assert out.columns()["answer"] == ANSWERS, out.stopped
        twice = [name for name, count in server.sent().items() if count > 1]
        assert not twice or said[1:], "what is asked again was said to have failed"

    with serving(Spoiling(folder=folder, spoil=spoil)) as server:
        asyncio.run(run(server))


def doubled(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines for _ in (0, 1)]


def contradicted(lines: list[bytes]) -> list[bytes]:
    failures = [
        json.dumps({"custom_id": json.loads(line)["custom_id"], "error": {"message": "no"}}).encode() for line in lines
    ]
    return [*failures, *lines, *failures]


def foreign(lines: list[bytes]) -> list[bytes]:
    return [line.replace(json.loads(line)["custom_id"].encode(), b"00" * 16) for line in lines] + lines


HARMLESS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "doubled": doubled,
    "contradicted": contradicted,
    "foreign": foreign,
    "garbage between": lambda lines: [
        part for line in lines for part in (b"\xff\x00\x80", b"{" * 5000, b"", line[:40], line)
    ],
    "a huge line": lambda lines: [b"x" * 400_000, *lines, b'{"custom_id": "' + b"y" * 400_000],
    "other ends of lines": lambda lines: [line + b"\r" for line in lines],
    "deep": lambda lines: [b'{"custom_id": "00", "response": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", *lines],
}


@pytest.mark.parametrize("how", list(HARMLESS))
async def test_answers_are_found_in_any_file(
    server: Spoiling, keep: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_service, "_MOST", 200_000)
    server.spoil_file = lambda data: b"\n".join(HARMLESS[how](data.splitlines())) + b"\n"
    await all_done(server, keep)
    assert not list(server.folder.iterdir())


@pytest.mark.parametrize("last", [0, 3])
async def test_what_is_counted_and_not_there_is_fetched_again(server: Spoiling, keep: Path, last: int) -> None:
    fetched: list[int] = []

    def cut(data: bytes) -> bytes:
        fetched.append(len(data))
        return data if len(fetched) > 2 else b"".join(data.splitlines(keepends=True)[:last])[:-20]

    server.spoil_file = cut
    await all_done(server, keep)
    assert len(fetched) == 3


async def test_what_never_comes_fails_and_its_file_stays_at_the_service(server: Spoiling, keep: Path) -> None:
    server.spoil_file = lambda data: b"".join(data.splitlines(keepends=True)[:-2])
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert out.columns()["status"] == ["done"] + ["failed"] * 2 + ["done"] * 4
        assert out.failed[0].error == "the service gave no answer, though it counts one; its file stays there"
        assert server.deleted == []
        server.spoil_file = lambda data: data
        await out.retry()
        assert out.columns()["answer"] == ANSWERS
    assert sorted(server.sent().values()) == [1, 1, 1, 1, 2, 2]  # those that were said to have failed


async def test_a_file_of_failures_alone(server: Spoiling, keep: Path) -> None:
    server.end = "expired"
    server.spoil = lambda _, told: {name: value for name, value in told.items() if name != "output_file_id"}
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
    assert collections.Counter(one.error for one in out.failed) == {
        "the service reported an error: too late": 3,
        "the service gave no answer, though it counts one; its file stays there": 3,
    }


async def test_answers_that_the_service_no_longer_has_can_be_given_up(server: Spoiling, keep: Path) -> None:
    def called(now: str) -> None:
        for path in server.folder.glob("file-out*") if now == "content, before" else ():
            path.unlink()

    server.called = called
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert "no longer has the answers of the batch batch_1" in out.stopped
        assert "%qwen batches forget batch_1" in out.stopped
        with pytest.raises(NotFoundError, match="no longer has the answers"):
            await client.batch("batch_1", keep=keep)
        server.called = lambda _: None
        await client.forget_batch("batch_1", keep=keep)
        assert (await client.map("Say {item}", ROWS, batch=True, keep=keep)).columns()["answer"] == ANSWERS


async def test_a_batch_that_can_never_be_begun_can_be_given_up(server: Spoiling, keep: Path) -> None:
    server.called = lambda now: server.uploads.clear() if now == "create, before" else None
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        (batch,) = await client.batches(ask=False, keep=keep)
        assert f"%qwen batches forget {batch.name}" in out.stopped
        server.called = lambda _: None
        await client.forget_batch(batch.name, keep=keep)
        assert (await client.map("Say {item}", ROWS, batch=True, keep=keep)).columns()["answer"] == ANSWERS
    assert len(server.batches) == 1


async def test_a_lost_id_is_found_behind_many_newer_batches(server: Spoiling, keep: Path) -> None:
    others = [{"id": f"other_{number}", "odd": True} for number in range(250)]

    async def listed(request: web.Request) -> web.Response:
        found = [*others, *reversed(server.batches.values())]
        names = [one["id"] for one in found]
        begin = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = found[begin : begin + 100]
        return web.json_response({"data": page, "has_more": begin + 100 < len(found)})

    server.listed = listed  # type: ignore[method-assign]
    server.lost = 1
    with serving(server):
        async with asking(server) as client:
            out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
            assert out.stopped
        await all_done(server, keep)
    assert len(server.batches) == 1


async def test_a_file_that_nobody_would_find_again_is_deleted(server: Spoiling, keep: Path) -> None:
    async with asking(server) as client:
        keeping = Keeping(keep)
        await SentBatches(keeping).add("old", "t", "m", "", [SentLine(b"k", "p")])
        await keeping.use(
            lambda database: database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON batch BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
            )
        )
        keeping.close()
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert "cannot be used (database or disk is full)" in out.stopped
    assert not server.batches
    assert len(server.deleted) == 1


async def test_a_full_disk_for_the_requests_is_one_line(
    server: Spoiling, keep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("qwen_magic.batch.batch_files.tempfile.TemporaryFile", full)
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
    assert "the requests cannot be written to a file (No space left on device)" in out.stopped
    assert out.columns()["status"] == ["done"] + ["not asked"] * 6


async def test_a_lock_while_it_waits_stops_nothing(
    server: Spoiling, keep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = iter([True, True, True, True, False])

    async def note(self: Any, batch: Any, state: Any) -> Any:
        if next(notes, False):
            raise StoreError("database is locked")
        return await whole(self, batch, state)

    whole = sent_batches.SentBatches.note
    monkeypatch.setattr(sent_batches.SentBatches, "note", note)
    await all_done(server, keep)
    with contextlib.suppress(QwenError):
        async with asking(server) as client:
            assert [batch.taken for batch in await client.batches(ask=False, keep=keep)] == [True]
