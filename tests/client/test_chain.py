"""The chain: who is asked, in which order, for how long; and how a broken-off answer goes on."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
from servers import web
from servers.chat import ChatServer, Said

from qwen_magic import QwenClient
from qwen_magic.errors import AuthError, ChainError, ConnectError, DisconnectError, QwenError, ServerError, UsageError
from qwen_magic.events import End, Event, Reset, Responder, Status, TextDelta, ThinkingDelta
from qwen_magic.reply import Reply

if TYPE_CHECKING:
    from servers.plugin import ServerFactory
    from servers.web import ScriptedSpace

    from qwen_magic import Stream

LONG = ["The cat ", "walked along ", "the long ", "white road"]


def refusing() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"openai:http://127.0.0.1:{sock.getsockname()[1]}/v1#none"


async def everything(stream: Stream) -> list[Event]:
    return [event async for event in stream.events()]


async def wait_in_queue(stream: Stream, queued: asyncio.Semaphore) -> None:
    """Run a stream, and tell when it has its place in the queue."""
    async for event in stream.events():
        if isinstance(event, Status) and event.kind == "queue":
            queued.release()


def failovers(events: list[Event]) -> list[str]:
    return [
        f"{event.target}: {event.text}" for event in events if isinstance(event, Status) and event.kind == "failover"
    ]


async def test_refused_then_full_then_answered(gradio_server: ServerFactory) -> None:
    """The second is a real Gradio app with a full queue, the third a real one that answers."""
    full = gradio_server("5.50.0", "qwenlike", QWEN_TEST_QUEUE_MAX="1")
    answers = gradio_server("5.50.0", "qwenlike")
    first, second, third = refusing(), f"space:{full.url}", f"space:{answers.url}"
    async with QwenClient(second) as blocker:
        queued = asyncio.Semaphore(0)
        blocking = [asyncio.ensure_future(wait_in_queue(blocker.stream("count 400 0.05"), queued)) for _ in range(2)]
        for _ in blocking:
            await queued.acquire()
        await asyncio.to_thread(full.wait_log, lambda entry: entry["event"] == "start")
        async with QwenClient([first, second, third], failover_timeout=2) as client:
            started = time.perf_counter()
            stream = client.stream("echo found it")
            events = await everything(stream)
            took = time.perf_counter() - started
            again = await everything(client.stream("echo again"))
            states = {state.target: state for state in client.states()}
        for task in blocking:
            task.cancel()
        await asyncio.gather(*blocking, return_exceptions=True)
    refused, busy = failovers(events)
    assert refused.startswith(f"{first}: ")
    assert f"trying {second}" in refused
    assert "queue is full" in busy.lower()
    assert f"trying {third}" in busy
    assert [event.text for event in events if isinstance(event, Status) and event.kind == "retry"]
    assert (stream.reply.text, stream.reply.target) == ("found it", third)
    assert took < 2 + 5
    (left_out,) = failovers(again)
    assert left_out.startswith(f"{first}, {second}: left out for up to ")
    assert states[first].state.startswith("left out")
    assert (states[third].state, states[third].error) == ("ready", "")
    assert states[third].latency is not None


async def test_a_target_that_failed_is_not_asked_again_at_once() -> None:
    broken = Said(status=501, body='{"error": {"message": "out of memory"}}')
    async with (
        ChatServer(broken, Said()) as one,
        ChatServer() as other,
        QwenClient([one.target, other.target]) as client,
    ):
        for _ in range(3):
            assert (await client.ask("hi")).target == other.target
        assert len(one.asked) == 1
        client.forgive()
        assert (await client.ask("hi")).target == one.target
        assert (await client.ask("hi", target=one.target)).target == one.target


async def test_one_that_is_left_out_is_asked_where_all_others_fail() -> None:
    broken = Said(status=501, body="{}")
    async with ChatServer(broken, Said()) as one, ChatServer(Said(), broken) as other:
        async with QwenClient([one.target, other.target]) as client:
            assert (await client.ask("hi")).target == other.target
            assert (await client.ask("hi")).target == one.target


async def test_a_single_target_is_never_left_out() -> None:
    async with ChatServer(Said(status=501, body="{}"), Said()) as server, QwenClient(server.target) as client:
        with pytest.raises(ServerError):
            await client.ask("hi")
        assert (await client.ask("hi")).text == "Hello."


async def test_all_fail_in_one_line() -> None:
    targets = [refusing(), refusing(), "space:http://127.0.0.1:1"]
    async with QwenClient(targets) as client:
        with pytest.raises(ChainError) as caught:
            await client.ask("hi")
    error = caught.value
    assert [type(each) for each in error.errors] == [ConnectError] * 3
    assert error.what == f"none of 3 targets answered: {', '.join(targets)} (cannot connect)"
    assert "network" in error.hint
    assert "\n" not in str(error)


async def test_a_server_on_this_machine_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for its models alone, and not by one whose own target it is."""
    async with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url.removeprefix("http://").removesuffix("/v1"))
        for targets in (refusing(), [refusing(), refusing()]):
            async with QwenClient(targets) as client:
                with pytest.raises(QwenError) as caught:
                    await client.ask("hi")
                assert caught.value.hint.endswith("ollama:tiny answers on this machine: try that.")
                assert (await client.ask("hi", target="ollama:tiny")).text == "Hello."
        assert len(server.asked) == 2


