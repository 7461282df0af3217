"""What the Space backend does when a scripted Space sleeps, refuses, stalls or breaks off."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web as aioweb
from asking import (
    ask,
    everything,
    no_outer_world,  # noqa: F401 - a fixture
    one_line,
    small_server,
    statuses,
    texts,
)
from servers import web
from support.clock import FakeClock

from qwen_magic import QwenClient
from qwen_magic.backends.base import Deadlines, Settings
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.sessions import Sessions
from qwen_magic.errors import (
    AsleepError,
    AuthError,
    BusyError,
    DisconnectError,
    NotFoundError,
    ProtocolError,
    QwenError,
    ServerError,
    SpaceStateError,
    StallError,
)
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from servers.web import ScriptedSpace


async def test_asleep_then_up(scripted_space: ScriptedSpace) -> None:
    for status in (502, 503, 504):
        scripted_space.fail(web.asleep(status), path="/config", requests=1)
    clock = FakeClock(quiet=0.01)
    stream, happened, error = await ask(scripted_space, clock=clock)
    assert error is None
    assert stream.reply.text == "Hello."
    assert len(statuses(happened, "waking")) == 3
    assert clock.waits == [1, 2, 4]


async def test_asleep_for_too_long(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.asleep())
    clock = FakeClock(quiet=0.01)
    _, happened, error = await ask(scripted_space, wake_timeout=20, clock=clock)
    assert isinstance(error, AsleepError)
    one_line(error, f"space:{scripted_space.url}")
    assert error.status == 503
    assert "<" not in str(error)
    assert len(statuses(happened, "waking")) == 4
    assert clock.waits == [1, 2, 4, 8]  # the next one would end beyond the limit


@pytest.mark.parametrize("date", [False, True])
async def test_retry_after_is_honoured(scripted_space: ScriptedSpace, date: bool) -> None:
    wait = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=40), usegmt=True) if date else "40"
    scripted_space.fail(web.too_many(wait), path="/queue/join", requests=1)
    clock = FakeClock(quiet=0.01)
    _, happened, error = await ask(scripted_space, clock=clock)
    assert error is None
    assert len(scripted_space.seen("/queue/join")) == 2
    assert 30 < sum(clock.waits) <= 40 if date else clock.waits == [40]
    assert any("Too many requests" in text for text in statuses(happened, "retry"))


async def test_a_retry_after_beyond_the_limit(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.too_many("3600"), path="/queue/join")
    clock = FakeClock(longest=4000, quiet=0.01)
    _, _, error = await ask(scripted_space, retry_timeout=5, clock=clock)
    assert isinstance(error, BusyError)
    assert (error.status, error.retry_after) == (429, 3600)
    assert clock.waits == []
    assert len(scripted_space.seen("/queue/join")) == 1


@pytest.mark.parametrize("value", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_of_nothing_is_no_storm(scripted_space: ScriptedSpace, value: str) -> None:
    scripted_space.fail(web.too_many(value), path="/queue/join")
    clock = FakeClock(quiet=0.01)
    _, _, error = await ask(scripted_space, retry_timeout=1.5, clock=clock)
    assert isinstance(error, BusyError)
    assert len(scripted_space.seen("/queue/join")) == 2
    assert clock.waits == [1]


async def test_pauses_grow(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.QUEUE_FULL, path="/queue/join")
    clock = FakeClock(quiet=0.01)
    _, happened, error = await ask(scripted_space, retry_timeout=60, clock=clock)
    assert isinstance(error, BusyError)
    assert len(scripted_space.seen("/queue/join")) == 8
    assert clock.waits == [1, 2, 4, 8, 15, 15, 15]
    assert len(statuses(happened, "retry")) == 7


@pytest.mark.parametrize("path", ["/config", "/queue/join"])
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (web.IN_ERROR, SpaceStateError, "Your space is in error, check its status on hf.co"),
        (web.UNKNOWN, NotFoundError, "no such Space"),
        (web.UNAUTHORIZED, AuthError, "HF_TOKEN"),
        (web.INTERNAL, ServerError, "HTTP 500"),
    ],
    ids=["in error", "unknown", "unauthorized", "internal"],
)
async def test_http_failures(
    scripted_space: ScriptedSpace, path: str, answer: web.Answer, kind: type[QwenError], words: str
) -> None:
    scripted_space.fail(answer, path=path)
    clock = FakeClock(quiet=0.01)
    _, _, error = await ask(scripted_space, clock=clock)
    assert type(error) is kind
    one_line(error, f"space:{scripted_space.url}")
    assert words in str(error)
    assert isinstance(error, ServerError)
    assert error.status == answer.status
    assert error.before_answer
    assert clock.waits == []


@pytest.mark.parametrize("answer", [web.UNKNOWN, web.IN_ERROR, web.UNAUTHORIZED, web.INTERNAL])
async def test_the_stream_itself_is_refused(scripted_space: ScriptedSpace, answer: web.Answer) -> None:
    scripted_space.fail(answer, path="/queue/data")
    _, _, error = await ask(scripted_space)
    assert isinstance(error, ServerError)
    assert error.status == answer.status
    assert scripted_space.seen("/cancel")  # the event would run on


@pytest.mark.parametrize("body", ["no json", "[]", '{"version":"4"}', "<html><body>A shop</body></html>"])
async def test_no_gradio_app(scripted_space: ScriptedSpace, body: str) -> None:
    scripted_space.fail(web.Answer(200, body, "text/html"), path="/config")
    _, _, error = await ask(scripted_space)
    assert type(error) is ProtocolError
    one_line(error, f"space:{scripted_space.url}")


async def test_a_join_without_event_id(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.Answer(200, "{}", "application/json"), path="/queue/join")
    _, _, error = await ask(scripted_space)
    assert type(error) is ProtocolError


@pytest.mark.parametrize("steps", [[web.HEARTBEATS], [web.STALL]], ids=["heartbeats", "silence"])
async def test_a_stall_after_the_start(scripted_space: ScriptedSpace, steps: list[Any]) -> None:
    scripted_space.stream = [*scripted_space.answer(["Hel"])[:3], *steps]
    begin = time.monotonic()
    stream, _, error = await ask(scripted_space, stall_timeout=0.5)
    assert isinstance(error, StallError)
    assert 0.4 < time.monotonic() - begin < 5
    assert error.reply is not None
    assert error.reply.text == "Hel"
    assert stream.reply.finish_reason == "error"
    (cancel,) = scripted_space.seen("/cancel")
    (join,) = scripted_space.seen("/queue/join")
    assert cancel.body == {
        "session_hash": join.body["session_hash"],
        "fn_index": 0,
        "event_id": scripted_space.event_id,
    }


async def test_heartbeats_in_the_queue_are_no_stall(scripted_space: ScriptedSpace) -> None:
    beats: list[Any] = [web.message("heartbeat"), 0.2] * 6
    scripted_space.stream = [*beats, *scripted_space.answer(["Hel", "lo."])]
    stream, _, error = await ask(scripted_space, stall_timeout=0.5)
    assert error is None
    assert stream.reply.text == "Hello."


@pytest.mark.parametrize("path", ["/queue/join", "/queue/data", "/config"])
async def test_an_answer_that_never_begins(scripted_space: ScriptedSpace, path: str) -> None:
    async def silent(request: aioweb.Request) -> aioweb.Response:
        if request.path == path:
            await asyncio.sleep(30)
        if request.path == "/config":
            return aioweb.json_response(scripted_space.config)
        return aioweb.json_response({"event_id": "x"})

    async with small_server(silent) as url, QwenClient(f"space:{url}", stall_timeout=0.5) as client:
        begin = time.monotonic()
        with pytest.raises(StallError):
            await asyncio.wait_for(client.ask("hi"), 10)
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ([b'data: {"msg":"process_gen', web.CUT], DisconnectError),
        ([b'data: {"msg":"process_gen'], DisconnectError),
        ([], DisconnectError),
        ([web.SESSION_NOT_FOUND, web.CUT], DisconnectError),
        ([web.message("unexpected_error", event_id=None, message="boom", success=False)], ServerError),
        ([b"data: nonsense\n\n"], ProtocolError),
    ],
    ids=["cut in a line", "end in a line", "clean end", "session lost", "unexpected error", "nonsense"],
)
async def test_a_stream_that_breaks(scripted_space: ScriptedSpace, tail: list[Any], kind: type[QwenError]) -> None:
    scripted_space.stream = [*scripted_space.answer(["Hel", "lo"])[:4], *tail]
    stream, _, error = await ask(scripted_space)
    assert type(error) is kind
    one_line(error, f"space:{scripted_space.url}")
    assert error.reply is not None
    assert error.reply.text == "Hello"
    assert (error.reply.finish_reason, stream.reply.finish_reason) == ("error", "error")


async def test_a_last_message_without_its_blank_line(scripted_space: ScriptedSpace) -> None:
    steps = scripted_space.answer(["Hel", "lo"])[:-1]
    last = steps[-1]
    assert isinstance(last, bytes)
    scripted_space.stream = [*steps[:-1], last.rstrip(b"\n") + b"\n"]
    stream, _, error = await ask(scripted_space)
    assert error is None
    assert stream.reply.text == "Hello"
    assert stream.reply.finish_reason == "stop"


async def test_a_diff_that_does_not_fit(scripted_space: ScriptedSpace) -> None:
    steps = scripted_space.answer(["Hel", "lo", "."])
    bad = {"data": [[], [["append", [7, 1], "x"]], []]}
    scripted_space.stream = [*steps[:3], scripted_space.message("process_generating", output=bad), *steps[3:]]
    stream, happened, error = await ask(scripted_space)
    assert error is None
    assert stream.reply.text == "".join(texts(happened)) == "Hello."


async def test_nonsense_after_a_beginning_is_not_asked_again(scripted_space: ScriptedSpace) -> None:
    broken = [*scripted_space.answer(["Hel", "lo"])[:4], b"data: nonsense\n\n"]
    scripted_space.streams = [scripted_space.answer(["first"]), broken]
    async with QwenClient(f"space:{scripted_space.url}") as client:
        assert (await client.ask("hi")).text == "first"
        with pytest.raises(ProtocolError) as caught:
            await client.ask("hi")
    assert caught.value.reply is not None
    assert caught.value.reply.text == "Hello"
    assert len(scripted_space.seen("/queue/join")) == 2


async def test_an_app_that_was_changed_is_discovered_again(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        await client.ask("hi")
        missing = web.Answer(404, '{"detail":"Not Found"}', "application/json")
        scripted_space.fail(missing, path="/queue/join", requests=1)
        scripted_space.config["dependencies"][0]["id"] = 7
        assert (await client.ask("hi")).text == "Hello."
    assert [seen.body["fn_index"] for seen in scripted_space.seen("/queue/join")] == [0, 0, 7]


@pytest.mark.parametrize("status", [0, 422, 500])
@pytest.mark.parametrize("changed", [True, False])
async def test_a_silent_failure_of_a_remembered_endpoint(
    scripted_space: ScriptedSpace, status: int, changed: bool
) -> None:
    """The app may have changed its inputs: discovered again, and asked again if that finds another call."""
    space = scripted_space
    async with QwenClient(f"space:{space.url}") as client:
        await client.ask("hi")
        if status:
            space.fail(web.Answer(status, "", "text/plain"), path="/queue/join", requests=1)
        else:
            space.streams = [[space.message("process_completed", output={"error": None}, success=False)]]
        if changed:
            space.config["dependencies"][0]["id"] = 7
        happened, error = await everything(client.stream("hi"))
    joins = [seen.body["fn_index"] for seen in space.seen("/queue/join")]
    assert len(space.seen("/config")) == 2
    if changed:
        assert error is None
        assert "".join(texts(happened)) == "Hello."
        assert joins == [0, 0, 7]
    else:
        assert type(error) is ServerError
        assert error.status == status
        assert joins == [0, 0]


async def test_a_silent_failure_where_nothing_can_be_discovered(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        await client.ask("hi")
        scripted_space.fail(web.INTERNAL)
        _, error = await everything(client.stream("hi"))
    assert error is not None
    assert len(scripted_space.seen("/config")) == 2
    assert type(error) is ServerError


async def test_an_app_that_says_why_is_not_asked_again(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        await client.ask("hi")
        said = scripted_space.message("process_completed", output={"error": "No."}, success=False)
        scripted_space.streams = [[said]]
        _, error = await everything(client.stream("hi"))
    assert "the app says: No." in str(error)
    assert len(scripted_space.seen("/config")) == 1


async def test_deadlines(scripted_space: ScriptedSpace) -> None:
    """How long to go on trying is the caller's, where it says so."""
    clock = FakeClock(quiet=0.01)
    backend = SpaceBackend(parse_target(f"space:{scripted_space.url}"), Settings(clock=clock))
    sessions = Sessions(Settings())
    for answer, kind, deadlines in (
        (web.QUEUE_FULL, BusyError, Deadlines(5, 0.1, 60)),
        (web.asleep(), AsleepError, Deadlines(5, 60, 0.1)),
    ):
        scripted_space.fail(answer, path="/queue/join")
        with pytest.raises(kind):
            async for _ in backend.stream(await sessions.get(), Request(to_messages("hi"), Parameters()), deadlines):
                pass
        assert clock.waits == []
        scripted_space.heal()
    await sessions.close()


async def test_a_long_message_that_comes_slowly_is_no_stall(scripted_space: ScriptedSpace) -> None:
    steps = scripted_space.answer(["Hel", "x" * 4000])
    last = steps[-2]
    assert isinstance(last, bytes)
    pieces: list[Any] = []
    for i in range(0, len(last), 600):
        pieces += [last[i : i + 600], 0.25]
    scripted_space.stream = [*steps[:-2], *pieces]
    stream, _, error = await ask(scripted_space, stall_timeout=0.6)
    assert error is None
    assert len(stream.reply.text) == 4003
