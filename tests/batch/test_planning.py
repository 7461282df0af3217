"""The plan of many rows: the loop goes on turning, what is cancelled goes on later, memory stays small."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic import QwenClient
from qwen_magic.batch.keeping import Keeping
from qwen_magic.batch.kept_answer import KeptAnswer
from qwen_magic.batch.prompts import template
from qwen_magic.batch.rows import rows_of
from qwen_magic.batch.slices import SLICE
from qwen_magic.parts import Image

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

NOBODY = "openai:http://127.0.0.1:9/v1#m"
"""Nothing is sent."""
ROWS = 20_000
TURNS = ROWS // SLICE
PROMPT = "Sentiment of: {text} ({stars})"


def many(rows: int = ROWS) -> list[dict[str, Any]]:
    return [{"text": f"review {number}", "stars": number % 5} for number in range(rows)]


async def turns_during(awaited: Awaitable[Any]) -> int:
    """Count how often another task has its turn until something is done."""
    turns, over = 0, False

    async def turn() -> None:
        nonlocal turns
        while not over:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    await awaited
    over = True
    await turning
    return turns


@pytest.mark.parametrize("kind", ["records", "items", "pandas", "dates", "a variable alone"])
async def test_the_loop_turns_while_rows_are_planned(kind: str) -> None:
    given: Any = many()
    prompt = PROMPT
    if kind == "items":
        given, prompt = [row["text"] for row in given], "Say {item}"
    elif kind == "pandas":
        given = pd.DataFrame(given)
    elif kind == "dates":
        given = [{**row, "stars": dt.datetime(2026, 1, 1, 0, row["stars"])} for row in given]  # noqa: DTZ001
    elif kind == "a variable alone":
        prompt = "Say yes"

    async def planned() -> None:
        plan = await client.map(prompt, given, keep=False).plan()
        assert plan.different == (1 if prompt == "Say yes" else ROWS)

    async with QwenClient(NOBODY) as client:
        assert await turns_during(planned()) >= TURNS


async def test_the_loop_turns_for_each_picture() -> None:
    pictures = [Image(f"picture {number}".encode(), "image/png", "p.png") for number in range(50)]

    async def planned() -> None:
        plan = await client.map("What is this? {item}", [*pictures, *pictures], keep=False).plan()
        assert plan.head == "100 rows, 50 different: 50 to ask"

    async with QwenClient(NOBODY) as client:
        assert await turns_during(planned()) >= 100


async def test_the_loop_turns_while_kept_answers_are_read(tmp_path: Path) -> None:
    rows, kept = many(600), KeptAnswer('{"label": "yes"}', "", NOBODY, "m", "stop", 1, 1, False, 1.0, "")
    shaped: dict[str, Any] = {"schema": "label: yes|no", "keep": tmp_path / "rows.sqlite"}
    async with QwenClient(NOBODY) as client:
        assert await client.write_batch(tmp_path / "lines.jsonl", PROMPT, rows, **shaped) == 600
        keeping = Keeping(tmp_path / "rows.sqlite")
        lines = (tmp_path / "lines.jsonl").read_text().splitlines()
        await asyncio.gather(*(keeping.keep(bytes.fromhex(json.loads(line)["custom_id"]), kept) for line in lines))
        keeping.close()
        job = client.map(PROMPT, rows, **shaped)
        assert await turns_during(job.plan()) >= 2 * 600 // SLICE
        assert (await job.plan()).head == "600 rows, 600 different, 600 known: 0 to ask"
        assert job.result[599].value == {"label": "yes"}


async def test_the_loop_turns_while_a_batch_is_written(tmp_path: Path) -> None:
    async with QwenClient(NOBODY) as client:
        job = client.map(PROMPT, many(3000), keep=False)
        await job.plan()
        assert await turns_during(job.write_batch(tmp_path / "lines.jsonl")) >= 3000 // SLICE
    assert len((tmp_path / "lines.jsonl").read_text().splitlines()) == 3000


async def test_a_plan_that_was_cancelled_goes_on_later() -> None:
    rows = [*many(5000), {"text": None, "stars": None}, *many(5000)]
    async with QwenClient(NOBODY) as client:
        job = client.map(PROMPT, rows, keep=False)
        planning = asyncio.create_task(job.plan())
        for _ in range(10):
            await asyncio.sleep(0)
        planning.cancel()
        await asyncio.wait({planning})
        assert planning.cancelled()
        assert repr(job.result) == "<10,001 rows: 10,001 not asked>"
        assert [job.result[row].error for row in (0, 5000, 10_000)] == ["", "", ""]
        assert (await job.plan()).head == "10,001 rows, 5,000 different, 1 that cannot be asked: 5,000 to ask"
        assert job.result[5000].error == "text and stars are missing"


async def test_two_plans_at_once_are_one() -> None:
    async with QwenClient(NOBODY) as client:
        job = client.map(PROMPT, many(3000), keep=False)
        plans = await asyncio.gather(job.plan(), job.plan())
    assert [plan.head for plan in plans] == ["3,000 rows, 3,000 different: 3,000 to ask"] * 2


async def test_a_job_stopped_while_it_reads_rows_has_asked_none() -> None:
    async with QwenClient(NOBODY) as client:
        job = client.map(PROMPT, many(), keep=False)
        waiting = asyncio.create_task(job.wait())
        for _ in range(10):
            await asyncio.sleep(0)
        job.cancel()
        out = await waiting
    assert out.frame["status"].tolist() == ["not asked"] * ROWS
    assert "run it again" in out.stopped


async def test_a_limit_is_of_rows_not_of_different_ones() -> None:
    async with QwenClient(NOBODY) as client:
        plan = await client.map("Say {item}", ["a", "a", "b", "c"], keep=False, limit=3).plan()
    assert plan.to_ask == 2


async def test_a_plan_takes_little_memory_beside_the_rows() -> None:
    rows = many()
    async with QwenClient(NOBODY) as client:
        await client.map(PROMPT, rows[:10], keep=False).plan()  # what is loaded on first use
        tracemalloc.start()
        job = client.map(PROMPT, rows, keep=False)
        await job.plan()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak / ROWS < 3 * 1024


VALUES = st.one_of(
    st.text(max_size=5),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates(),
    st.decimals(),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.just(Image(b"x", "image/png", "x.png")),
    st.just(pd.NaT),
)


@given(
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8),
    st.sampled_from(["{a}", "Say {a} and {b}.", "{b}{a}{a}", "{{}} {a}", "no column", "{a!r} {b}", "{b.real} {a}"]),
    st.sampled_from([None, str.upper]),
)
def test_what_is_made_of_many_rows_at_once_is_what_is_made_of_each(
    values: list[tuple[Any, Any]], prompt: str, change: Any
) -> None:
    rows = rows_of([{"a": a, "b": b} for a, b in values])
    made = template(prompt, rows, change=change)
    texts = made.texts(rows, 0, len(rows))
    assert len(texts) == len(rows)
    for row, text in enumerate(texts):
        if text is not None:
            assert text == made.parts(rows, row)
        else:
            odd = not all(isinstance(value, (str, int)) for value in values[row])
            assert odd or "!" in prompt or ".real" in prompt