async def test_a_network_that_swallows_everything_takes_at_most_15_seconds() -> None:
    """Addresses that never answer a connection: a listener whose backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        try:
            silent = [f"space:http://127.0.0.1:{port}/{name}" for name in "abcd"]
            async with ChatServer() as server, QwenClient([*silent, server.target]) as client:
                started = time.perf_counter()
                reply = await client.ask("hi")
                took = time.perf_counter() - started
        finally:
            for filler in fillers:
                filler.close()
    assert reply.target == server.target
    assert 5 < took < 15


async def test_a_name_server_that_never_answers_counts_as_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: object, **__: object) -> list[object]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(aiohttp.resolver.DefaultResolver, "resolve", resolve)
    async with (
        ChatServer() as server,
        QwenClient(["qwen-2-72b", "qwen-3", server.target], connect_timeout=0.5) as client,
    ):
        stream = client.stream("hi")
        started = time.perf_counter()
        events = await everything(stream)
        assert time.perf_counter() - started < 5
    assert stream.reply.target == server.target
    assert ["no connection within 0.5 s" in line for line in failovers(events)] == [True, True]


async def test_the_first_busy_one_is_waited_for_where_all_others_fail(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(web.QUEUE_FULL, path="/queue/join", requests=4)
    async with QwenClient([f"space:{scripted_space.url}", refusing()], failover_timeout=0.5) as client:
        stream = client.stream("hi")
        events = await everything(stream)
    assert stream.reply.text == "Hello."
    assert len(failovers(events)) == 2
    assert f"trying space:{scripted_space.url}" in failovers(events)[1]


@pytest.mark.parametrize("slow", [{"rank_eta": 600.0}, {"rank_eta": None}])
async def test_a_long_queue_is_left_where_another_target_is_there(
    slow: dict[str, float | None], scripted_space: ScriptedSpace
) -> None:
    places = [scripted_space.message("estimation", rank=rank, queue_size=99, **slow) for rank in range(90, 30, -1)]
    waiting: list[object] = [item for place in places for item in (place, 0.05)]
    scripted_space.stream = [*waiting, *scripted_space.answer(["late"])]  # type: ignore[list-item]
    busy = f"space:{scripted_space.url}"
    async with ChatServer() as server, QwenClient([busy, server.target], retry_timeout=1) as client:
        stream = client.stream("hi")
        events = await everything(stream)
        assert stream.reply.target == server.target
        assert "the queue is long (in the queue: place " in failovers(events)[0]
        assert scripted_space.seen("/cancel")
        assert (await client.ask("hi", target=busy)).text == "late"


async def test_an_answer_that_has_begun_is_not_begun_anew_elsewhere() -> None:
    async with ChatServer(Said(LONG, cut=True)) as one, ChatServer() as other:
        async with QwenClient([one.target, other.target]) as client:
            with pytest.raises(DisconnectError) as caught:
                await client.ask("tell me")
    assert caught.value.reply is not None
    assert caught.value.reply.text == "".join(LONG)
    assert not other.asked


async def test_a_cut_answer_goes_on_at_the_next_target() -> None:
    rest = Said(["the long white", " road until", " it was night."])
    async with ChatServer(Said(LONG, cut=True)) as one, ChatServer(rest) as other:
        async with QwenClient([one.target, other.target]) as client:
            stream = client.stream("tell me", system="be brief")
            with pytest.raises(DisconnectError):
                await everything(stream)
            resumed = stream.resume()
            events = await everything(resumed)
    assert events[0] == Reset("".join(LONG))
    assert [event for event in events if isinstance(event, Responder)] == [Responder(other.target, "tiny")]
    reply = resumed.reply
    assert reply.text == "The cat walked along the long white road until it was night."
    assert (reply.finish_reason, reply.target, reply.earlier_targets) == ("stop", other.target, (one.target,))
    assert [message.role for message in reply.messages] == ["system", "user", "assistant"]
    sent = other.asked[0]["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert sent[2]["content"] == "".join(LONG)
    assert "The cat walked along the long white road" in sent[3]["content"]
    assert reply.seconds >= stream.reply.seconds


async def test_where_all_have_failed_the_one_that_began_goes_on() -> None:
    refuses, other = refusing(), refusing()
    async with ChatServer(Said(LONG, cut=True), Said([" on."])) as server:
        async with QwenClient([refuses, other, server.target]) as client:
            stream = client.stream("tell me")
            with pytest.raises(DisconnectError):
                await everything(stream)
            resumed = stream.resume()
            assert failovers(await everything(resumed)) == []
    assert (resumed.reply.text, resumed.reply.target) == ("".join([*LONG, " on."]), server.target)
    assert resumed.reply.earlier_targets == ()


async def test_only_what_is_new_is_yielded_as_text() -> None:
    async with (
        ChatServer(Said(LONG, finish="length"), Said([" and ", "on."])) as server,
        QwenClient(server.target) as client,
    ):
        stream = client.stream("tell me", max_tokens=4)
        assert "".join([text async for text in stream]) == "".join(LONG)
        resumed = stream.resume()
        assert "".join([text async for text in resumed]) == " and on."
        assert resumed.reply.text == "".join(LONG) + " and on."
        assert resumed.reply.earlier_targets == ()
        assert server.asked[1]["max_tokens"] == 4


async def test_a_continuation_that_breaks_off_is_continued_again() -> None:
    answers = [Said(["One two three "], cut=True), Said(["four five ", "six "], cut=True), Said(["seven."])]
    async with ChatServer(*answers) as server, QwenClient(server.target) as client:
        stream = client.stream("count")
        for _ in range(2):
            with pytest.raises(DisconnectError) as caught:
                await everything(stream)
            stream = stream.resume()
        await everything(stream)
    assert caught.value.reply is not None
    assert caught.value.reply.text == "One two three four five six "
    assert stream.reply.text == "One two three four five six seven."


async def test_who_gives_nothing_to_a_continuation_is_not_named() -> None:
    async with ChatServer(Said(LONG, cut=True), Said(["w", "x"], cut=True), Said(status=500)) as server:
        async with QwenClient(server.target) as client:
            stream = client.stream("tell me")
            with pytest.raises(DisconnectError):
                await everything(stream)
            failed = stream.resume(refusing())
            with pytest.raises(ConnectError) as caught:
                await everything(failed)
    assert isinstance(caught.value.reply, Reply)
    for reply in (failed.reply, caught.value.reply):
        assert (reply.text, reply.target, reply.earlier_targets) == ("".join(LONG), server.target, ())
        assert reply.finish_reason == "error"
    assert failed.resume().reply.text == "".join(LONG)


async def test_a_failure_names_its_target_in_the_reply() -> None:
    target = refusing()
    async with QwenClient(target) as client:
        stream = client.stream("hi")
        with pytest.raises(ConnectError):
            await everything(stream)
    assert (stream.reply.target, stream.reply.finish_reason) == (target, "error")


async def test_what_cannot_be_continued() -> None:
    async with ChatServer(Said(), Said([], ["hm"], finish="length")) as server, QwenClient(server.target) as client:
        stream = client.stream("hi")
        with pytest.raises(UsageError, match="not finished"):
            stream.resume()
        await everything(stream)
        with pytest.raises(UsageError, match="complete"):
            stream.resume()
        thinking = client.stream("hi")
        await everything(thinking)
        with pytest.raises(UsageError, match="no part of the answer"):
            thinking.resume()


async def test_thinking_is_split_off_wherever_it_comes_from(scripted_space: ScriptedSpace) -> None:
    inline = Said(["<thi", "nk>\nLet me ", "see.</th", "ink>\n\nFor", "ty-two."])
    field = Said(["Forty-two."], ["Let me ", "see."])
    late = Said(["Let me see.\n", "</think>\n\n", "Forty-two."])
    for said in (inline, field, late):
        async with ChatServer(said) as server, QwenClient(server.target) as client:
            stream = client.stream("hi")
            events = await everything(stream)
        assert (stream.reply.text, stream.reply.thinking) == ("Forty-two.", "Let me see.")
        assert stream.reply.thinking_seconds is not None
        assert stream.reply.messages[-1].content == "Forty-two."
        assert any(isinstance(event, (ThinkingDelta, Reset)) for event in events)


async def test_thinking_is_never_sent_back() -> None:
    conversation = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "<think>\nsecret musing\n</think>\n\nb"},
        {"role": "user", "content": "c"},
    ]
    async with ChatServer() as server, QwenClient(server.target) as client:
        await client.ask(conversation)
    assert [message["content"] for message in server.asked[0]["messages"]] == ["a", "b", "c"]


async def test_usage_as_the_server_counts_it_or_as_estimated() -> None:
    counted = Said(usage={"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9})
    async with ChatServer(counted, Said(LONG), Said(LONG, cut=True)) as server, QwenClient(server.target) as client:
        usage = (await client.ask("hi")).usage
        assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (7, 2, False)
        usage = (await client.ask("tell me of the cat")).usage
        assert usage.estimated
        assert usage.prompt_tokens is not None
        assert usage.completion_tokens is not None
        assert 5 <= usage.prompt_tokens <= 15
        assert 5 <= usage.completion_tokens <= 14
        with pytest.raises(QwenError):
            await client.ask("tell me")
        (row,) = client.usage.rows()
    assert (row.asked, row.target, row.model, row.estimated) == (3, server.target, "tiny", True)
    assert row.prompt_tokens > 7 + 5


async def test_check_asks_all_side_by_side() -> None:
    async with ChatServer() as server, QwenClient([server.target, refusing()]) as client:
        ready, failed = await client.check()
        assert (ready.state, ready.models) == ("ready", ("tiny",))
        assert ready.latency is not None
        assert failed.state.startswith("left out")
        assert failed.error
        (single,) = await client.check(server.target)
        assert single.target == server.target
        assert not server.asked


async def test_a_client_made_anew_knows_what_the_old_one_knew() -> None:
    async with ChatServer() as server, QwenClient([server.target, refusing()]) as old, QwenClient(server.target) as new:
        old.settings.keys.set("x", "k", keep=False)
        await old.ask("hi")
        await old.check()
        new.inherit(old)
        assert new.settings.keys.get("x") == "k"
        assert new.usage is old.usage
        assert new.states(old.targets[1].name)[0].error


async def test_a_stopped_answer_is_no_failure_of_the_target() -> None:
    async with ChatServer(Said(LONG, pause=0.05)) as server, QwenClient([server.target, refusing()]) as client:
        stream = client.stream("tell me")
        async for event in stream.events():
            if isinstance(event, TextDelta):
                await stream.cancel()
            if isinstance(event, End):
                assert event == End("interrupted")
        assert client.states()[0].state == "ready"
        assert client.usage.rows()[0].asked == 1


async def test_wrong_keys_do_not_end_the_chain() -> None:
    refused = Said(status=401, body='{"error": {"message": "no"}}')
    async with ChatServer(refused) as one, ChatServer() as other, QwenClient([one.target, other.target]) as client:
        stream = client.stream("hi")
        events = await everything(stream)
        assert "refused" in failovers(events)[0]
        with pytest.raises(AuthError):
            await client.ask("hi", target=one.target)
