"""What the tests of the Space backend share: prompts, and ways to look at what happened."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web as aioweb

from qwen_magic import QwenClient
from qwen_magic.errors import QwenError
from qwen_magic.events import Event, Status, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from servers.gradio_server import GradioServer
    from servers.web import ScriptedSpace

    from qwen_magic.client.stream import Stream

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "q1"},
    {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "q2"},
    {"role": "assistant", "content": "a2"},
    {"role": "user", "content": "third?"},
]
EARLIER = [("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2")]
UNICODE = 'a\u2028b\u2029c\u0085d\x0b 👩‍👩‍👧‍👦🏳️‍🌈 你好，世界 e\u0301n\u0303 नमस्ते ИЙ \u200f\u202bعربي\u202c 𝔘𝔫𝔦 \ufeff\\u2028 "q" \\ \r\n end'


@pytest.fixture(autouse=True)
def no_outer_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a token nor a proxy of the machine's, and no way to the Hub."""
    for name in ("HF_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


async def everything(stream: Stream) -> tuple[list[Event], QwenError | None]:
    """Give all events of a stream, and the error that it ended with."""
    happened: list[Event] = []
    try:
        async for event in stream.events():
            happened.append(event)
    except QwenError as error:
        return happened, error
    return happened, None


async def ask(
    space: ScriptedSpace, prompt: Any = "hi", **settings: Any
) -> tuple[Stream, list[Event], QwenError | None]:
    async with QwenClient(f"space:{space.url}", **settings) as client:
        stream = client.stream(prompt)
        happened, error = await everything(stream)
        return stream, happened, error


def texts(happened: list[Event]) -> list[str]:
    return [event.text for event in happened if isinstance(event, TextDelta)]


def statuses(happened: list[Event], kind: str = "") -> list[str]:
    return [event.text for event in happened if isinstance(event, Status) and kind in ("", event.kind)]


def turns(history: list[Any] | None) -> list[tuple[str, str]]:
    """Bring a history as the app's function got it into one form."""
    out = []
    for item in history or []:
        if isinstance(item, dict):
            content = item["content"]
            text = content if isinstance(content, str) else "".join(part["text"] for part in content)
            out.append((item["role"], text))
        else:
            out += [("user", item[0]), ("assistant", item[1])]
    return out


async def first_delta(stream: Stream) -> AsyncGenerator[Event, None]:
    """Start a stream; give its events' iterator after the first delta."""
    happenings = stream.events()
    async for event in happenings:
        if isinstance(event, TextDelta):
            return happenings
    raise AssertionError("no delta came")


async def ended(server: GradioServer, event: str = "cancelled", timeout: float = 6) -> dict[str, Any]:
    """Wait until the app's function ended so."""
    return await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == event, timeout)


def one_line(error: QwenError, target: str) -> None:
    """Check what holds for each error: one line, the target, a hint."""
    assert "\n" not in str(error)
    assert str(error).startswith(f"{target}: ")
    assert error.hint


@asynccontextmanager
async def misc(server: GradioServer, endpoint: str, **settings: Any) -> AsyncIterator[QwenClient]:
    async with QwenClient(f"space:{server.url}", endpoint=f"/{endpoint}", **settings) as client:
        yield client


@asynccontextmanager
async def small_server(handler: Any) -> AsyncIterator[str]:
    runner = aioweb.ServerRunner(aioweb.Server(handler, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await aioweb.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
