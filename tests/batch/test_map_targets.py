"""Many rows for each of several targets, against real servers: a row for each, each with its own pace, one result."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest
from rows_server import Refusal, rows_server

from qwen_magic import QwenClient
from qwen_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rows_server import RowsServer

LABELS = ("text", "answer", "target", "status", "error")


@pytest.fixture
def servers() -> Iterator[list[RowsServer]]:
    with ExitStack() as stack:
        rules = (lambda prompt: f"one: {prompt}", lambda prompt: f"two: {prompt}")
        yield [stack.enter_context(rows_server(rule=rule)) for rule in rules]


async def asked(servers: list[RowsServer], rows: Any, prompt: str = "Say {text}", **how: Any) -> Any:
    async with QwenClient() as client:
        return await client.map(prompt, rows, targets=[one.target for one in servers], **{"keep": False, **how})


async def test_a_row_for_each_target_and_row(servers: list[RowsServer]) -> None:
    frame = pd.DataFrame({"text": ["a", "b", None]}, index=[5, 5, 9])
    out = await asked(servers, frame)
    one, two = (server.target for server in servers)
    assert tuple(out.frame.columns) == LABELS
    assert out.frame.index.tolist() == [5, 5, 5, 5, 9, 9]
    assert out.frame["target"].tolist() == [one, two] * 3
    assert out.frame["answer"].tolist()[:4] == ["one: Say a", "two: Say a", "one: Say b", "two: Say b"]
    assert out.frame["status"].tolist() == ["done"] * 4 + ["not asked"] * 2
    assert [sorted(server.prompts) for server in servers] == [["Say a", "Say b"]] * 2
    assert [reply.text if reply else None for reply in out.replies] == [*out.frame["answer"].tolist()[:4], None, None]
    assert (out[3].row, out[3].target, out[3].value) == (3, two, "two: Say b")
    assert (out.usage.prompt_tokens, out.usage.completion_tokens) == (40, 20)
    assert out.summary == "4 done, 2 not asked"


@pytest.mark.parametrize(
    "rows",
    [
        pl.DataFrame({"text": ["a", "b"]}),
        pd.Series(["a", "b"], name="text"),
        [{"text": "a"}, {"text": "b"}],
    ],
    ids=["polars", "series", "dicts"],
)
async def test_any_kind_of_rows(servers: list[RowsServer], rows: Any) -> None:
    out = await asked(servers, rows)
    assert out.columns()["text"] == ["a", "a", "b", "b"]
    assert out.columns()["answer"] == ["one: Say a", "two: Say a", "one: Say b", "two: Say b"]
    assert len(out.frame) == 4


async def test_an_arrow_table(servers: list[RowsServer]) -> None:
    arrow = pytest.importorskip("pyarrow")
    out = await asked(servers, arrow.table({"text": ["a", "b"]}))
    assert out.frame.column("text").to_pylist() == ["a", "a", "b", "b"]
    assert out.frame.column("answer").to_pylist() == ["one: Say a", "two: Say a", "one: Say b", "two: Say b"]
    assert len((await asked(servers, arrow.table({"text": []}))).frame) == 0


async def test_single_values_and_none_at_all(servers: list[RowsServer]) -> None:
    out = await asked(servers, ["a", "b"], "Say {item}")
    assert out.columns()["item"] == ["a", "a", "b", "b"]
    for empty in (pd.DataFrame({"text": []}), pl.DataFrame({"text": []})):
        assert len((await asked(servers, empty)).frame) == 0


async def test_a_target_that_fails_costs_the_other_nothing_and_is_asked_again(servers: list[RowsServer]) -> None:
    one, two = servers
    two.rule = lambda prompt: Refusal(401, "no such key") if prompt else ""
    async with QwenClient() as client:
        rows = [{"text": str(number)} for number in range(30)]
        job = client.map("Say {text}", rows, targets=[one.target, two.target], keep=False)
        out = await job
        assert out.columns()["status"][::2] == ["done"] * 30
        assert len(two.prompts) == 1
        assert [(failed.row, failed.target) for failed in out.failed] == [(1, two.target)]
        assert out.stopped.count(two.target) == 1
        assert one.target not in out.stopped
        assert job.progress.failures[0].row == 1
        two.rule = lambda prompt: f"two: {prompt}"
        assert await out.retry() is out
        assert not out.failed
        assert not out.stopped
        assert out.columns()["answer"][1::2] == [f"two: Say {number}" for number in range(30)]
    assert len(one.prompts) == 30


async def test_no_target_waits_for_another(servers: list[RowsServer]) -> None:
    one, two = servers
    all_came = threading.Event()

    def last(prompt: str) -> str:
        if len(two.prompts) == 24:
            all_came.set()
        return prompt

    one.rule = lambda _: "after the other" if all_came.wait(30) else "before the other"
    two.rule = last
    out = await asked(servers, [{"text": str(number)} for number in range(24)], concurrency=3)
    assert out.columns()["answer"][::2] == ["after the other"] * 24
    assert max(one.most_at_once, two.most_at_once) <= 3


async def test_it_goes_on_and_its_plan_counts_each(servers: list[RowsServer], tmp_path: Path) -> None:
    keep = tmp_path / "rows.sqlite"
    await asked(servers[:1], [{"text": "a"}, {"text": "b"}], keep=keep)
    async with QwenClient() as client:
        rows = [{"text": "a"}, {"text": "b"}, {"text": "b"}]
        job = client.map("Say {text}", rows, targets=[one.target for one in servers], keep=keep, prices=(1, 2))
        plan = await job.plan()
        assert plan.head == "6 rows, 4 different, 2 known: 2 to ask"
        assert plan.targets == tuple(one.target for one in servers)
        out = await job
        assert out.cost == pytest.approx(2 * (10 * 1 + 5 * 2) / 1e6)
    assert out.columns()["status"] == ["recorded", "done"] * 3
    assert [len(server.prompts) for server in servers] == [2, 2]


async def test_answers_come_one_by_one_and_who_stops_stops_all(servers: list[RowsServer]) -> None:
    async with QwenClient() as client:
        names = [one.target for one in servers]
        job = client.map("Say {item}", ["a", "b", None], targets=names, keep=False)
        seen = [(answer.row, answer.target, answer.status) async for answer in job]
        statuses = ["done"] * 4 + ["not asked"] * 2
        assert sorted(seen) == [(row, names[row % 2], statuses[row]) for row in range(6)]
        for server in servers:
            server.seconds = 0.02
        job = client.map("Say {item}", [str(number) for number in range(500)], targets=names, keep=False)
        waiting = asyncio.ensure_future(job.wait())
        while job.progress.done < 20:
            await asyncio.sleep(0.005)
        with pytest.raises(UsageError, match="still being asked"):
            await job.again()
        job.cancel()
        out = await waiting
        assert job.over
        assert 20 <= out.frame["status"].tolist().count("done") < 1000
        assert all(name in out.stopped for name in names)


async def test_what_cannot_be_asked_is_refused(servers: list[RowsServer], tmp_path: Path) -> None:
    name = servers[0].target
    wrong: list[dict[str, Any]] = [
        {"targets": name},
        {"targets": []},
        {"targets": [name, name]},
        {"targets": [name, ""]},
        {"targets": 5},
        {"targets": [name], "target": name},
        {"targets": [name], "executor": object()},
    ]
    async with QwenClient() as client:
        for one in wrong:
            with pytest.raises(UsageError):
                client.map("Say {item}", ["a"], **one)
        with pytest.raises(UsageError, match="several targets"):
            await client.write_batch(tmp_path / "lines.jsonl", "Say {item}", ["a"], targets=[name])
    assert not servers[0].prompts
