"""Rows asked by the workers of an executor: real processes, a Dask cluster, and workers that are killed."""

from __future__ import annotations

import asyncio
import collections
import importlib.util
import multiprocessing
import os
import pickle
import signal
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from rows_server import Refusal, RowsServer, rows_server
from support.clock import FakeClock

from qwen_magic import QwenClient
from qwen_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
ROWS = [str(number) for number in range(60)]


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server() as running:
        yield running


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


class Watched(ThreadPoolExecutor):
    """An executor that notes what is pickled for its workers."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.pickles: list[bytes] = []

    def submit(self, call: Any, /, *values: Any, **named: Any) -> Future[Any]:
        self.pickles.append(pickle.dumps((call, values, named)))
        again, values, named = pickle.loads(self.pickles[-1])
        return super().submit(again, *values, **named)


async def test_processes_ask_and_a_second_run_asks_nothing(server: RowsServer, keep: Path) -> None:
    server.rule = lambda prompt: Refusal(400, "not this one") if prompt == "Say 7" else f"answer to {prompt}"
    frame = pd.DataFrame({"n": [*ROWS, "3"]})
    with pool() as executor:
        async with QwenClient(server.target) as client:
            out = await client.map("Say {n}", frame, executor=executor, keep=keep, temperature=0)
            assert out.frame["answer"].tolist()[:3] == ["answer to Say 0", "answer to Say 1", "answer to Say 2"]
            assert collections.Counter(out.frame["status"]) == {"done": 60, "failed": 1}
            assert "not this one" in out.failed[0].error
            assert len(server.prompts) == 60
            assert server.prompts[0] == "Say 0"
            assert out.usage.prompt_tokens == 590
            again = await client.map("Say {n}", frame, executor=executor, keep=keep, temperature=0, limit=7)
            assert len(server.prompts) == 60
            assert again.frame["status"].tolist()[:7] == ["recorded"] * 7


async def test_a_killed_worker_of_a_pool_costs_no_row(server: RowsServer, keep: Path) -> None:
    server.seconds = 0.05
    with pool() as executor:
        async with QwenClient(server.target) as client:
            job = client.map("Say {item}", ROWS, executor=executor, keep=keep, concurrency=4)
            waiting = asyncio.ensure_future(job.wait())
            await until(lambda: job.progress.asked > 10)
            os.kill(next(iter(executor._processes)), signal.SIGTERM)
            out = await waiting
    assert not out.stopped
    assert [out[row].status for row in range(60)] == ["done"] * 60
    assert max(collections.Counter(server.prompts).values()) <= 2


async def test_the_limits_are_shared_and_no_key_is_in_a_pickle(
    server: RowsServer, keep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-secret-of-the-server-0123456789"
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789abcdefghij")
    target = server.target.replace("//", "//user:word-of-pass@")
    with Watched(2) as executor:
        async with QwenClient(target, headers={"X-Pass": "header-secret"}) as client:
            job = client.map(
                "Say {item}", ROWS[:20], executor=executor, keep=keep, rpm=6000, tpm=900_000, concurrency=6
            )
            assert "headers, the login in the address are not given to the workers" in job.notes[-1]
            out = await job
        assert len(out.failed) == 0
        told = [pickle.loads(one)[1][0] for one in executor.pickles]
        assert {(one.requests, one.tokens, one.concurrency) for one in told} == {(3000, 450_000, 3)}
        for secret in (key, "hf_0123456789", "word-of-pass", "header-secret"):
            assert not any(secret.encode() in one for one in executor.pickles)
    assert server.most_at_once <= 6


async def test_a_shape_goes_along(server: RowsServer, keep: Path) -> None:
    server.rule = lambda _: '{"mood": "happy"}'
    with Watched(2) as executor:
        async with QwenClient(server.target) as client:
            out = await client.map("Say {item}", ROWS[:5], schema="mood: happy|sad", executor=executor, keep=keep)
    assert out.frame["mood"].tolist() == ["happy"] * 5


async def test_an_interrupt_keeps_what_came(server: RowsServer, keep: Path) -> None:
    server.seconds = 0.05
    with Watched(2) as executor:
        async with QwenClient(server.target) as client:
            job = client.map("Say {item}", ROWS, executor=executor, keep=keep, concurrency=4)
            waiting = asyncio.ensure_future(job.wait())
            await until(lambda: job.progress.asked > 10)
            job.cancel()
            out = await waiting
            came = [out[row].status for row in range(60)].count("done")
            assert 10 < came < 60
            out = await client.map("Say {item}", ROWS, executor=executor, keep=keep)
            assert [out[row].status for row in range(60)].count("recorded") == came
            assert not out.failed


class Failing(ThreadPoolExecutor):
    """An executor whose parts fail so many times, as those of a cluster do whose workers die."""

    failures = 0

    def submit(self, call: Any, /, *values: Any, **named: Any) -> Future[Any]:
        if self.failures:
            self.failures -= 1
            failed: Future[Any] = Future()
            failed.set_exception(OSError("the worker was killed, sk-0123456789abcdef0123456789"))
            return failed
        return super().submit(call, *values, **named)


@pytest.mark.parametrize(("failures", "failed"), [(2, 0), (1000, 3)])
async def test_a_part_that_fails_is_asked_again(server: RowsServer, keep: Path, failures: int, failed: int) -> None:
    with Failing(2) as executor:
        executor.failures = failures
        async with QwenClient(server.target) as client:
            out = await client.map("Say {item}", ROWS, executor=executor, keep=keep)
    assert len(out.failed) == failed
    assert bool(out.stopped) == bool(failed)
    if failed:
        assert out.failed[0].error.startswith("the worker failed: OSError: the worker was killed")
        assert "sk-0123" not in out.failed[0].error


async def test_the_rest_is_asked_from_here_a_minute_later(server: RowsServer, keep: Path) -> None:
    clock = FakeClock(longest=90)
    executor = ThreadPoolExecutor(2)
    executor.shutdown()
    async with QwenClient(server.target, clock=clock) as client:
        out = await client.map("Say {item}", ROWS[:9], executor=executor, keep=keep, rpm=6000)
    assert not out.failed
    assert len(server.prompts) == 9
    assert 60.0 in clock.waits


async def test_a_worker_without_a_key_says_so(keep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    with Watched(2) as executor:
        async with QwenClient("dashscope:qwen-plus") as client:
            out = await client.map("Say {item}", ROWS, executor=executor, keep=keep)
    assert out.stopped.startswith("in a worker: ")
    assert "DASHSCOPE_API_KEY" in out.stopped


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("openai:http://127.0.0.1:9/v1#m", {"executor": 3}, "executor is of type int"),
        ("qwen-3", {}, "one row at a time"),
        ("openai:http://127.0.0.1:9/v1#m", {"rpm": 1}, "rpm of 1 cannot be shared by 2 workers"),
        ("dashscope:qwen-plus", {"batch": True}, "executor cannot be given with a batch"),
    ],
)
async def test_what_workers_cannot_do_is_refused(target: str, options: dict[str, Any], words: str) -> None:
    with ThreadPoolExecutor(2) as executor:
        async with QwenClient(target) as client:
            with pytest.raises(UsageError, match=words):
                client.map("Say {item}", ROWS, **{"executor": executor, **options})


@pytest.mark.skipif(sys.platform == "win32", reason="a signal")
async def test_a_dask_cluster_whose_worker_is_killed(server: RowsServer, keep: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("pip install distributed")
    server.seconds = 0.1
    program = ROOT / "tests" / "batch" / "dask_rows.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        server.target,
        str(keep),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "100s"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "killed 1 of 2 workers; {'done': 200}" in said.decode(), said.decode()
    assert max(collections.Counter(server.prompts).values()) <= 2
    assert len(server.prompts) <= 200 + 2 * 32
