"""The Space backend against real Gradio servers of each version, and against a scripted one."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from contextlib import aclosing
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from asking import (
    CONVERSATION,
    EARLIER,
    UNICODE,
    ended,
    everything,
    first_delta,
    misc,
    no_outer_world,  # noqa: F401 - a fixture
    one_line,
    small_server,
    statuses,
    texts,
    turns,
)
from servers import web
from support.clock import FakeClock

from qwen_magic import QwenClient
from qwen_magic.backends.base import Deadlines, Settings
from qwen_magic.backends.gradio.app_http import AppHttp
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.sessions import Sessions, user_agent
from qwen_magic.errors import (
    AsleepError,
    AuthError,
    BusyError,
    ConnectError,
    DisconnectError,
    DiscoveryError,
    NotFoundError,
    ProtocolError,
    QuotaError,
    QwenError,
    ServerError,
    SpaceStateError,
    StallError,
    UsageError,
)
from qwen_magic.events import End, Event, Reset, Status, TextDelta, ThinkingDelta
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request
from qwen_magic.text.sse import SSEDecoder

if TYPE_CHECKING:
    from servers.plugin import ServerFactory
    from servers.web import ScriptedSpace

    from qwen_magic.client.stream import Stream


# ---------------------------------------------------------------------------------------------------------------------
# Real servers.


@pytest.mark.parametrize("app", ["qwenlike", "chatinterface"])
async def test_it_streams(gradio_version: str, app: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, app)
    async with QwenClient(f"space:{server.url}") as client:
        assert (await client.ask("echo warm")).text == "warm"
        stream = client.stream("count 20 0.05")
        begin = time.monotonic()
        parts: list[str] = []
        times: list[float] = []
        async for part in stream:
            parts.append(part)
            times.append(time.monotonic() - begin)
    reply = stream.reply
    assert "".join(parts) == reply.text
    assert reply.text.split() == [f"w{i}" for i in range(20)]
    assert len(parts) >= 5  # what comes in one read is one part
    assert times[0] < times[-1] / 3, times
    assert (reply.finish_reason, reply.target) == ("stop", f"space:{server.url}")
    assert reply.first_token_seconds is not None
    assert reply.first_token_seconds < reply.seconds / 3
    assert [message.role for message in reply.messages] == ["user", "assistant"]


@pytest.mark.parametrize("app", ["qwenlike", "chatinterface", "messages"])
async def test_the_server_sees_history_and_system(gradio_version: str, app: str, gradio_server: ServerFactory) -> None:
    if app == "messages":
        if gradio_version >= "6":
            pytest.skip("Gradio 6 knows messages alone")
        server = gradio_server(gradio_version, "chatinterface", QWEN_TEST_CHAT_TYPE="messages")
    else:
        server = gradio_server(gradio_version, app)
    async with QwenClient(f"space:{server.url}") as client:
        for _ in range(2):  # the second answer knows nothing of the first, but what we send
            happened, error = await everything(client.stream(CONVERSATION))
            assert error is None
            assert "".join(texts(happened)) == "You said: third?. Turns before: 2. System: Be brief.. That is all."
            assert not statuses(happened, "warning")
        reply = await client.ask("alone", system="Other.")
        assert reply.text == "You said: alone. Turns before: 0. System: Other.. That is all."
    calls = server.calls("model_chat" if app == "qwenlike" else "respond")
    assert [(call["prompt"], call["system"]) for call in calls] == [("third?", "Be brief.")] * 2 + [("alone", "Other.")]
    assert [turns(call["history"]) for call in calls] == [EARLIER, EARLIER, []]


async def test_messages_chat(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with QwenClient(f"space:{server.url}", endpoint="/messages_chat") as client:
        reply = await client.ask(CONVERSATION)
    assert reply.text == "You said: third?. Turns before: 2. System: Be brief.. That is all."
    (call,) = server.calls("messages_chat")
    assert (turns(call["history"]), call["system"]) == (EARLIER, "Be brief.")


async def test_parameters_reach_the_sliders(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "chatinterface")
    async with QwenClient(f"space:{server.url}") as client:
        happened, _ = await everything(client.stream("echo x", temperature=0.25, top_p=0.5, max_tokens=77))
        assert not statuses(happened, "warning")
        happened, _ = await everything(client.stream("echo x", seed=1))
        assert any("seed" in text for text in statuses(happened, "warning"))
    first, second = server.calls("respond")
    assert first["extra"] == {"max_tokens": 77, "temperature": 0.25, "top_p": 0.5}
    assert second["extra"] == {"max_tokens": 512, "temperature": 0.7, "top_p": 0.95}
    assert first["system"] == "sys"  # the app's own where we give none


async def test_create_async_generator(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike")
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "hello"}]
    parts = [part async for part in QwenClient.create_async_generator(model=server.url, messages=messages)]
    assert "".join(parts) == "You said: hello. Turns before: 0. System: S. That is all."
    assert len(parts) > 1


@pytest.mark.parametrize("how", ["task", "cancel", "break", "aclose"])
async def test_the_server_sees_a_cancel(gradio_version: str, how: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike")
    before = asyncio.all_tasks()
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream("count 400 0.05")
        if how == "task":
            got = asyncio.Event()

            async def consume() -> None:
                async for _ in stream:
                    got.set()

            task = asyncio.create_task(consume())
            await got.wait()
            begin = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif how == "cancel":
            happenings = await first_delta(stream)
            begin = time.monotonic()
            await stream.cancel()
            assert isinstance([event async for event in happenings][-1], End)
        elif how == "break":
            async with aclosing(aiter(stream)) as parts:
                async for _ in parts:
                    break
                begin = time.monotonic()
        else:
            happenings = await first_delta(stream)
            begin = time.monotonic()
            await client.aclose()
            assert isinstance([event async for event in happenings][-1], End)
        assert time.monotonic() - begin < 5
        assert asyncio.all_tasks() == before
        end = await ended(server)
        assert 0 < end["yields"] < 60
        assert stream.reply.finish_reason == "interrupted"
        assert stream.reply.text.startswith("w0")
        assert (await client.ask("echo next")).text == "next"
    assert asyncio.all_tasks() == before


async def test_a_cancel_in_a_conversation(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "chatinterface")
    before = asyncio.all_tasks()
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream([*CONVERSATION[:-1], {"role": "user", "content": "count 400 0.05"}])
        happenings = await first_delta(stream)
        await stream.cancel()
        assert isinstance([event async for event in happenings][-1], End)
        assert asyncio.all_tasks() == before
        assert (await ended(server))["yields"] < 60
        assert stream.reply.text.startswith("w0")
    (call,) = server.calls("respond")
    assert turns(call["history"]) == EARLIER


async def test_a_cancel_in_the_queue_and_before_the_first_value(
    gradio_version: str, gradio_server: ServerFactory
) -> None:
    server = gradio_server(gradio_version, "qwenlike")
    async with QwenClient(f"space:{server.url}") as client:
        first = client.stream("count 100 0.05")
        happenings = await first_delta(first)
        waiting = client.stream("echo never")
        task = asyncio.create_task(everything(waiting))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
        await first.cancel()
        assert isinstance([event async for event in happenings][-1], End)
        await ended(server)
        assert (await client.ask("echo after")).text == "after"
    assert [call["prompt"] for call in server.calls()] == ["count 100 0.05", "echo after"]


async def test_a_full_queue_is_tried_again(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike", QWEN_TEST_QUEUE_MAX="1")
    async with QwenClient(f"space:{server.url}", retry_timeout=30) as client:
        first = asyncio.create_task(everything(client.stream("count 40 0.05")))
        await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == "start")
        second = asyncio.create_task(everything(client.stream("echo second")))
        await asyncio.sleep(0.5)
        async with QwenClient(f"space:{server.url}", retry_timeout=0.5) as hasty:
            happened, error = await everything(hasty.stream("echo hasty"))
        assert isinstance(error, BusyError)
        one_line(error, f"space:{server.url}")
        assert "Queue is full. Max size is 1 and size is 1." in str(error)
        assert error.status == 503
        assert error.before_answer
        happened, error = await everything(client.stream("echo third"))
        assert error is None
        assert "".join(texts(happened)) == "third"
        assert "Queue is full" in statuses(happened, "retry")[0]
        for other in (first, second):
            happened, error = await other
            assert error is None
            assert isinstance(happened[-1], End)
    assert {call["prompt"] for call in server.calls()} == {"count 40 0.05", "echo second", "echo third"}


async def test_a_killed_server(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike", QWEN_TEST_QUEUE_MAX="1")
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream("count 200 0.05")
        happenings = await first_delta(stream)
        await asyncio.sleep(0.3)
        server.kill()
        with pytest.raises(DisconnectError) as caught:
            async for _ in happenings:
                pass
        one_line(caught.value, f"space:{server.url}")
        assert not caught.value.before_answer
        assert caught.value.reply is not None
        assert caught.value.reply.text.startswith("w0")
        assert (caught.value.reply.finish_reason, stream.reply.finish_reason) == ("error", "error")
        with pytest.raises(ConnectError) as refused:
            await client.ask("anybody there?")
        one_line(refused.value, f"space:{server.url}")


async def test_errors_of_the_app(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    target = f"space:{server.url}"
    expected: dict[str, tuple[type[QwenError], str, str]] = {
        "grerror": (ServerError, "The first half", "The model is overloaded, 'try' again later."),
        "crash": (ServerError, "The first half", ""),
        "grerror_first": (ServerError, "", "Nothing today."),
        "quota": (
            QuotaError,
            "",
            "You have exceeded your GPU quota (60s requested vs. 56s left). Try again in 0:09:48.",
        ),
    }
    for endpoint, (kind, partial, said) in expected.items():
        async with misc(server, endpoint) as client:
            stream = client.stream("x")
            happened, error = await everything(stream)
        assert type(error) is kind, endpoint
        one_line(error, target)
        assert isinstance(error, ServerError)
        assert error.server_message == said
        assert said in str(error)
        assert "secret" not in str(error)
        assert error.reply is not None
        assert error.reply.text == "".join(texts(happened)) == partial
        assert error.before_answer is not bool(partial)
        assert (error.reply.finish_reason, stream.reply.finish_reason) == ("error", "error")
        if isinstance(error, QuotaError):
            assert error.retry_after == 588
            assert "The quota is back at " in error.hint


async def test_rewrites(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "rewrite") as client:
        stream = client.stream("x")
        happened, error = await everything(stream)
        assert error is None
        said = [event.text for event in happened if isinstance(event, (TextDelta, Reset))]
        assert said == ["Thinking", "...", "The answer", " is 41", "The answer is 42", "Answer: 42."]
        resets = [event.text for event in happened if isinstance(event, Reset)]
        assert resets == ["The answer", "The answer is 42", "Answer: 42."]
        assert stream.reply.text == "Answer: 42."
        stream = client.stream("x")
        assert [part async for part in stream][-1].endswith("nswer: 42.")
        assert stream.reply.text == "Answer: 42."


async def test_long_lines(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "long") as client:
        stream = client.stream("3000000")
        parts = [part async for part in stream]
    assert "".join(parts) == stream.reply.text
    assert len(stream.reply.text.rstrip()) >= 2_999_998
    assert stream.reply.text.endswith(("ещё.", "ещё.\n", stream.reply.text[-3:]))
    assert len(parts) >= 5  # what comes in one read is one part


async def test_unicode(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "unicode") as client:
        stream = client.stream("x")
        parts = [part async for part in stream]
    assert "".join(parts) == stream.reply.text == UNICODE


async def test_diffs_with_deletes(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "deletes") as client:
        reply = await client.ask("x")
    assert (reply.text, reply.finish_reason) == ("The answer is 42.", "stop")


async def test_thinking(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "thinking") as client:
        stream = client.stream("x")
        happened, error = await everything(stream)
    assert error is None
    assert [e.text for e in happened if isinstance(e, ThinkingDelta)] == ["Let me", " think", " about it."]
    assert texts(happened) == ["The", " answer", " is 42."]
    assert (stream.reply.text, stream.reply.thinking) == ("The answer is 42.", "Let me think about it.")


async def test_notes_are_statuses(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "notes") as client:
        happened, error = await everything(client.stream("x"))
    assert error is None
    assert texts(happened) == ["Noted."]
    assert "Loading the model" in statuses(happened, "server")
    assert "This is a demo" in statuses(happened, "warning")
    progress = {e.text: e.progress for e in happened if isinstance(e, Status) and e.progress is not None}
    assert progress == {"Loading weights: 25%": 0.25, "Warming up: 75%": 0.75}


async def test_an_endpoint_that_does_not_stream(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "plain") as client:
        happened, error = await everything(client.stream("echo all at once"))
    assert error is None
    assert texts(happened) == ["all at once"]


async def test_a_silent_server_stalls(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "misc")
    async with misc(server, "silent", stall_timeout=0.8) as client:
        begin = time.monotonic()
        _, error = await everything(client.stream("2.5"))
        spent = time.monotonic() - begin
    assert isinstance(error, StallError)
    one_line(error, f"space:{server.url}")
    assert "0.8 s" in str(error)
    assert 0.7 < spent < 5


async def test_a_login(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike", QWEN_TEST_AUTH="user:p w&ö")
    async with QwenClient(f"space:{server.url}") as client:
        with pytest.raises(AuthError) as caught:
            await client.ask("hello")
        assert "auth=(user, password)" in str(caught.value)
    async with QwenClient(f"space:{server.url}", auth=("user", "wrong")) as client:
        with pytest.raises(AuthError) as caught:
            await client.ask("hello")
        one_line(caught.value, f"space:{server.url}")
        assert "the login was refused" in str(caught.value)
        assert "wrong" not in str(caught.value)
    async with QwenClient(f"space:{server.url}", auth=("user", "p w&ö")) as client:
        assert (await client.ask("echo in")).text == "in"
        assert (await client.ask("echo again")).text == "again"
        # another loop has a session of its own, which has to sign in too
        assert (await asyncio.to_thread(client.ask_sync, "echo there")).text == "there"


async def test_a_full_queue_while_the_history_is_given(gradio_server: ServerFactory) -> None:
    server = gradio_server("5.50.0", "chatinterface", QWEN_TEST_QUEUE_MAX="1")
    async with QwenClient(f"space:{server.url}") as client:
        others = [asyncio.create_task(client.ask("count 30 0.05"))]
        await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == "start")
        others.append(asyncio.create_task(client.ask("echo second")))
        await asyncio.sleep(0.5)
        happened, error = await everything(client.stream(CONVERSATION))
        assert error is None
        assert not statuses(happened, "warning")
        await asyncio.gather(*others)
    (call,) = [call for call in server.calls("respond") if call["prompt"] == "third?"]
    assert turns(call["history"]) == EARLIER


async def test_unknown_endpoint_and_input(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike")
    async with QwenClient(f"space:{server.url}", endpoint="/nothing") as client:
        with pytest.raises(DiscoveryError, match=r"/model_chat\(query: prompt, history, system\)"):
            await client.ask("hello")
    async with QwenClient(f"space:{server.url}", inputs={"nothing": 1}) as client:
        with pytest.raises(UsageError, match="query, history, system"):
            await client.ask("hello")
    async with QwenClient(f"space:{server.url}", inputs={"system": "Mine."}) as client:
        assert "System: Mine.." in (await client.ask("hello", system="Ignored.")).text
    assert [call["system"] for call in server.calls()] == ["Mine."]


async def test_several_at_once_in_one_client(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "qwenlike", QWEN_TEST_CONCURRENCY="4")
    async with QwenClient(f"space:{server.url}") as client:
        replies = await asyncio.gather(*(client.ask(f"echo answer number {i} of four") for i in range(4)))
    assert [reply.text for reply in replies] == [f"answer number {i} of four" for i in range(4)]


# ---------------------------------------------------------------------------------------------------------------------
# A scripted Space.


async def ask(
    space: ScriptedSpace, prompt: Any = "hi", **settings: Any
) -> tuple[Stream, list[Event], QwenError | None]:
    async with QwenClient(f"space:{space.url}", **settings) as client:
        stream = client.stream(prompt)
        happened, error = await everything(stream)
        return stream, happened, error


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


async def test_cookies_and_headers(scripted_space: ScriptedSpace) -> None:
    await ask(scripted_space, headers={"X-Own": "mine"})
    paths = [seen.path for seen in scripted_space.requests]
    assert paths == ["/config", "/info", "/queue/join", "/queue/data"]
    for seen in scripted_space.requests:
        assert seen.headers["user-agent"] == user_agent()
        assert seen.headers["x-own"] == "mine"
    for path in ("/queue/join", "/queue/data"):
        assert scripted_space.seen(path)[0].cookies == {"spaces-replica": "replica-1"}
    join, data = scripted_space.seen("/queue/join")[0], scripted_space.seen("/queue/data")[0]
    assert join.body["session_hash"] == data.query["session_hash"]
    assert data.headers["accept"] == "text/event-stream"


async def test_each_answer_has_its_own_session(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        await client.ask("hi")
        await client.ask("hi")
    assert len({seen.body["session_hash"] for seen in scripted_space.seen("/queue/join")}) == 2
    assert len(scripted_space.seen("/config")) == 1  # discovered once


async def test_own_user_agent(scripted_space: ScriptedSpace) -> None:
    await ask(scripted_space, headers={"User-Agent": "mine/1"})
    assert {seen.headers["user-agent"] for seen in scripted_space.requests} == {"mine/1"}


@pytest.mark.parametrize("from_environment", [False, True])
async def test_the_token_stays_with_the_hub(
    scripted_space: ScriptedSpace, monkeypatch: pytest.MonkeyPatch, from_environment: bool
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", scripted_space.url)
    if from_environment:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
    settings = Settings(hf_token="hf_secret", wake_timeout=3)
    _, _, error = await ask(scripted_space, **({} if from_environment else {"hf_token": "hf_secret"}))
    assert error is None
    scripted_space.fail(web.asleep(), path="/queue/join", requests=1)
    await directly(scripted_space, settings)
    assert scripted_space.seen("/runtime")
    for seen in scripted_space.requests:
        assert "hf_secret" not in json.dumps([seen.headers, seen.query, seen.body])


async def test_where_the_token_goes() -> None:
    backend = SpaceBackend(parse_target("qwen-2-72b"), Settings(hf_token="hf_secret"))
    connection = AppHttp(backend.site, None)  # type: ignore[arg-type]
    with_token = {"x-hf-authorization": "Bearer hf_secret"}
    assert connection.headers(backend.site.base_url + "/config") == with_token
    for url in (
        "http://qwen-qwen2-72b-instruct.hf.space/config",
        "https://hf.space.evil.example/config",
        "https://evilhf.space/config",
        "https://example.org/.hf.space",
        "https://x.hf.space@evil.example/",
        "https://huggingface.co/api",
    ):
        assert connection.headers(url) == {}, url


async def test_the_proxy_is_used(scripted_space: ScriptedSpace) -> None:
    through: list[str] = []

    async def forward(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        through.append(str(request.url))
        body = await request.read()
        url = str(request.url).replace("http://space.invalid", scripted_space.url)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, data=body, headers={"Content-Type": "application/json"}) as answer,
        ):
            response = aioweb.StreamResponse(status=answer.status)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        return response

    async with small_server(forward) as proxy:
        # the name does not resolve: only the proxy knows it
        async with QwenClient("space:http://space.invalid", proxy=proxy) as client:
            assert (await client.ask("hi")).text == "Hello."
    assert [url.partition("?")[0] for url in through] == [
        f"http://space.invalid{path}" for path in ("/config", "/info", "/queue/join", "/queue/data")
    ]


async def test_a_proxy_that_is_not_there(scripted_space: ScriptedSpace) -> None:
    _, _, error = await ask(scripted_space, proxy="http://user:secret@127.0.0.1:9")
    assert isinstance(error, ConnectError)
    assert "proxy" in str(error)
    assert "secret" not in str(error)
    assert not scripted_space.requests


async def test_a_redirect_of_config(scripted_space: ScriptedSpace) -> None:
    async def move(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        return aioweb.Response(status=307, headers={"Location": f"{scripted_space.url}{request.path}"})

    async with small_server(move) as old, QwenClient(f"space:{old}") as client:
        assert (await client.ask("hi")).text == "Hello."
        assert (await client.ask("hi")).text == "Hello."
    assert len(scripted_space.seen("/queue/join")) == 2


async def test_redirects_without_end(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.Answer(302, "", headers={"Location": "/config"}), path="/config")
    _, _, error = await ask(scripted_space)
    assert type(error) is ProtocolError
    assert len(scripted_space.requests) < 10


async def directly(space: ScriptedSpace, settings: Settings, alias: str = "qwen-2-72b") -> list[Event]:
    """Ask a Space of the Hub that is served elsewhere."""
    backend = SpaceBackend(parse_target(alias), settings, base_url=space.url)
    sessions = Sessions(settings)
    try:
        session = await sessions.get()
        async with aclosing(backend.stream(session, Request(to_messages("hi", "sys"), Parameters()))) as happenings:
            return [event async for event in happenings]
    finally:
        await backend.close()
        await sessions.close()


async def test_a_known_space_needs_no_discovery(scripted_space: ScriptedSpace) -> None:
    happened = await directly(scripted_space, Settings())
    assert "".join(texts(happened)) == "Hello."
    assert [seen.path for seen in scripted_space.requests] == ["/queue/join", "/queue/data"]
    body = scripted_space.seen("/queue/join")[0].body
    assert (body["data"], body["fn_index"], body["trigger_id"]) == (["hi", [], "sys"], 0, 11)


async def test_a_known_space_that_has_changed(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.Answer(404, '{"detail":"Not Found"}', "application/json"), path="/queue/join", requests=1)
    happened = await directly(scripted_space, Settings())
    assert "".join(texts(happened)) == "Hello."
    paths = [seen.path for seen in scripted_space.requests]
    assert paths[0] == "/queue/join"
    assert paths[-4:] == ["/config", "/info", "/queue/join", "/queue/data"]


async def test_the_stages_of_a_waking_space(scripted_space: ScriptedSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", scripted_space.url)
    scripted_space.stages = ["SLEEPING", "APP_STARTING"]
    scripted_space.fail(web.asleep(), path="/queue/join", requests=2)
    happened = await directly(scripted_space, Settings())
    assert statuses(happened, "waking") == ["the Space is asleep; this request wakes it up", "the Space is starting"]
    assert "".join(texts(happened)) == "Hello."
    assert scripted_space.seen("/runtime")[0].path == "/api/spaces/Qwen/Qwen2-72B-Instruct/runtime"


async def test_a_space_of_the_hub_that_shows_a_page(scripted_space: ScriptedSpace) -> None:
    """The Hub answers 200 with a page of its own while a Space starts."""
    scripted_space.fail(web.page(200, "Preparing Space"), path="/config", requests=1)
    happened = await directly(scripted_space, Settings(), "space:me/mine")
    assert len(statuses(happened, "waking")) == 1
    assert "".join(texts(happened)) == "Hello."


async def test_a_space_of_the_hub_that_is_not_there(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.UNKNOWN)
    for target in ("space:me/mine", "qwen-2-72b"):
        with pytest.raises(NotFoundError, match="no such Space") as caught:
            await directly(scripted_space, Settings(), target)
        one_line(caught.value, target)


async def test_a_waking_space_without_the_hub(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.asleep(), path="/queue/join", requests=1)
    happened = await directly(scripted_space, Settings())  # HF_ENDPOINT leads nowhere
    assert len(statuses(happened, "waking")) == 1
    assert "".join(texts(happened)) == "Hello."


@pytest.mark.parametrize("stage", ["PAUSED", "RUNTIME_ERROR", "BUILD_ERROR", "STOPPED"])
async def test_waiting_would_not_help(
    scripted_space: ScriptedSpace, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", scripted_space.url)
    scripted_space.stage = stage
    scripted_space.fail(web.asleep(), path="/queue/join")
    with pytest.raises(SpaceStateError, match=stage) as caught:
        await directly(scripted_space, Settings())
    one_line(caught.value, "qwen-2-72b")


async def test_a_cancel_while_joining_and_while_waiting(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.too_many("40"), path="/queue/join")
    async with QwenClient(f"space:{scripted_space.url}") as client:
        stream = client.stream("hi")
        task = asyncio.create_task(everything(stream))
        await scripted_space.wait_seen("/queue/join")
        await asyncio.sleep(0.2)
        begin = time.monotonic()
        await stream.cancel()
        assert time.monotonic() - begin < 5
        happened, error = await task
        assert error is None
        assert isinstance(happened[-1], End)
        assert happened[-1].finish_reason == "interrupted"


async def test_a_cancel_while_the_join_is_on_its_way() -> None:
    seen: list[tuple[str, Any]] = []
    joining = asyncio.Event()

    async def slow(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        if request.path == "/config":
            return aioweb.json_response(web.SAVED["config"])
        if request.path == "/queue/join":
            joining.set()
            await asyncio.sleep(0.3)
            seen.append(("join", None))
            return aioweb.json_response({"event_id": "late"})
        if request.path == "/cancel":
            seen.append(("cancel", await request.json()))
        return aioweb.json_response({"success": True})

    async with small_server(slow) as url, QwenClient(f"space:{url}") as client:
        stream = client.stream("hi")
        task = asyncio.create_task(everything(stream))
        await joining.wait()
        await stream.cancel()
        happened, error = await task
    assert error is None
    assert isinstance(happened[-1], End)
    assert [name for name, _ in seen] == ["join", "cancel"]
    assert seen[1][1]["event_id"] == "late"


async def test_a_server_that_knows_no_cancel(scripted_space: ScriptedSpace) -> None:
    """Gradio before 4.31: a generator that has begun is reset."""
    space = scripted_space
    space.fail(web.Answer(404, '{"detail":"Not Found"}', "application/json"), path="/cancel")
    space.stream = [*space.answer(["Hel"])[:3], web.STALL]
    async with QwenClient(f"space:{space.url}") as client:
        stream = client.stream("hi")
        happenings = await first_delta(stream)
        await stream.cancel()
        assert isinstance([event async for event in happenings][-1], End)
        await space.wait_seen("/reset")
        space.stream = [space.message("process_starts"), web.STALL]
        task = asyncio.create_task(everything(client.stream("hi")))
        while len(space.seen("/queue/data")) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert len(space.seen("/cancel")) == 2
    (reset,) = space.seen("/reset")
    assert reset.body["event_id"] == space.event_id


async def test_a_cancel_that_the_server_does_not_answer(scripted_space: ScriptedSpace) -> None:
    async def hung(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        if request.path == "/config":
            return aioweb.json_response(web.SAVED["config"])
        if request.path == "/queue/join":
            return aioweb.json_response({"event_id": scripted_space.event_id})
        if request.path == "/info":
            return aioweb.json_response({})
        response = aioweb.StreamResponse()
        if request.path == "/queue/data":
            await response.prepare(request)
            for step in scripted_space.answer(["Hel"])[:3]:
                await response.write(bytes(step))  # type: ignore[arg-type]
        await asyncio.sleep(30)
        return response

    async with small_server(hung) as url:
        before = asyncio.all_tasks()
        async with QwenClient(f"space:{url}", stall_timeout=20) as client:
            stream = client.stream("hi")
            happenings = await asyncio.wait_for(first_delta(stream), 25)
            begin = time.monotonic()
            await stream.cancel()
            assert time.monotonic() - begin < 5
            assert isinstance([event async for event in happenings][-1], End)
            await asyncio.sleep(0.1)
            after = asyncio.all_tasks()
    assert not [task for task in after - before if "_withdraw" in repr(task)]


async def test_a_connection_that_the_server_had_reset() -> None:
    joins: list[float] = []

    async def resetting(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        if request.path == "/config":
            return aioweb.json_response(web.SAVED["config"])
        if request.path == "/queue/join":
            joins.append(time.monotonic())
            if len(joins) == 1:
                assert request.transport is not None
                request.transport.abort()
            return aioweb.json_response({"event_id": "E"})
        body = web.message("process_completed", event_id="E", output={"data": ["", [["hi", "yes"]], ""]}, success=True)
        return aioweb.Response(body=body)

    async with small_server(resetting) as url, QwenClient(f"space:{url}") as client:
        assert (await client.ask("hi")).text == "yes"
    assert len(joins) == 2


async def test_bytes_cut_anywhere(scripted_space: ScriptedSpace) -> None:
    steps = [step for step in scripted_space.answer(["Кот\u2028", "猫👩‍👩‍👧‍👦", "\x85."]) if isinstance(step, bytes)]
    scripted_space.stream = [bytes([byte]) for byte in b"".join(steps)]
    stream, happened, error = await ask(scripted_space)
    assert error is None
    assert stream.reply.text == "Кот\u2028猫👩‍👩‍👧‍👦\x85."
    assert "".join(texts(happened)) == stream.reply.text


async def test_one_very_long_line(scripted_space: ScriptedSpace) -> None:
    text = "猫x" * (4 << 20)  # 16 MiB
    scripted_space.stream = scripted_space.answer([text])
    stream, _, error = await ask(scripted_space)
    assert error is None
    assert stream.reply.text == text


async def test_a_line_beyond_the_limit(scripted_space: ScriptedSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "qwen_magic.backends.gradio.runs.SSEDecoder", functools.partial(SSEDecoder, max_event_bytes=2000)
    )
    scripted_space.stream = scripted_space.answer(["Hel", "x" * 5000])
    _, _, error = await ask(scripted_space)
    assert type(error) is ProtocolError
    one_line(error, f"space:{scripted_space.url}")
    assert "64 MiB" in str(error)
    assert scripted_space.seen("/cancel")


async def test_without_info(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.INTERNAL, path="/info")
    _, _, error = await ask(scripted_space)
    assert error is None


async def test_messages_of_another_event_are_passed_over(scripted_space: ScriptedSpace) -> None:
    alien = {"data": ["", [["hi", "not ours"]], "sys"], "is_generating": False}
    steps = scripted_space.answer(["Hel", "lo."])
    for place in (1, 3, 5):
        steps.insert(place, web.message("process_completed", event_id="other", output=alien, success=True))
    scripted_space.stream = steps
    stream, happened, error = await ask(scripted_space)
    assert error is None
    assert stream.reply.text == "".join(texts(happened)) == "Hello."


async def test_a_prefix(scripted_space: ScriptedSpace) -> None:
    async with web.ScriptedSpace(prefix="/gradio_api") as space:
        stream, _, error = await ask(space)
        assert error is None
        assert stream.reply.text == "Hello."
        assert space.seen("/queue/join")[0].path == "/gradio_api/queue/join"


async def test_many_cancels_lose_none(scripted_space: ScriptedSpace) -> None:
    """A cancel that meets a chunk on its way is not lost."""
    step: Any = scripted_space.message("progress", progress_data=[{"desc": "x", "progress": 0.5}])
    scripted_space.stream = [*scripted_space.answer(["a"])[:3], *[step, 0.0] * 100_000]
    async with QwenClient(f"space:{scripted_space.url}") as client:
        for i in range(60):
            stream = client.stream("hi")
            happenings = await first_delta(stream)
            for _ in range(i % 7):
                await anext(happenings)
            for _ in range(i % 5):
                await asyncio.sleep(0)
            await asyncio.wait_for(stream.cancel(), 5)
            assert isinstance([event async for event in happenings][-1], End)
    assert len(scripted_space.seen("/cancel")) == 60


@pytest.mark.parametrize("kind", ["history", "prompt"])
async def test_a_page_that_does_not_take_our_history(scripted_space: ScriptedSpace, kind: str) -> None:
    """The turns go in front of the prompt, to the endpoint that takes one: nothing is asked without its prompt."""
    from qwen_magic.backends.gradio.endpoints import Call, Endpoint, Input

    before = (Call(7, "history" if kind == "history" else "prompt"),)
    if kind == "history":
        plain = Endpoint(0, "/chat", (Input("prompt"), Input("state")), 1, "tuples", before=before)
    else:
        page = Endpoint(2, "/chat", (Input("state"), Input("history")), 1, "tuples", before=before, pending=True)
        plain = Endpoint(0, "/chat", (Input("prompt"), Input("state")), 1, conversation=page)
    space = scripted_space
    refused = [space.message("process_completed", output={"error": None}, success=False)]
    space.streams = [refused, space.answer(["Hel", "lo."])]
    backend = SpaceBackend(parse_target(f"space:{space.url}"), Settings())
    backend._endpoint = plain
    sessions = Sessions(Settings())
    messages = to_messages(
        [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}, {"role": "user", "content": "q2"}]
    )
    events = [e async for e in backend.stream(await sessions.get(), Request(messages, Parameters()))]
    await sessions.close()
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Hello."
    assert any(isinstance(e, Status) and e.kind == "warning" and "history" in e.text for e in events)
    first, second = (seen.body for seen in space.seen("/queue/join"))
    assert first["fn_index"] == 7
    assert second["fn_index"] == 0
    assert all(word in second["data"][0] for word in ("q1", "a1", "q2"))
