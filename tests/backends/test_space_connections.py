"""What the Space backend sends and reads: cookies, tokens, proxies, redirects, cancels, and bytes cut anywhere."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from asking import (
    ask,
    everything,
    first_delta,
    no_outer_world,  # noqa: F401 - a fixture
    one_line,
    small_server,
    statuses,
    texts,
)
from servers import web

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio.app_http import AppHttp
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.sessions import Sessions, user_agent
from qwen_magic.errors import (
    ConnectError,
    NotFoundError,
    ProtocolError,
    SpaceStateError,
)
from qwen_magic.events import End, Event, Status, TextDelta
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request
from qwen_magic.text.sse import SSEDecoder

if TYPE_CHECKING:
    from servers.web import ScriptedSpace


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
    assert "64 MB" in str(error)
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
