"""How long a server is waited for: progress keeps an exchange alive, bytes alone do not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession
from faults.wire import HANG, Fault, FaultServer, Wire, chunks, sends, streams

from qwen_magic import QwenClient
from qwen_magic.backends.patience import Limit, StalledError, Watch, patiently
from qwen_magic.errors import ChainError, StallError
from qwen_magic.events import Status
from qwen_magic.text.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def comments(wire: Wire) -> None:
    await wire.send(_HEAD)
    await wire.repeat(chunks(b": ping\n\n"), 0.05)


async def slowly(wire: Wire) -> None:
    await wire.send(_HEAD, chunks(wire.delta("a")))
    for _ in range(8):
        await wire.send(0.4, chunks(wire.delta("a")))
    await wire.send(chunks(wire.end("aaaaaaaaa")), b"0\r\n\r\n")


async def late(wire: Wire) -> None:
    await wire.send(_HEAD, 1.5, chunks(wire.delta("late"), wire.end("late")), b"0\r\n\r\n")


FAULTS = {
    "comments": Fault("comments", comments),
    "silent": Fault("silent", streams(lambda _: [HANG])),
    "slowly": Fault("slowly", slowly),
    "late": Fault("late", late),
    "finished": Fault("finished", streams(lambda w: [w.delta("Hello.", "stop"), HANG])),
}
SETTINGS: dict[str, Any] = {"connect_timeout": 5.0, "retry_timeout": 5.0}


def targets(server: FaultServer, names: Sequence[str]) -> list[str]:
    return [f"openai:{server.url}/ask/{name}/{place}/v1#tiny" for place, name in enumerate(names)]


@pytest.mark.parametrize("first", ["comments", "silent", "late"])
async def test_a_chain_goes_on_where_an_answer_does_not_begin(first: str) -> None:
    async with FaultServer(FAULTS).running() as server:
        chain = targets(server, [first, "good"])
        async with QwenClient(chain, stall_timeout=60.0, first_token_timeout=0.5, **SETTINGS) as client:
            begin = time.monotonic()
            reply = await asyncio.wait_for(client.ask("hi"), 20)
            assert time.monotonic() - begin < 15
            assert reply.text == "Hello."
            assert reply.target == chain[1]


async def test_the_last_target_is_waited_for_as_long_as_within_an_answer() -> None:
    async with FaultServer(FAULTS).running() as server:
        async with QwenClient(
            targets(server, ["silent", "late"]), stall_timeout=30.0, first_token_timeout=0.5, **SETTINGS
        ) as client:
            assert (await asyncio.wait_for(client.ask("hi"), 25)).text == "late"


async def test_where_no_other_answers_the_slow_one_is_asked_again_with_more_patience() -> None:
    async with FaultServer(FAULTS).running() as server:
        chain = [*targets(server, ["late"]), "openai:http://127.0.0.1:9/v1#none"]
        async with QwenClient(chain, stall_timeout=30.0, first_token_timeout=0.5, **SETTINGS) as client:
            events = [event async for event in client.stream("hi").events()]
    said = [event.text for event in events if isinstance(event, Status) and event.kind == "failover"]
    assert len(said) == 2
    assert "for 0.5 s" in said[0]


async def test_the_setting_that_ends_a_wait_is_named() -> None:
    async with FaultServer(FAULTS).running() as server:
        async with QwenClient(targets(server, ["comments"]), stall_timeout=0.5, **SETTINGS) as client:
            with pytest.raises(StallError, match=r"only keep-alive messages for 0.5 s.*raise stall_timeout"):
                await client.ask("hi")
        chain = targets(server, ["silent", "silent"])
        async with QwenClient(chain, stall_timeout=1.0, first_token_timeout=0.5, **SETTINGS) as client:
            with pytest.raises(ChainError) as caught:
                await client.ask("hi")
        assert {type(error) for error in caught.value.errors} == {StallError}


async def test_an_answer_that_comes_slowly_is_none_that_stalls() -> None:
    async with FaultServer(FAULTS).running() as server:
        async with QwenClient(targets(server, ["slowly"]), stall_timeout=2.0, **SETTINGS) as client:
            assert (await client.ask("hi")).text == "a" * 9


async def test_what_is_finished_ends_soon() -> None:
    async with FaultServer(FAULTS).running() as server:
        async with QwenClient(targets(server, ["finished"]), stall_timeout=100.0, **SETTINGS) as client:
            begin = time.monotonic()
            reply = await asyncio.wait_for(client.ask("hi"), 60)
            assert (reply.text, reply.finish_reason) == ("Hello.", "stop")
            assert 4 < time.monotonic() - begin < 30


async def test_a_busy_client_is_no_silent_server() -> None:
    """A notebook that computes for longer than the limit, while the answer waits in the socket, has not lost it."""
    async with FaultServer(FAULTS).running() as server:
        async with QwenClient(targets(server, ["slowly"]), stall_timeout=1.0, **SETTINGS) as client:
            events = client.stream("hi").events()
            parts = 0
            async for _ in events:
                parts += 1
                if parts == 2:
                    time.sleep(2.5)
            assert parts > 2


class Content:
    """Where a response's body is read, as far as a watch knows it."""

    fault: BaseException | None = None

    def set_exception(self, error: BaseException) -> None:
        self.fault = error


