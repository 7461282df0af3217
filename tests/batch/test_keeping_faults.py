"""What is kept of rows while its file is locked, full, read-only, damaged or cancelled: nothing lost, and it is said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rows_server import RowsServer, rows_server
from test_keeping import ANSWER, answers

from qwen_magic import QwenClient
from qwen_magic.batch import keeping as keeping_module
from qwen_magic.batch.keeping import Keeping
from qwen_magic.batch.sent_batches import SentBatches
from qwen_magic.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = [str(number) for number in range(40)]


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server() as running:
        yield running


@contextlib.contextmanager
def held(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the file as another program does that writes for long."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def test_a_lock_is_waited_for_once_and_all_is_written_when_it_is_gone(server: RowsServer, tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["first"], keep=path)
        loop = asyncio.get_running_loop()
        with held(path) as other:
            begun = loop.time()
            job: Any = client.map("Say {item}", ROWS, keep=path, concurrency=2)
            waiting = asyncio.ensure_future(job.wait())
            while job.progress.done < len(ROWS) - 2:
                await asyncio.sleep(0.01)
            assert loop.time() - begun < 20  # a group of two rows at a time: each waited for it for 5 s
            other.execute("ROLLBACK")
            assert (await waiting).frame["status"].tolist() == ["done"] * 40
        assert job.unkept == ""
        again = await client.map("Say {item}", ROWS, keep=path)
        assert again.frame["status"].tolist() == ["recorded"] * 40


async def test_a_lock_until_the_end_is_one_line(server: RowsServer, tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["first"], keep=path)
        with held(path):
            job: Any = client.map("Say {item}", ROWS[:3], keep=path)
            assert (await job).frame["status"].tolist() == ["done"] * 3
        assert job.unkept == "the answers are not kept (database is locked): they are only in the result"
        assert [note for note in job.notes if "kept" in note] == [job.unkept]
        again = await client.map("Say {item}", ROWS[:3], keep=path)  # in the same process nothing is asked twice
        assert again.columns()["status"] == ["recorded"] * 3
        assert len(server.prompts) == 4
    keeping = Keeping(path)
    assert await keeping.use(lambda database: database.execute("SELECT count(*) FROM answer").fetchone()) == (4,)
    keeping.close()


async def test_what_cannot_be_looked_up_is_said_before_it_is_asked_again(server: RowsServer, tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(b"no database at all, but as long as one " * 100)
    async with QwenClient(server.target) as client:
        job: Any = client.map("Say {item}", ROWS[:3], keep=path)
        plan = await job.plan()
        assert not server.prompts
        assert "what is kept cannot be read (file is not a database): rows that are known are asked again" in plan.notes
        assert (await job).frame["status"].tolist() == ["done"] * 3
    assert b"no database at all" in path.read_bytes()  # whatever it is, it is not ours to write over


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder and all in it read-only, for root too, whom modes do not hold."""
    if os.geteuid():
        paths = [*folder.iterdir(), folder]
        for path in paths:
            path.chmod(0o500 if path.is_dir() else 0o400)
        yield
        folder.chmod(0o700)
        return
    if subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
async def test_what_is_known_is_read_where_nothing_can_be_written(server: RowsServer, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    path = folder / "rows.sqlite"
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ROWS[:5], keep=path)
        with read_only(folder):
            job: Any = client.map("Say {item}", ROWS[:7], keep=path)
            assert (await job).frame["status"].tolist() == ["recorded"] * 5 + ["done"] * 2
            assert len(server.prompts) == 7
            assert [note for note in job.notes if "not kept" in note] == [job.unkept]
            assert await client.batches(keep=path) == []


async def test_a_disk_that_is_full_for_a_while_costs_no_answer(tmp_path: Path) -> None:
    given = {key: replace(one, text=one.text * 500) for key, one in answers(80).items()}
    keeping = Keeping(tmp_path / "rows.sqlite")
    most = await keeping.use(lambda database: database.execute("PRAGMA page_count").fetchone()[0]) + 10
    await keeping.use(lambda database: database.execute(f"PRAGMA max_page_count = {most}").fetchone())
    for key, answer in given.items():
        await keeping.keep(key, answer)
    assert keeping.trouble == "the answers are not kept (database or disk is full): they are only in the result"
    assert not keeping.locked
    await keeping.use(lambda database: database.execute("PRAGMA max_page_count = 1000000").fetchone())
    await keeping.keep(b"k" * 16, ANSWER)
    keeping.close()
    assert keeping.trouble == ""
    again = Keeping(tmp_path / "rows.sqlite")
    assert await again.known(list(given)) == given
    again.close()


@pytest.mark.parametrize("odd", [{"prompt_tokens": 10**40}, {"text": object()}, {"model": b"\xff", "seconds": []}])
async def test_a_value_that_no_database_holds_leaves_nobody_waiting(tmp_path: Path, odd: dict[str, object]) -> None:
    keeping = Keeping(tmp_path / "rows.sqlite")
    answer = replace(ANSWER, **odd)  # type: ignore[arg-type] # that is what is tried
    await asyncio.wait_for(keeping.keep(b"k", answer), 20)
    assert "not kept" in keeping.trouble
    keeping.close()


async def test_whatever_fails_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping = Keeping(tmp_path / "rows.sqlite")

    def failing(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr(keeping_module, "_insert", failing)
    await asyncio.wait_for(keeping.keep(b"k", ANSWER), 20)
    assert keeping._writing is not None
    assert isinstance(keeping._writing.exception(), MemoryError)
    keeping.close()


async def test_a_locked_list_of_batches_says_why(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path / "rows.sqlite")
    sent = SentBatches(keeping)
    assert await sent.all() == []
    with held(tmp_path / "rows.sqlite"), pytest.raises(StoreError, match=r"cannot be used \(database is locked\)"):
        await sent.add("file", "target", "m", "", [])
    keeping.close()


async def test_however_often_it_is_cancelled_what_came_is_kept_and_recorded(
    server: RowsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server.seconds = 0.02
    path = tmp_path / "rows.sqlite"
    async with QwenClient(server.target) as client:
        job: Any = client.map("Say {item}", ROWS, keep=path, concurrency=4, replay="on")
        waiting = asyncio.ensure_future(job.wait())
        while job.progress.done < 10:
            await asyncio.sleep(0.001)
        while not job.over:  # as a person who presses it again and again
            job.cancel()
            if job._task is not None:
                job._task.cancel()
            await asyncio.sleep(0)
        out = await waiting
        came = [answer.status for answer in map(out.__getitem__, range(40))].count("done")
        assert 10 <= came < 40
        assert job._keeping is None
        again: Any = client.map("Say {item}", ROWS, keep=path)
        assert (await again.plan()).head.startswith(f"40 rows, 40 different, {came} known")
        (recorded,) = tmp_path.glob("*.jsonl")
        assert len(recorded.read_text().splitlines()) >= came
