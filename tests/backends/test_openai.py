"""The OpenAI backend against HTTP servers that behave and misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from qwen_magic.backends.base import Settings
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.registry import make_backend
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import (
    AuthError,
    BusyError,
    ConnectError,
    DisconnectError,
    ProtocolError,
    QwenError,
    StallError,
)
from qwen_magic.events import End, Event, Responder, TextDelta
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

ASK = (Message("user", "hi"),)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def delta(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n".encode()


DONE = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/v1/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def ask(url: str, settings: Settings | None = None, key: str | None = None) -> list[Event]:
    backend = OpenAIBackend(parse_target(f"openai:{url}#m"), settings or Settings(), key)
    async with aiohttp.ClientSession(trust_env=False) as session:
        return [event async for event in backend.stream(session, Request(ASK, Parameters()))]


async def failure(handler: Handler, **settings: float) -> QwenError:
    async with serving(handler) as url:
        with pytest.raises(QwenError) as caught:
            await ask(url, Settings(**settings))  # type: ignore[arg-type]
    assert caught.value.target.startswith("openai:http://127.0.0.1")
    assert caught.value.hint
    return caught.value


async def stream(request: web.Request, *pieces: bytes | float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for piece in pieces:
        if isinstance(piece, bytes):
            await response.write(piece)
        else:
            await asyncio.sleep(piece)
    return response


async def test_an_answer_comes_as_it_is_made() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert (await request.json())["model"] == "m"
        return await stream(request, delta("a"), 0.3, delta("b"), DONE)

    async with serving(handler) as url:
        backend = make_backend(parse_target(f"openai:{url}#m"), Settings())
        times, found = [], []
        async with aiohttp.ClientSession() as session:
            async for event in backend.stream(session, Request(ASK, Parameters())):
                times.append(time.monotonic())
                found.append(event)
    assert found == [Responder(f"openai:{url}#m", "m"), TextDelta("a"), TextDelta("b"), End("stop")]
    assert times[2] - times[1] > 0.2


async def test_without_a_model_the_server_is_asked() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": "first"}, {"id": "second"}]})
        return await stream(request, delta((await request.json())["model"]), DONE)

    async with serving(handler) as url:
        backend = OpenAIBackend(parse_target(f"openai:{url}"), Settings())
        async with aiohttp.ClientSession() as session:
            found = [event async for event in backend.stream(session, Request(ASK, Parameters()))]
    assert found == [Responder(f"openai:{url}", "first"), TextDelta("first"), End("stop")]


async def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({"error": {"message": "wrong key"}}, status=401)

    async with serving(handler) as url:
        monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        for key in ("given", None):
            with pytest.raises(AuthError, match="wrong key") as caught:
                await ask(url, key=key)
            assert "given" not in str(caught.value)
        login = OpenAIBackend(parse_target(f"openai:{url.replace('//', '//me:word@')}#m"), Settings())
        assert "word" not in repr(login)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(AuthError):
                [event async for event in login.stream(session, Request(ASK, Parameters()))]
    assert seen == ["Bearer given", "Bearer from-environment", "Basic bWU6d29yZA=="]
    assert "given" not in repr(OpenAIBackend(parse_target("openai:http://h#m"), Settings(), "given"))


async def test_too_many_requests() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "7"})

    error = await failure(handler, retry_timeout=5)
    assert isinstance(error, BusyError)
    assert error.retry_after == 7


async def test_a_server_that_falls_silent_before_it_answers() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3)
        return web.Response()

    error = await failure(handler, stall_timeout=0.3)
    assert isinstance(error, StallError)
    assert "0.3 s" in str(error)


async def test_a_server_that_falls_silent_in_an_answer() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, delta("a"), 3.0, DONE)

    assert isinstance(await failure(handler, stall_timeout=0.3), StallError)


async def test_heartbeats_are_no_answer_once_it_has_begun() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, delta("a"), *(piece for _ in range(30) for piece in (b": ping\n\n", 0.1)), DONE)

    begin = time.monotonic()
    assert isinstance(await failure(handler, stall_timeout=0.5), StallError)
    assert time.monotonic() - begin < 5


async def test_heartbeats_alone_keep_no_wait_alive() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, *(piece for _ in range(30) for piece in (b": ping\n\n", 0.1)), delta("a"), DONE)

    error = await failure(handler, stall_timeout=0.4)
    assert isinstance(error, StallError)
    assert "only keep-alive messages" in str(error)


async def test_a_connection_cut_in_an_answer() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await stream(request, delta("a"))
        assert request.transport is not None
        request.transport.close()
        return response

    assert isinstance(await failure(handler), DisconnectError)


async def test_an_answer_without_an_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, delta("a"))

    assert isinstance(await failure(handler), DisconnectError)


async def test_nobody_listens_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match=rf"cannot connect to 127.0.0.1:{port}"):
        await ask(f"http://127.0.0.1:{port}/v1")


async def test_no_such_host() -> None:
    with pytest.raises(ConnectError, match="no such host: no-such-host"):
        await ask("http://no-such-host.invalid/v1")


async def test_no_tls() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response()

    async with serving(handler) as url:
        with pytest.raises(ConnectError, match="no secure connection"):
            await ask(url.replace("http:", "https:"))


async def test_a_dead_proxy_is_named_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = OpenAIBackend(parse_target("openai:http://somewhere.invalid/v1#m"), Settings())
    async with aiohttp.ClientSession(proxy=f"http://me:secret@127.0.0.1:{port}") as session:
        with pytest.raises(ConnectError, match="the proxy cannot be reached") as caught:
            [event async for event in backend.stream(session, Request(ASK, Parameters()))]
    assert "secret" not in str(caught.value)


async def test_no_http() -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-x\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garble, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ProtocolError, match="no HTTP server answers there"):
            await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")


@pytest.mark.parametrize("way", ["close", "cancel"])
async def test_the_server_sees_at_once_that_nobody_listens(way: str) -> None:
    gone = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await stream(request, *(piece for _ in range(300) for piece in (delta("a"), 0.02)))
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    async with serving(handler) as url, aiohttp.ClientSession() as session:
        backend = OpenAIBackend(parse_target(f"openai:{url}#m"), Settings())
        begun = asyncio.Event()

        async def read() -> None:
            async with aclosing(backend.stream(session, Request(ASK, Parameters()))) as answer:
                async for event in answer:
                    if isinstance(event, TextDelta):
                        begun.set()
                        if way == "close":
                            return

        task = asyncio.create_task(read())
        await asyncio.wait_for(begun.wait(), 5)
        if way == "cancel":
            task.cancel()
        await asyncio.wait({task})
        await asyncio.wait_for(gone.wait(), 1)
