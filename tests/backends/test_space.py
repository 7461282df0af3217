"""The Space backend against real Gradio servers of each version."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

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
from qwen_magic.errors import (
    AuthError,
    BusyError,
    ConnectError,
    DisconnectError,
    DiscoveryError,
    QuotaError,
    QwenError,
    ServerError,
    StallError,
    UsageError,
)
from qwen_magic.events import End, Reset, Status, TextDelta, ThinkingDelta

if TYPE_CHECKING:
    from servers.plugin import ServerFactory


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
    assert "".join(e.text for e in happened if isinstance(e, ThinkingDelta)) == "Let me think about it."
    assert "".join(texts(happened)) == "The answer is 42."
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
