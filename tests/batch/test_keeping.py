"""Answers of rows kept in groups: all of them, whatever their number, and in time."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qwen_magic.batch.keeping import Keeping
from qwen_magic.batch.kept_answer import KeptAnswer

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = KeptAnswer("text", "", "openai:http://h/v1#m", "m", "stop", 1, 2, False, 0.5, "2026-01-02T03:04:05+00:00")


def answers(number: int) -> dict[bytes, KeptAnswer]:
    return {one.to_bytes(16, "big"): replace(ANSWER, text=f"text {one}") for one in range(number)}


@pytest.mark.parametrize("number", [1, 79, 80, 81, 500])
async def test_a_group_of_any_size_is_kept(tmp_path: Path, number: int) -> None:
    given = answers(number)
    keeping = Keeping(tmp_path / "rows.sqlite")
    await asyncio.gather(*(keeping.keep(key, answer) for key, answer in given.items()))
    keeping.close()
    again = Keeping(tmp_path / "rows.sqlite")
    assert await again.known(list(given)) == given
    again.close()
    assert keeping.trouble == ""


async def test_it_is_written_when_it_returns(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path / "rows.sqlite")
    await keeping.keep(b"k", ANSWER)
    with contextlib.closing(sqlite3.connect(tmp_path / "rows.sqlite")) as other:
        assert other.execute("SELECT text FROM answer").fetchall() == [("text",)]
    keeping.close()


async def test_who_stops_waiting_costs_no_other_and_loses_nothing(tmp_path: Path) -> None:
    given = answers(20)
    keeping = Keeping(tmp_path / "rows.sqlite")
    tasks = [asyncio.ensure_future(keeping.keep(key, answer)) for key, answer in given.items()]
    await asyncio.sleep(0)
    tasks[3].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in done].count(asyncio.CancelledError) == 1
    await keeping.finish()
    assert await keeping.known(list(given)) == given
    keeping.close()


async def test_what_could_not_be_written_is_written_with_the_next(tmp_path: Path) -> None:
    given = answers(100)
    first, *rest = given
    keeping = Keeping(tmp_path / "rows.sqlite")
    await keeping.known([])
    with contextlib.closing(sqlite3.connect(tmp_path / "rows.sqlite", isolation_level=None)) as other:
        await keeping.use(lambda database: database.execute("PRAGMA busy_timeout = 1"))
        other.execute("BEGIN IMMEDIATE")
        await asyncio.gather(*(keeping.keep(key, given[key]) for key in rest))
        assert "not kept" in keeping.trouble
        other.execute("ROLLBACK")
    await keeping.keep(first, given[first])
    assert keeping.trouble == ""
    assert await keeping.known(list(given)) == given
    keeping.close()


async def test_no_key_is_kept_in_any_column(tmp_path: Path) -> None:
    key = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz12345678"
    keeping = Keeping(tmp_path / "rows.sqlite")
    await keeping.keep(b"k", replace(ANSWER, text=f"it is {key}", thinking=key, target=f"openai:{key}", model=key))
    keeping.close()
    assert key.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
