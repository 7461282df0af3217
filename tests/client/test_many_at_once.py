"""Many answers at once on one client, against a real server: no ceiling of ours, places where they are asked for, and
retries that take no time."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from support.clock import FakeClock

from qwen_magic import QwenClient
from qwen_magic.errors import BusyError, UsageError
from qwen_magic.events import End, Event, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HELLO = b'data: {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


class Gate:
    """A server that answers once so many have asked.

    Attributes:
        here: how many wait for their answer.
        most: the most that did at once.

    """

    def __init__(self, opens_at: int) -> None:
        self.here = self.most = self.asked = 0
        self._opens_at = opens_at
        self._open = asyncio.Event()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked += 1
        self.here += 1
        self.most = max(self.most, self.here)
        if self.asked >= self._opens_at:
            self._open.set()
        try:
            await self._open.wait()
            await asyncio.sleep(0.01)
            return web.Response(body=HELLO, content_type="text/event-stream")
        finally:
            self.here -= 1


@asynccontextmanager
async def serving(handler: object) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
    await site.start()
    try:
        yield f"openai:http://127.0.0.1:{runner.addresses[0][1]}/v1#m"
    finally:
        await runner.cleanup()


async def test_three_hundred_at_once() -> None:
    gate = Gate(300)
    async with serving(gate.chat) as target, QwenClient(target, connect_timeout=60) as client:
        replies = await asyncio.gather(*(client.ask("hi") for _ in range(300)))
        assert [reply.text for reply in replies] == ["hello"] * 300
        assert gate.most == 300
        assert client.states()[0].state == "ready"


async def events_of(client: QwenClient) -> list[Event]:
    return [event async for event in client.stream("hi").events()]


async def test_so_many_places_and_no_more() -> None:
    gate = Gate(1)
    async with serving(gate.chat) as target, QwenClient(target, max_connections=3, stall_timeout=5) as client:
        answers = await asyncio.gather(*(events_of(client) for _ in range(20)))
    assert gate.most <= 3
    assert gate.asked == 20
    waited = [
        any(isinstance(event, Status) and "waiting for another" in event.text for event in one) for one in answers
    ]
    assert sum(waited) == 17


async def test_who_gives_up_while_waiting_takes_no_place() -> None:
    gate = Gate(3)
    async with serving(gate.chat) as target, QwenClient(target, max_connections=1) as client:
        first, second, third = (asyncio.create_task(client.ask("hi")) for _ in range(3))
        while gate.here < 1:
            await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.wait([second])
        first.cancel()  # one that has a place gives it back
        await asyncio.wait([first])
        while gate.asked < 2:
            await asyncio.sleep(0.01)
        gate._open.set()
        assert (await third).text == "hello"


def test_one_client_on_two_loops() -> None:
    async def ask(client: QwenClient) -> int:
        return len(await asyncio.gather(*(client.ask("hi") for _ in range(5))))

    async def both() -> None:
        gate = Gate(1)
        async with serving(gate.chat) as target:
            client = QwenClient(target, max_connections=2)
            other = asyncio.to_thread(lambda: asyncio.run(ask(client)))
            assert list(await asyncio.gather(ask(client), other)) == [5, 5]
            assert gate.most <= 2
            await client.aclose()

    asyncio.run(both())


async def test_retries_wait_by_the_clock_that_is_handed_in() -> None:
    asked = 0

    async def busy(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        await request.read()
        if asked < 4:
            return web.Response(status=429, text=json.dumps({"error": {"message": "slow down"}}))
        return web.Response(body=HELLO, content_type="text/event-stream")

    clock = FakeClock(quiet=0.01)
    async with serving(busy) as target, QwenClient(target, clock=clock) as client:
        assert (await client.ask("hi")).text == "hello"
    assert clock.waits == [1.0, 2.0, 4.0]


async def test_retry_after_holds_all_who_ask_that_target() -> None:
    asked: list[float] = []
    clock = FakeClock(quiet=0.01)

    async def busy(request: web.Request) -> web.Response:
        await request.read()
        asked.append(clock.now())
        if len(asked) == 1:
            return web.Response(status=429, headers={"Retry-After": "30"}, text="{}")
        return web.Response(body=HELLO, content_type="text/event-stream")

    async with serving(busy) as target, QwenClient(target, clock=clock) as client:
        events = client.stream("hi").events()
        async for event in events:
            if isinstance(event, Status) and event.kind == "retry":
                break
        assert (await client.ask("hi")).text == "hello"
        assert [event async for event in events][-1] == End("stop")
    assert all(at - asked[0] >= 30 for at in asked[1:])


async def test_too_long_a_retry_after_is_not_waited_for() -> None:
    async def busy(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=429, headers={"Retry-After": "3600"}, text="{}")

    clock = FakeClock(quiet=0.01)
    async with serving(busy) as target, QwenClient(target, clock=clock) as client:
        with pytest.raises(BusyError):
            await client.ask("hi")
    assert clock.waits == []


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "10"])
def test_a_limit_that_is_none(limit: object) -> None:
    for name in ("max_connections", "requests_per_minute", "tokens_per_minute"):
        with pytest.raises(UsageError, match=name):
            QwenClient("local", **{name: limit})  # type: ignore[arg-type]
