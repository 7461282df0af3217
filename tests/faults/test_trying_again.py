"""Failures that pass by themselves are tried twice, while nothing has come, and it is said."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from faults.wire import CUT, RESET, Fault, FaultServer, sends, streams, whole
from support.clock import FakeClock

from qwen_magic import QwenClient
from qwen_magic.backends.base import Deadlines
from qwen_magic.backends.retrying import Passing, retry_until_ready
from qwen_magic.errors import (
    AuthError,
    BusyError,
    ContextError,
    DisconnectError,
    QwenError,
    ServerError,
    SpaceStateError,
)
from qwen_magic.events import Status

if TYPE_CHECKING:
    from qwen_magic.client.stream import Stream

PASSING = (408, 409, 425, 500, 502, 503, 504, 529)
LIMITS = Deadlines(5, 60, 60)


def failed(status: int, kind: type[ServerError] = ServerError, after: float | None = None) -> ServerError:
    error = kind(f"it failed with {status}", status=status)
    error.retry_after = after
    return error


@pytest.mark.parametrize("status", PASSING)
def test_twice_and_no_more(status: int) -> None:
    passing = Passing("t", LIMITS, FakeClock())
    waits = [passing.wait(failed(status)) for _ in range(3)]
    assert [wait and wait.seconds for wait in waits] == [0.5, 1.0, None]
    assert waits[0] is not None
    assert waits[0].status == Status(f"it failed with {status}; asking again", "retry", "t")


@pytest.mark.parametrize("status", [0, 200, 301, 400, 401, 403, 404, 422, 451, 501, 505, 507, 599])
def test_what_does_not_pass(status: int) -> None:
    assert Passing("t", LIMITS).wait(failed(status)) is None


@pytest.mark.parametrize("kind", [AuthError, ContextError, SpaceStateError])
def test_what_more_is_known_of(kind: type[ServerError]) -> None:
    assert Passing("t", LIMITS).wait(failed(503, kind)) is None


@pytest.mark.parametrize(
    "error", [ValueError(), aiohttp.InvalidURL("x"), asyncio.TimeoutError(), OSError(), QwenError("x")]
)
def test_other_errors(error: Exception) -> None:
    assert Passing("t", LIMITS).wait(error) is None


@pytest.mark.parametrize(
    "error",
    [aiohttp.ServerDisconnectedError(), aiohttp.ClientPayloadError(), ConnectionResetError(), DisconnectError("x")],
)
def test_a_dropped_connection_is_tried_at_once_then_after_a_pause(error: Exception) -> None:
    passing = Passing("t", LIMITS, FakeClock())
    waits = [passing.wait(error) for _ in range(3)]
    assert [wait and wait.seconds for wait in waits] == [0.0, 1.0, None]


def test_the_servers_wish_is_heeded_within_the_limit() -> None:
    passing = Passing("t", LIMITS, FakeClock())
    wait = passing.wait(failed(503, after=7))
    assert wait is not None
    assert wait.seconds == 7
    assert "in 7 s" in wait.status.text
    assert passing.wait(failed(503, after=61)) is None


def test_chance_spreads_the_waits() -> None:
    class Chance(FakeClock):
        def jitter(self) -> float:
            return 0.99

    wait = Passing("t", LIMITS, Chance()).wait(failed(503))
    assert wait is not None
    assert 0.6 < wait.seconds < 0.63


@pytest.mark.parametrize(
    ("status", "twice"), [(500, True), (504, True), (408, True), (503, False), (429, False), (529, False)]
)
def test_what_may_cost_twice_is_said(status: int, twice: bool) -> None:
    kind = BusyError if status in (429, 529) else ServerError
    wait = Passing("t", LIMITS, charged=True).wait(failed(status, kind))
    assert wait is not None
    assert ("charged for both" in wait.status.text) is twice
    free = Passing("t", LIMITS).wait(failed(status, kind))
    assert free is not None
    assert "charged" not in free.status.text


async def test_two_kinds_of_waits_in_turn() -> None:
    errors: list[BaseException] = [failed(429, BusyError), failed(503), aiohttp.ServerDisconnectedError()]
    clock, result = FakeClock(), list[str]()

    async def attempt() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    said = [status.text async for status in retry_until_ready(attempt, result, "t", LIMITS, clock=clock)]
    assert result == ["done"]
    assert clock.waits == [1.0, 0.5, 1.0]
    assert len(said) == 3


async def statuses(stream: Stream) -> tuple[list[str], QwenError | None]:
    said: list[str] = []
    try:
        async with aclosing(stream.events()) as events:
            async for event in events:
                said += [event.text] if isinstance(event, Status) else []
    except QwenError as error:
        return said, error
    return said, None


@pytest.mark.parametrize("kind", ["openai", "space"])
@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("fault", ["closed", "reset", "503", "529"])
async def test_on_the_wire(kind: str, times: int, fault: str) -> None:
    do: dict[str, Any] = {
        "closed": sends(CUT),
        "reset": sends(RESET),
        "503": sends(whole(503, "{}")),
        "529": sends(whole(529, '{"error": {"type": "overloaded_error"}}')),
    }
    faults = {"f": Fault("f", do[fault], times=times)}
    async with FaultServer(faults).running() as server:
        target = f"openai:{server.url}/ask/f/0/v1#tiny" if kind == "openai" else f"space:{server.url}/ask/f/0"
        async with QwenClient(target, clock=FakeClock(quiet=0.01), wake_timeout=3.5) as client:
            stream = client.stream("hi")
            said, error = await statuses(stream)
    if times < 3:
        assert error is None
        assert stream.reply.text == "Hello."
        assert len([text for text in said if "again" in text or "waiting" in text]) == times
    else:
        assert error is not None
    asked = server.asked["ask/f/0"]
    assert asked == (times + 1 if times < 3 else 3) or (kind == "space" and fault == "503")


async def test_once_something_has_come_nothing_is_asked_again() -> None:
    faults = {"f": Fault("f", streams(lambda w: [w.delta("Hel"), 0.05, CUT]))}
    async with FaultServer(faults).running() as server:
        async with QwenClient(f"openai:{server.url}/ask/f/0/v1#tiny") as client:
            with pytest.raises(DisconnectError) as caught:
                await client.ask("hi")
        assert server.asked["ask/f/0"] == 1
    assert caught.value.reply is not None
    assert caught.value.reply.text == "Hel"
