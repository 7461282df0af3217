"""Executors that break in every way: no row is without an answer or a reason, nothing hangs, what came is kept."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import pickle
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import pytest
from rows_server import RowsServer, rows_server
from support.clock import FakeClock
from test_keeping import ANSWER

from qwen_magic import QwenClient
from qwen_magic.batch.elsewhere import workers_of
from qwen_magic.batch.keeping import Keeping
from qwen_magic.batch.worker import Part, PartAnswers, ask_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = [str(number) for number in range(40)]


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server() as running:
        yield running


class Odd(Executor):
    """An executor of two threads; from the third part on it does what it is told.

    Args:
        oddly: gives what its `submit` returns for a part, or raises.
        times: how many parts it does that with.
    """

    _max_workers = 2

    def __init__(self, oddly: Callable[[Any, Part], Any], times: int = 10**6) -> None:
        self._oddly, self._left, self._parts = oddly, times, 0
        self.threads = ThreadPoolExecutor(2)

    def submit(self, call: Any, /, *values: Any, **named: Any) -> Future[Any]:
        assert call is ask_part
        self._parts += 1
        if self._parts > 2 and self._left:
            self._left -= 1
            return self._oddly(*values)  # type: ignore[no-any-return]
        return self.threads.submit(call, *values, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.threads.shutdown(wait=wait, cancel_futures=cancel_futures)


def raising(error: BaseException) -> Callable[[Any, Part], Any]:
    def odd(*_: Any) -> Any:
        raise error

    return odd


def given(result: Any = None, error: BaseException | None = None) -> Callable[[Any, Part], Any]:
    """Give a future that is over; a function makes its result of the answers that a worker would give."""

    def odd(told: Any, part: Part) -> Future[Any]:
        future: Future[Any] = Future()
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result(told, part) if callable(result) else result)
        return future

    return odd


def spoilt(**changes: Any) -> Callable[[Any, Part], PartAnswers]:
    """Make answers of which each has other values than it may."""

    def result(_: Any, part: Part) -> PartAnswers:
        odd: Any = dataclasses.replace(ANSWER, **changes)
        return PartAnswers(dict.fromkeys(part.keys, odd), {})

    return result


def without_the_last(told: Any, part: Part) -> PartAnswers:
    few = Part(part.keys[:-1], part.messages[:-1], part.parameters, part.shape)
    answers: list[PartAnswers] = []
    thread = threading.Thread(target=lambda: answers.append(ask_part(told, few)))
    thread.start()
    thread.join()
    return answers[0]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


async def asked(server: RowsServer, executor: Any, keep: Any = False, **options: Any) -> Any:
    async with QwenClient(server.target) as client:
        job: Any = client.map("Say {item}", ROWS, executor=executor, keep=keep, concurrency=4, **options)
        out = await asyncio.wait_for(job.wait(), 100)
        return out, job.notes


def statuses(out: Any) -> collections.Counter[str]:
    return collections.Counter(out.columns()["status"])


@pytest.mark.parametrize(
    "oddly",
    [
        raising(ValueError("no more of it")),
        raising(pickle.PicklingError("no pickle")),
        raising(OSError("the scheduler is gone, sk-0123456789abcdef0123456789")),
        raising(BrokenProcessPool("a child was terminated")),
        raising(RuntimeError("cannot schedule new futures after shutdown")),
        raising(Unspeakable()),
        lambda *_: None,
        lambda *_: "a future of another kind",
        given(error=BrokenProcessPool("a child was terminated")),
    ],
)
async def test_an_executor_that_takes_no_more_costs_no_row_and_that_is_said(server: RowsServer, oddly: Any) -> None:
    with Odd(oddly) as executor:
        out, notes = await asked(server, executor)
    assert statuses(out) == {"done": 40}
    assert max(collections.Counter(server.prompts).values()) == 1
    assert notes[-1].startswith("the workers took no more (")
    assert notes[-1].endswith("): the rest was asked from here")
    assert "sk-0123" not in notes[-1]


ODD_RESULTS = {
    "nothing": given(),
    "another kind": given({"a": 1}),
    "no texts": given(spoilt(text=None)),
    "a number without end": given(spoilt(prompt_tokens=10**40)),
    "a class": given(PartAnswers),
    "no mappings": given(lambda *_: PartAnswers(None, [1])),  # type: ignore[arg-type]
    "rows left out": given(lambda *_: PartAnswers({}, {})),
    "foreign rows": given(lambda *_: PartAnswers({b"x": ANSWER}, {b"y": ("why", None)})),
    "the last left out": given(without_the_last),
    "no iterator": given(error=StopIteration()),
    "an exit": given(error=SystemExit(3)),
    "no words": given(error=Unspeakable()),
    "a wrong pickle": given(error=TypeError("cannot pickle '_thread.lock' object")),
}


@pytest.mark.parametrize("odd", list(ODD_RESULTS))
async def test_a_worker_that_gives_anything_back_once_costs_no_row(server: RowsServer, odd: str) -> None:
    with Odd(ODD_RESULTS[odd], times=2) as executor:
        out, _ = await asked(server, executor)
    assert statuses(out) == {"done": 40}


@pytest.mark.parametrize("odd", list(ODD_RESULTS))
async def test_a_worker_that_gives_anything_back_always_leaves_a_reason(server: RowsServer, odd: str) -> None:
    with Odd(ODD_RESULTS[odd]) as executor:
        out, _ = await asked(server, executor)
    found = statuses(out)
    assert found["done"] >= 2
    assert found["failed"] == 40 - found["done"]
    for one in out.failed:
        assert one.error.startswith("the worker failed: ")
        assert "\n" not in one.error


async def test_an_executor_that_is_shut_down_in_the_middle(server: RowsServer, tmp_path: Path) -> None:
    server.seconds = 0.02
    executor = ThreadPoolExecutor(2)
    async with QwenClient(server.target) as client:
        job: Any = client.map("Say {item}", ROWS, executor=executor, keep=tmp_path / "rows.sqlite", concurrency=4)
        waiting = asyncio.ensure_future(job.wait())
        while job.progress.asked < 8:
            await asyncio.sleep(0.01)
        executor.shutdown(wait=False, cancel_futures=True)
        out = await asyncio.wait_for(waiting, 100)
    assert statuses(out) == {"done": 40}
    assert "cannot schedule new futures" in job.notes[-1]


async def test_a_worker_that_says_nothing_any_more_ends_with_the_time(server: RowsServer) -> None:
    clock = FakeClock()
    futures: list[Future[Any]] = []

    def silent(*_: Any) -> Future[Any]:
        futures.append(Future())
        clock._now += 1000  # as time passes while nothing comes
        return futures[-1]

    with Odd(silent) as executor:
        async with QwenClient(server.target, clock=clock) as client:
            job: Any = client.map("Say {item}", ROWS, executor=executor, keep=False, max_seconds=500)
            running = asyncio.ensure_future(job.wait())
            while not running.done():
                await asyncio.wait({running}, timeout=0.2)
                clock._now += 100 if futures else 0
            out = await running
    assert statuses(out)["done"] >= 1
    assert statuses(out)["not asked"] > 30
    assert "as max_seconds says" in out.stopped


@pytest.mark.parametrize("times", [1, 5])
async def test_what_had_come_when_it_was_interrupted_is_kept(server: RowsServer, tmp_path: Path, times: int) -> None:
    job: Any = None
    loop, came = asyncio.get_running_loop(), list[bytes]()

    def come_and_cancelled(told: Any, part: Part) -> Future[Any]:
        for _ in range(times):
            loop.call_soon_threadsafe(job.cancel)
        came.extend(part.keys)
        return given(without_nothing)(told, part)  # type: ignore[no-any-return]

    with Odd(come_and_cancelled) as executor:
        async with QwenClient(server.target) as client:
            keep = tmp_path / "rows.sqlite"
            job = client.map("Say {item}", ROWS, executor=executor, keep=keep, concurrency=4)
            await asyncio.wait_for(job.wait(), 100)
    keeping = Keeping(keep)
    assert len(came) >= 5
    assert set(await keeping.known(came)) == set(came)
    keeping.close()


def without_nothing(told: Any, part: Part) -> PartAnswers:
    answers: list[PartAnswers] = []
    thread = threading.Thread(target=lambda: answers.append(ask_part(told, part)))
    thread.start()
    thread.join()
    return answers[0]


def test_a_cluster_that_is_closed_does_not_say_how_many_it_has() -> None:
    class Closed:
        def scheduler_info(self, **_: Any) -> Any:
            raise OSError("the cluster is closed")

    class Pool:
        _client = Closed()

    assert workers_of(Pool()) is None
