"""Gradio 3's websocket, as a scripted server speaks it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from aiohttp import WSMsgType
from aiohttp import web as aioweb
from asking import (
    everything,
    first_delta,
    no_outer_world,  # noqa: F401 - a fixture
    one_line,
    small_server,
    statuses,
    texts,
)

from qwen_magic import QwenClient
from qwen_magic.backends.gradio.app_http import AppHttp
from qwen_magic.errors import (
    AsleepError,
    AuthError,
    BusyError,
    DisconnectError,
    NotFoundError,
    ProtocolError,
    QwenError,
    ServerError,
    StallError,
)
from qwen_magic.events import End, Event

DATA = "send_data"
CUT = "cut"
CLOSE = "close"


class ScriptedSocket:
    """A Gradio 3 that does as it is told.

    Attributes:
        scripts: the steps of each websocket in turn, the last for all that follow: a message to send, DATA to ask
            for the data, CUT, CLOSE, a float to wait so long, bytes for a binary frame, "ping", or another text.
        got: what each websocket was sent.
        refusals: the answers to handshakes before one is taken.

    """

    def __init__(self, *scripts: list[Any]) -> None:
        self.scripts = list(scripts)
        self.got: list[list[Any]] = []
        self.refusals: list[aioweb.Response] = []
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        self.requests.append((request.path, {name.lower(): value for name, value in request.headers.items()}))
        if request.path == "/config":
            parts = [{"id": i, "type": kind, "props": {}} for i, kind in enumerate(("textbox", "chatbot"))]
            chat = {"inputs": [0, 1], "outputs": [0, 1], "api_name": "chat", "types": {"generator": True}}
            config = {"version": "3.50.2", "enable_queue": True, "components": parts, "dependencies": [chat]}
            return aioweb.json_response(config)
        if request.path != "/queue/join":
            return aioweb.json_response({}, status=404)
        if self.refusals:
            return self.refusals.pop(0)
        socket = aioweb.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        got: list[Any] = []
        self.got.append(got)
        await socket.send_json({"msg": "send_hash"})
        got.append(await socket.receive_json())
        for step in self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]:
            if step == DATA:
                await socket.send_json({"msg": "send_data"})
                got.append(await socket.receive_json())
            elif step == CUT:
                await asyncio.sleep(0.02)
                assert request.transport is not None
                request.transport.abort()
            elif step == CLOSE:
                await socket.close()
            elif step == "ping":
                await socket.ping()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, bytes):
                await socket.send_bytes(step)
            else:
                await socket.send_str(step if isinstance(step, str) else json.dumps(step))
        message = await socket.receive()
        got.append(message.type)
        return socket


def value(msg: str, text: str) -> dict[str, Any]:
    return {"msg": msg, "output": {"data": ["", [["hi", text]]]}, "success": True}


PLACE = {"msg": "estimation", "rank": 0, "queue_size": 1}
BEGUN: list[Any] = [PLACE, DATA, {"msg": "process_starts"}, value("process_generating", "Hel")]
WHOLE: list[Any] = [*BEGUN, value("process_generating", "Hello."), value("process_completed", "Hello."), CLOSE]


async def ask(script: ScriptedSocket, **settings: Any) -> tuple[list[Event], QwenError | None, str]:
    async with small_server(script) as url, QwenClient(f"space:{url}", **settings) as client:
        happened, error = await everything(client.stream("hi"))
        return happened, error, f"space:{url}"


async def test_a_scripted_answer() -> None:
    script = ScriptedSocket(WHOLE)
    happened, error, _ = await ask(script, headers={"X-Own": "mine"})
    assert error is None
    assert texts(happened) == ["Hel", "lo."]
    address, data = script.got[0][:2]
    assert data == {"data": ["hi", []], "event_data": None, **address}
    assert address["fn_index"] == 0
    assert address["session_hash"]
    path, headers = script.requests[-1]
    assert path == "/queue/join"
    assert headers["x-own"] == "mine"


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([CUT], DisconnectError),
        ([CLOSE], DisconnectError),
        (["nonsense"], ProtocolError),
        (["[]"], ProtocolError),
        ([b"\x00\x01"], ProtocolError),
        ([5.0], StallError),
        (["ping", 0.3, "ping", 0.3, "ping", 5.0], StallError),
    ],
    ids=["cut", "close", "nonsense", "no message", "binary", "silence", "pings alone"],
)
async def test_a_websocket_that_breaks(steps: list[Any], kind: type[QwenError]) -> None:
    script = ScriptedSocket([*BEGUN, *steps])
    begin = time.monotonic()
    _, error, target = await ask(script, stall_timeout=0.5)
    assert time.monotonic() - begin < 5
    assert type(error) is kind
    one_line(error, target)
    assert error.reply is not None
    assert error.reply.text == "Hel"


async def test_pings_in_the_queue_are_no_stall() -> None:
    happened, error, _ = await ask(ScriptedSocket([PLACE, *["ping", 0.3] * 4, *WHOLE[1:]]), stall_timeout=0.6)
    assert error is None
    assert texts(happened) == ["Hel", "lo."]


async def test_a_full_queue_then_success() -> None:
    full = [{"msg": "queue_full"}, CLOSE]
    script = ScriptedSocket(full, WHOLE)
    happened, error, _ = await ask(script)
    assert error is None
    assert texts(happened) == ["Hel", "lo."]
    assert len(statuses(happened, "retry")) == 1
    assert len(script.got) == 2
    _, error, target = await ask(ScriptedSocket(full), retry_timeout=0.5)
    assert isinstance(error, BusyError)
    one_line(error, target)


@pytest.mark.parametrize(("status", "kind"), [(403, AuthError), (500, ServerError), (503, AsleepError)])
async def test_a_handshake_that_is_refused(status: int, kind: type[QwenError]) -> None:
    script = ScriptedSocket(WHOLE)
    script.refusals = [aioweb.Response(status=status) for _ in range(9)]
    _, error, target = await ask(script, wake_timeout=0.5)
    assert type(error) is kind
    one_line(error, target)
    assert isinstance(error, ServerError)
    assert error.status == status


async def test_a_space_that_wakes_up_at_the_handshake() -> None:
    script = ScriptedSocket(WHOLE)
    script.refusals = [aioweb.Response(status=502)]
    happened, error, _ = await ask(script)
    assert error is None
    assert len(statuses(happened, "waking")) == 1


async def test_a_handshake_that_never_ends() -> None:
    async def silent(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        if request.path == "/config":
            return await ScriptedSocket()(request)
        await asyncio.sleep(30)
        return aioweb.Response()

    before = asyncio.all_tasks()
    async with small_server(silent) as url, QwenClient(f"space:{url}", stall_timeout=0.5) as client:
        begin = time.monotonic()
        # `/info` never answers either.
        with pytest.raises(StallError):
            await client.ask("hi")
        assert time.monotonic() - begin < 5
    assert asyncio.all_tasks() == before


async def test_a_message_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_magic.backends.gradio.old_runs._MAX_MESSAGE", 2000)
    _, error, target = await ask(ScriptedSocket([*BEGUN, value("process_generating", "Hel" + "x" * 5000)]))
    assert type(error) is ProtocolError
    one_line(error, target)
    assert "64 MB" in str(error)


async def test_one_very_large_message() -> None:
    text = "猫x" * (4 << 20)  # 16 MiB
    happened, error, _ = await ask(ScriptedSocket([PLACE, DATA, value("process_completed", text), CLOSE]))
    assert error is None
    assert texts(happened) == [text]


async def test_a_cancel_closes_the_websocket() -> None:
    script = ScriptedSocket(BEGUN)
    before = asyncio.all_tasks()
    async with small_server(script) as url, QwenClient(f"space:{url}") as client:
        stream = client.stream("hi")
        happenings = await first_delta(stream)
        await stream.cancel()
        assert isinstance([event async for event in happenings][-1], End)
        for _ in range(100):
            if len(script.got[0]) == 3:
                break
            await asyncio.sleep(0.02)
        assert script.got[0][2] in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before


async def test_a_redirected_handshake_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AppHttp, "headers", lambda _, __: {"x-hf-authorization": "Bearer hf_secret"})
    elsewhere = ScriptedSocket(WHOLE)
    script = ScriptedSocket(WHOLE)
    async with small_server(elsewhere) as other:
        script.refusals = [aioweb.Response(status=307, headers={"Location": f"{other}/queue/join"})]
        happened, error, _ = await ask(script)
    assert isinstance(error, NotFoundError)
    assert "moved" in error.what
    assert not texts(happened)
    assert script.requests[-1][1]["x-hf-authorization"] == "Bearer hf_secret"
    assert not elsewhere.requests
