"""The Space backend against real servers of old Gradios, each with a queue protocol of its own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
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
    statuses,
    texts,
    turns,
)

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.gradio.endpoints import Call, Endpoint, Input
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.sessions import Sessions
from qwen_magic.errors import (
    AuthError,
    BusyError,
    ConnectError,
    DisconnectError,
    QuotaError,
    QwenError,
    ServerError,
    StallError,
)
from qwen_magic.events import End, Reset, TextDelta
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from pathlib import Path

    from servers.plugin import ServerFactory

# Up to 4.16 a server sees that nobody listens any more; after it, before 4.31, only between two values.
SEES_US_GO = ("3.50.2", "4.8.0", "4.16.0")


async def test_the_server_sees_history_and_system(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "qwenlike")
    async with QwenClient(f"space:{server.url}") as client:
        for _ in range(2):
            happened, error = await everything(client.stream(CONVERSATION))
            assert error is None
            assert "".join(texts(happened)) == "You said: third?. Turns before: 2. System: Be brief.. That is all."
            assert not statuses(happened, "warning")
            assert statuses(happened, "queue")[0].startswith("in the queue: place 1 of 1")
    calls = server.calls("model_chat")
    assert [(call["prompt"], call["system"]) for call in calls] == [("third?", "Be brief.")] * 2
    assert [turns(call["history"]) for call in calls] == [EARLIER] * 2


async def test_a_chatinterface(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "chatinterface")
    async with QwenClient(f"space:{server.url}") as client:
        happened, error = await everything(client.stream("echo abcdefgh", temperature=0.25, max_tokens=77))
        assert error is None
        assert "".join(texts(happened)) == "abcdefgh"
        happened, error = await everything(client.stream(CONVERSATION))
        assert error is None
        assert "third?" in "".join(texts(happened))
    first, *again, last = server.calls("respond")
    assert first["extra"] == {"max_tokens": 77, "temperature": 0.25, "top_p": 0.95}
    assert last["system"] == "Be brief."
    assert last["prompt"] == "third?"
    if turns(last["history"]) == EARLIER:
        assert not again
        assert not statuses(happened, "warning")
    else:  # its history is a state of the server's own: the earlier questions are asked in the same session, and told
        asked = [text for role, text in EARLIER if role == "user"]
        assert [call["prompt"] for call in again] == asked
        assert [text for role, text in turns(last["history"]) if role == "user"] == asked
        assert any("asking earlier question 1 of 2 again" in text for text in statuses(happened, "warning"))


async def test_calls_that_come_first(old_version: str, gradio_server: ServerFactory) -> None:
    """What another function has put into the session, the prompt here, is there in the call that follows."""
    server = gradio_server(old_version, "chatinterface")
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/config") as response:
        config = await response.json()
    kinds = {item["id"]: item["type"] for item in config["components"]}
    shapes = [[kinds[i] for i in dep["inputs"]] for dep in config["dependencies"]]
    saves = shapes.index(["textbox"])
    asks = shapes.index(["state", "state", "textbox", "slider", "slider", "slider"])
    extras = (Input("system"), Input("other", default=9), Input("other", default=0.5), Input("other", default=0.5))
    backend = SpaceBackend(parse_target(f"space:{server.url}"), Settings())
    backend._endpoint = Endpoint(
        asks,
        "/chat",
        (Input("state"), Input("state"), *extras),
        0,
        "tuples",
        before=(Call(saves, "prompt"),),
        protocol=config.get("protocol", "ws"),
        pending=True,
    )
    sessions = Sessions(Settings())
    messages = to_messages(CONVERSATION)
    happened = [event async for event in backend.stream(await sessions.get(), Request(messages, Parameters()))]
    await sessions.close()
    assert "".join(texts(happened)) == "You said: third?. Turns before: 0. System: Be brief.. That is all."
    assert ["dropped the earlier turns" in text for text in statuses(happened, "warning")] == [True]
    assert [call["prompt"] for call in server.calls("respond")] == ["third?"]


async def test_texts(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "misc")
    async with misc(server, "unicode") as client:
        stream = client.stream("x")
        parts = [part async for part in stream]
        assert "".join(parts) == stream.reply.text == UNICODE
        assert len(parts) > 20
    async with misc(server, "rewrite") as client:
        stream = client.stream("x")
        happened, error = await everything(stream)
        assert error is None
        said = [event.text for event in happened if isinstance(event, (TextDelta, Reset))]
        assert said == ["Thinking", "...", "The answer", " is 41", "The answer is 42", "Answer: 42."]
        resets = [event.text for event in happened if isinstance(event, Reset)]
        assert resets == ["The answer", "The answer is 42", "Answer: 42."]
        assert stream.reply.text == "Answer: 42."
    async with misc(server, "plain") as client:
        happened, error = await everything(client.stream("echo all at once"))
        assert error is None
        assert texts(happened) == ["all at once"]


async def test_long_messages(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "misc")
    async with misc(server, "long") as client:
        stream = client.stream("1000000")
        parts = [part async for part in stream]
    assert "".join(parts) == stream.reply.text
    assert len(stream.reply.text.rstrip()) >= 999_998
    assert len(parts) >= 4  # what comes in one read is one part


async def test_notes_are_statuses(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "misc")
    async with misc(server, "notes") as client:
        happened, error = await everything(client.stream("x"))
    assert error is None
    assert texts(happened) == ["Noted."]
    assert "Loading the model" in statuses(happened, "server")
    assert "This is a demo" in statuses(happened, "warning")
    assert "Loading weights: 25%" in statuses(happened, "server")


async def test_errors_of_the_app(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "misc")
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
        one_line(error, f"space:{server.url}")
        assert isinstance(error, ServerError)
        assert error.server_message == said
        assert said in str(error)
        assert "secret" not in str(error)
        assert error.reply is not None
        assert error.reply.text == "".join(texts(happened)) == partial
        assert error.before_answer is not bool(partial)
        assert (error.reply.finish_reason, stream.reply.finish_reason) == ("error", "error")


@pytest.mark.parametrize("how", ["task", "cancel"])
async def test_the_server_sees_a_cancel(old_version: str, how: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "qwenlike")
    before = asyncio.all_tasks()
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream("count 200 0.05")
        if how == "task":
            task = asyncio.create_task(everything(stream))
            await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == "start")
            await asyncio.sleep(0.5)
            begin = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            happenings = await first_delta(stream)
            begin = time.monotonic()
            await stream.cancel()
            assert isinstance([event async for event in happenings][-1], End)
        assert time.monotonic() - begin < 5
        assert asyncio.all_tasks() == before
        assert 0 < (await ended(server))["yields"] < 60
        assert stream.reply.finish_reason == "interrupted"
        assert stream.reply.text.startswith("w0")
        assert (await client.ask("echo next")).text == "next"
    assert asyncio.all_tasks() == before


async def test_a_cancel_in_the_queue_and_before_the_first_value(
    old_version: str, gradio_server: ServerFactory, tmp_path: Path
) -> None:
    """Some versions work on for nobody, but the client ends at once on all."""
    server = gradio_server(old_version, "qwenlike")
    released = tmp_path / "released"
    hold = f"hold {released}"
    async with QwenClient(f"space:{server.url}") as client:
        first = asyncio.create_task(everything(client.stream(hold)))
        await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == "start")
        waiting = asyncio.create_task(everything(client.stream("echo never")))
        await asyncio.sleep(0.4)
        try:
            for task in (waiting, first):
                task.cancel()
                await asyncio.wait([task], timeout=10)
                assert task.done()
        finally:
            released.touch()
        assert (await client.ask("echo after")).text == "after"
    prompts = [call["prompt"] for call in server.calls()]
    ends = [entry["event"] for entry in server.log() if entry["event"] != "start"]
    if old_version in SEES_US_GO:
        assert prompts == [hold, "echo after"]
    else:
        assert prompts == [hold, "echo never", "echo after"]
        assert ends == ["done"] * 3


async def test_a_full_queue_and_a_killed_server(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "qwenlike", QWEN_TEST_QUEUE_MAX="1")
    target = f"space:{server.url}"
    async with QwenClient(target, retry_timeout=30) as client, QwenClient(target, retry_timeout=0.5) as hasty:
        first = asyncio.create_task(everything(client.stream("count 40 0.05")))
        await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == "start")
        second = asyncio.create_task(everything(client.stream("echo second")))
        await asyncio.sleep(0.5)
        happened, error = await everything(hasty.stream("echo hasty"))
        assert isinstance(error, BusyError)
        one_line(error, target)
        assert "queue is full" in str(error).lower()
        assert error.before_answer
        happened, error = await everything(client.stream("echo third"))
        assert error is None
        assert "".join(texts(happened)) == "third"
        assert "queue is full" in statuses(happened, "retry")[0].lower()
        for other in (first, second):
            assert (await other)[1] is None
        assert {call["prompt"] for call in server.calls()} == {"count 40 0.05", "echo second", "echo third"}

        stream = client.stream("count 200 0.05")
        happenings = await first_delta(stream)
        server.kill()
        with pytest.raises(DisconnectError) as caught:
            async for _ in happenings:
                pass
        one_line(caught.value, target)
        assert caught.value.reply is not None
        assert caught.value.reply.text.startswith("w0")
        assert (caught.value.reply.finish_reason, stream.reply.finish_reason) == ("error", "error")
        with pytest.raises(ConnectError):
            await client.ask("anybody there?")


async def test_a_silent_server_stalls(old_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(old_version, "misc")
    async with misc(server, "silent", stall_timeout=0.8) as client:
        begin = time.monotonic()
        _, error = await everything(client.stream("1.5"))
        spent = time.monotonic() - begin
    assert isinstance(error, StallError)
    one_line(error, f"space:{server.url}")
    assert 0.7 < spent < 5
    await ended(server, "done" if old_version not in SEES_US_GO else "cancelled")


@pytest.mark.parametrize("version", ["3.50.2", "4.8.0"])
async def test_a_login(version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(version, "qwenlike", QWEN_TEST_AUTH="user:pw")
    async with QwenClient(f"space:{server.url}") as client:
        with pytest.raises(AuthError):
            await client.ask("hello")
    async with QwenClient(f"space:{server.url}", auth=("user", "pw")) as client:
        assert (await client.ask("echo in")).text == "in"
        # another loop has a session of its own, which has to sign in too
        assert (await asyncio.to_thread(client.ask_sync, "echo there")).text == "there"


async def test_an_app_without_a_queue(gradio_server: ServerFactory) -> None:
    """Gradio 3 runs no generator without a queue, but what answers at once."""
    server = gradio_server("3.50.2", "misc", QWEN_TEST_NO_QUEUE="1")
    async with misc(server, "plain") as client:
        happened, error = await everything(client.stream("echo all at once"))
        assert error is None
        assert texts(happened) == ["all at once"]
    async with misc(server, "slow") as client:
        _, error = await everything(client.stream("x"))
        assert type(error) is ServerError
        one_line(error, f"space:{server.url}")
