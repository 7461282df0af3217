"""The local backend, with the real llama.cpp and the real 0.5B."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import aiohttp
import psutil
import pytest
from test_engine import get

from qwen_magic.backends.base import Settings
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.registry import make_backend
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.client import QwenClient
from qwen_magic.errors import ContextError, EngineError, TargetError, WeightsError
from qwen_magic.events import End, Event, Responder, Status, TextDelta, UsageReport
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
MODEL = "Qwen2.5-Coder-0.5B-Instruct (q4_k_m)"
LONG = "Count from 1 to 2000 in words, one number a line. Do not stop before 2000."


@pytest.fixture(scope="module")
def backend(weights: Path) -> Iterator[LocalBackend]:
    made = make_backend(parse_target("local"), Settings())
    assert isinstance(made, LocalBackend)
    yield made
    asyncio.run(made.close())


async def ask(backend: LocalBackend, *turns: str, system: str = "", **parameters: float) -> list[Event]:
    roles = ("user", "assistant")
    messages = [Message(roles[place % 2], turn) for place, turn in enumerate(turns)]  # type: ignore[arg-type]
    if system:
        messages.insert(0, Message("system", system))
    async with (
        aiohttp.ClientSession() as session,
        aclosing(backend.stream(session, Request(tuple(messages), Parameters(temperature=0, **parameters)))) as answer,  # type: ignore[arg-type]
    ):
        return [event async for event in answer]


def text(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


def busy(backend: LocalBackend) -> int:
    assert backend.engine is not None
    return sum(slot["is_processing"] for slot in get(backend.engine.start(), "/slots"))


async def free_within(backend: LocalBackend, seconds: float) -> float:
    begin = time.monotonic()
    while await asyncio.to_thread(busy, backend):
        assert time.monotonic() - begin < seconds
        await asyncio.sleep(0.05)
    return time.monotonic() - begin


async def test_an_answer(backend: LocalBackend) -> None:
    found = await ask(backend, "Reply with the single word: hello")
    assert found[0] == Responder("local", MODEL)
    assert [event for event in found if isinstance(event, Responder)] == found[:1]
    assert "hello" in text(found).lower()
    assert isinstance(found[-2], UsageReport)
    assert (found[-2].usage.prompt_tokens or 0) > 10
    assert found[-1] == End("stop")


async def test_several_turns_and_a_system_prompt(backend: LocalBackend) -> None:
    found = await ask(backend, "My cat is called Barsik.", "A nice name!", "What is my cat called? One word.")
    assert "barsik" in text(found).lower()
    found = await ask(backend, "What is your name?", system="Your name is Zorro. Always begin by telling your name.")
    assert "zorro" in text(found).lower()


async def test_a_partial_answer_is_gone_on_with(backend: LocalBackend) -> None:
    assert backend.continues
    found = await ask(backend, "Count from 1 to 10, separated by commas.", "1, 2, 3,", max_tokens=12)
    assert text(found).startswith(" 4, 5")


async def test_every_sampling_parameter_is_taken(backend: LocalBackend) -> None:
    given = {"top_p": 0.9, "top_k": 5, "seed": 7, "stop": "3.", "presence_penalty": 0.1, "frequency_penalty": 0.1}
    given |= {"min_p": 0.01, "repetition_penalty": 1.01}
    found = await ask(backend, LONG, max_tokens=40, **given)  # type: ignore[arg-type]
    assert not any(isinstance(event, Status) and event.kind == "warning" for event in found)
    assert "2." in text(found)
    assert "3." not in text(found)
    assert found[-1] == End("stop")


async def test_the_length_can_be_limited(backend: LocalBackend) -> None:
    found = await ask(backend, LONG, max_tokens=5)
    assert found[-1] == End("length")
    assert isinstance(found[-2], UsageReport)
    assert found[-2].usage.completion_tokens == 5


async def test_it_streams(backend: LocalBackend) -> None:
    begin, times = time.monotonic(), []
    async with aiohttp.ClientSession() as session:
        async for event in backend.stream(
            session, Request((Message("user", LONG),), Parameters(max_tokens=60, temperature=0))
        ):
            if isinstance(event, TextDelta):
                times.append(time.monotonic() - begin)
    assert len(times) > 30
    assert times[0] < times[-1] / 2


async def test_two_side_by_side(backend: LocalBackend) -> None:
    spans: list[tuple[float, float]] = []

    async def one() -> None:
        times = []
        async with aiohttp.ClientSession() as session:
            async for event in backend.stream(
                session, Request((Message("user", LONG),), Parameters(max_tokens=40, temperature=0))
            ):
                if isinstance(event, TextDelta):
                    times.append(time.monotonic())
        spans.append((times[0], times[-1]))

    await asyncio.gather(one(), one())
    assert max(begin for begin, _ in spans) < min(end for _, end in spans)


@pytest.mark.parametrize("way", ["close", "cancel"])
async def test_a_cancelled_answer_frees_its_slot(backend: LocalBackend, way: str) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async with (
            aiohttp.ClientSession() as session,
            aclosing(backend.stream(session, Request((Message("user", LONG),), Parameters()))) as answer,
        ):
            async for event in answer:
                if isinstance(event, TextDelta):
                    begun.set()
                    if way == "close":
                        return

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 60)
    if way == "cancel":
        assert await asyncio.to_thread(busy, backend) == 1
        task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.done()
    await free_within(backend, 10)
    assert "hello" in text(await ask(backend, "Reply with the single word: hello")).lower()


async def test_a_cancelled_prompt_frees_its_slot(backend: LocalBackend) -> None:
    # Some 6,000 tokens, which take 40 s to read.
    prompt = " ".join(f"{number * 7919 % 10007}" for number in range(1300))
    reading = asyncio.Event()
    whole: list[float] = []  # seconds that all of it takes on this machine, as busy as it is

    async def read() -> None:
        begin = time.monotonic()
        async with (
            aiohttp.ClientSession() as session,
            aclosing(backend.stream(session, Request((Message("user", prompt),), Parameters()))) as answer,
        ):
            async for event in answer:
                assert not isinstance(event, TextDelta)
                if isinstance(event, Status) and event.text.startswith("reading the prompt") and event.progress:
                    whole.append((time.monotonic() - begin) / event.progress)
                    reading.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(reading.wait(), 30)
    assert await asyncio.to_thread(busy, backend) == 1
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.cancelled()
    await free_within(backend, max(20, whole[-1] / 2))


async def test_a_prompt_that_is_too_long(backend: LocalBackend) -> None:
    with pytest.raises(ContextError, match="context") as caught:
        await ask(backend, "one two three " * 8000)
    assert caught.value.target == "local"
    assert "Start a new conversation" in caught.value.hint


async def test_proxies_are_not_for_loopback(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    proxied = QwenClient("local", proxy="http://127.0.0.1:9")
    proxied._backends["local"] = backend
    reply = await proxied.ask("Reply with the single word: hello", temperature=0)
    assert "hello" in reply.text.lower()
    proxied._backends.clear()
    await proxied.aclose()


@POSIX
async def test_an_engine_killed_in_an_answer(backend: LocalBackend) -> None:
    await ask(backend, "hi", max_tokens=1)
    assert backend.engine is not None
    pid = backend.engine.pid
    assert pid is not None
    found: list[Event] = []
    async with aiohttp.ClientSession() as session:
        with pytest.raises(EngineError, match=r"local: the engine stopped \(signal 9\)") as caught:  # noqa: PT012
            async for event in backend.stream(session, Request((Message("user", LONG),), Parameters())):
                found.append(event)
                if len(found) == 5:
                    os.kill(pid, signal.SIGKILL)
    assert "Ask again" in caught.value.hint
    assert text(found)
    found = await ask(backend, "Reply with the single word: hello")
    assert any(isinstance(event, Status) and event.kind == "loading" for event in found)
    assert "hello" in text(found).lower()
    assert backend.engine.pid != pid


@POSIX
async def test_cancelled_while_it_loads(weights: Path) -> None:
    """The engine stands still meanwhile: who waited for it would never end."""
    backend = LocalBackend(parse_target(f"local:{weights}"), Settings())
    try:
        loading = asyncio.Event()

        async def read() -> None:
            async with (
                aiohttp.ClientSession() as session,
                aclosing(backend.stream(session, Request((Message("user", "hi"),), Parameters()))) as answer,
            ):
                async for event in answer:
                    if isinstance(event, Status) and event.kind == "loading":
                        loading.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(loading.wait(), 10)
        while backend.engine is None or (pid := backend.engine.pid) is None:
            await asyncio.sleep(0.001)
        os.kill(pid, signal.SIGSTOP)
        try:
            task.cancel()
            await asyncio.wait({task}, timeout=10)
            assert task.done()
            assert not backend.engine.running
        finally:
            os.kill(pid, signal.SIGCONT)
        assert "hello" in text(await ask(backend, "Reply with the single word: hello")).lower()
        assert backend.engine.pid == pid
    finally:
        await backend.close()
    assert not psutil.pid_exists(pid)


async def test_nothing_is_left_behind(weights: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    async with QwenClient("local") as client:
        reply = await client.ask("Reply with the single word: hello", temperature=0)
    assert reply.model == MODEL
    assert reply.finish_reason == "stop"
    assert set(psutil.Process().children(recursive=True)) == before
    for thread in threading.enumerate():
        if thread.name.startswith("qwen_magic"):
            thread.join(10)
            assert not thread.is_alive()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_stopped_download_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled stream ends a download in progress: pip's process is gone at once."""
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with QwenClient("local") as client:
        stream = client.stream("hi")
        before = set(psutil.Process().children(recursive=True))
        children: set[psutil.Process] = set()
        async for event in stream.events():
            if isinstance(event, Status) and event.kind == "download":
                children = set(psutil.Process().children(recursive=True)) - before
                await stream.cancel()
        assert stream.reply.finish_reason == "interrupted"
        assert children
        assert psutil.wait_procs(list(children), timeout=10)[1] == []


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("local:3b", TargetError, "no local model '3b'"),
        ("local:~/no/such.gguf", WeightsError, "no file"),
        (f"local:{__file__}", WeightsError, "not a GGUF file"),
    ],
)
async def test_what_cannot_be_run(target: str, kind: type[Exception], words: str) -> None:
    backend = LocalBackend(parse_target(target), Settings())
    with pytest.raises(kind, match=words) as caught:
        await ask(backend, "hi")
    assert str(caught.value).startswith(f"{target}: ")
    await backend.close()