class Time:
    """A clock that is set by hand."""

    at = 0.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    def jitter(self) -> float:
        return 0.0


def watching(seconds: float, clock: Time) -> tuple[Watch, Content]:
    content = Content()

    class Response:
        pass

    response: Any = Response()
    response.content = content
    return Watch(response, Limit(seconds), clock), content


async def test_a_watch_counts_from_the_last_progress() -> None:
    clock = Time()
    watch, content = watching(0.01, clock)
    with watch:
        await asyncio.sleep(0.05)
        assert content.fault is None  # by its clock no time has passed
        clock.at = 0.009
        watch.alive()
        clock.at = 0.018
        await asyncio.sleep(0.05)
        assert content.fault is None
        watch.hear()
        clock.at = 0.02
        await asyncio.sleep(0.05)
    assert isinstance(content.fault, StalledError)
    assert content.fault.alive
    assert content.fault.limit == Limit(0.01)


async def test_a_message_that_grows_is_progress_once_for_each_piece() -> None:
    clock = Time()
    watch, content = watching(0.01, clock)
    with watch:
        for step in range(1, 20):
            clock.at = step * 0.009
            watch.hear(step * 600)
            await asyncio.sleep(0.02)
        assert content.fault is None
        for step in range(20, 23):
            clock.at = step * 0.009
            watch.hear(600)  # others, no longer than before
            await asyncio.sleep(0.02)
    assert content.fault is not None


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        (b"", 0),
        (b"data: abc", 9),
        (b": comment", 0),
        (b"data: a\n\n: comment without an end", 0),
        (b"data: a\n\ndata: bc", 8),
        (b"event: x\ndata: abc\n", 10),
        (b"event: x\r\ndata: abc\r\ndata: d", 17),
    ],
)
def test_what_an_unfinished_event_holds(sent: bytes, held: int) -> None:
    decoder = SSEDecoder()
    decoder.feed(sent)
    assert decoder.held == held


async def test_who_is_cancelled_while_a_head_is_awaited_leaves_nothing() -> None:
    faults = {"hangs": Fault("hangs", sends(HANG))}
    async with FaultServer(faults).running() as server, ClientSession() as session:
        asking = asyncio.ensure_future(patiently(session.get(f"{server.url}/config/hangs/0/config"), Limit(60)))
        while not server.struck:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        for _ in range(100):
            if not server.open:
                break
            await asyncio.sleep(0.02)
        assert not server.open
