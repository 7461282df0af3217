"""Each server that a prompt can go to, by version and layout: does it stream, take history and system, stop, and fail well?

A row is a server, a column one of the functions below, and each cell a test against the real server.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from servers.environments import MODERN, OLD
from servers.plugin import skip_without

from qwen_magic import QwenClient
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import ContextError, ServerError
from qwen_magic.events import End, Status, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory

ALL = [*OLD, *MODERN]
HISTORY = [
    {"role": "user", "content": "first question"},
    {"role": "assistant", "content": "first answer"},
]


@dataclass(frozen=True)
class Layout:
    """A Gradio app of `servers/apps`.

    Attributes:
        app: its name.
        versions: the versions of Gradio that it runs on.
        history: those on which it takes the history as such; on the others it goes in front of the prompt.
        system: whether it takes the system prompt apart.
        known: the alias by which it is asked as a known Space, without discovery; "" to discover it.

    """

    app: str
    versions: list[str]
    history: list[str]
    system: bool = True
    known: str = ""


LAYOUTS = [
    Layout("qwenlike", ALL, ALL),
    Layout("qwen25", ["4.44.1", "5.50.0"], ["4.44.1", "5.50.0"], known="qwen-2.5"),
    Layout("qwen3demo", ["5.50.0", "6.31.0"], [], known="qwen-3"),
    Layout("chatinterface", ALL, [*MODERN]),
    Layout("interface", ALL, [], system=False),
    Layout("multimodal", [*MODERN], [*MODERN], system=False),
]
ROWS = [(version, layout) for layout in LAYOUTS for version in layout.versions]


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: f"{row[0]}-{row[1].app}")
def row(request: pytest.FixtureRequest) -> tuple[str, Layout]:
    """Give one row at a time, so that its cells share a server."""
    version, layout = request.param
    skip_without(version)
    return version, layout


@pytest.fixture
def layout(row: tuple[str, Layout]) -> Layout:
    return row[1]


@pytest.fixture
def server(row: tuple[str, Layout], gradio_server: ServerFactory) -> GradioServer:
    version, layout = row
    return gradio_server(version, layout.app)


@asynccontextmanager
async def client_of(server: GradioServer, layout: Layout) -> AsyncIterator[QwenClient]:
    if layout.known and server.version != "4.44.1":  # served without the prefix there, as no such Space is
        async with QwenClient(layout.known, retry_timeout=5) as client:
            target = parse_target(layout.known)
            client._backends[layout.known] = SpaceBackend(target, client.settings, base_url=server.url)
            yield client
    else:
        async with QwenClient(f"space:{server.url}", retry_timeout=5) as client:
            yield client


def warned(happened: list[Any]) -> str:
    return "; ".join(event.text for event in happened if isinstance(event, Status) and event.kind == "warning")


async def test_stream(server: GradioServer, layout: Layout) -> None:
    async with client_of(server, layout) as client:
        stream = client.stream("count 10 0.05")
        times: list[float] = []
        async for event in stream.events():
            if isinstance(event, TextDelta):
                if not times:
                    assert [entry["event"] for entry in server.log()] == ["start"]  # it still writes
                times.append(time.perf_counter())
    assert stream.reply.text.split() == [f"w{i}" for i in range(10)]
    assert len(times) >= 4
    assert times[-1] - times[0] > 0.2


async def test_history(server: GradioServer, layout: Layout) -> None:
    async with client_of(server, layout) as client:
        stream = client.stream([*HISTORY, {"role": "user", "content": "second question"}])
        happened = [event async for event in stream.events()]
    call = server.calls()[-1]
    assert stream.reply.text
    if server.version in layout.history:
        assert call["prompt"] == "second question" or call["prompt"]["text"] == "second question"
        assert "first question" in str(call["history"])
        assert "first answer" in str(call["history"])
        assert "Turns before: 1." in stream.reply.text
        assert "history" not in warned(happened)
    elif "asking earlier question" in warned(happened):  # it keeps the conversation itself
        assert call["prompt"] == "second question"
        assert "first question" in str(call["history"])
        assert "Turns before: 1." in stream.reply.text
    else:
        prompt = str(call["prompt"])
        assert prompt.index("first question") < prompt.index("first answer") < prompt.index("second question")
        assert "it takes no history" in warned(happened)


async def test_system(server: GradioServer, layout: Layout) -> None:
    async with client_of(server, layout) as client:
        stream = client.stream("who are you?", system="You are a heron.")
        happened = [event async for event in stream.events()]
    call = server.calls()[-1]
    if layout.system:
        assert call["system"] == "You are a heron."
        assert "system" not in warned(happened)
    else:
        assert str(call["prompt"]).index("You are a heron.") < str(call["prompt"]).index("who are you?")
        assert "it takes no system prompt" in warned(happened)


async def test_cancel(server: GradioServer, layout: Layout) -> None:
    before = asyncio.all_tasks()
    async with client_of(server, layout) as client:
        stream = client.stream("count 400 0.05")
        async for event in stream.events():
            if isinstance(event, TextDelta):
                await stream.cancel()
            elif isinstance(event, End):
                assert event == End("interrupted")
        assert stream.reply.text.startswith("w0")
        end = await asyncio.to_thread(server.wait_log, lambda entry: entry["event"] == "cancelled", 8)
        assert end["yields"] < 100
    assert asyncio.all_tasks() == before


async def test_error(server: GradioServer, layout: Layout) -> None:
    async with client_of(server, layout) as client:
        with pytest.raises(ServerError, match="It broke") as caught:
            await client.ask("fail")
        assert caught.value.reply is not None
        assert caught.value.reply.text.strip() == "The first half"
        assert (await client.ask("echo well again")).text == "well again"


@pytest.mark.usefixtures("weights")
class TestLlamaCpp:
    """The row of llama.cpp's own server, with the small Qwen."""

    async def test_stream(self) -> None:
        async with QwenClient("local") as client:
            stream = client.stream("Count from 1 to 20.", max_tokens=60, temperature=0)
            deltas = [event async for event in stream.events() if isinstance(event, TextDelta)]
        assert len(deltas) > 10
        assert "".join(event.text for event in deltas) == stream.reply.text
        assert not stream.reply.usage.estimated

    async def test_history_and_system(self) -> None:
        messages = [
            {"role": "user", "content": "My cat is called Barsik."},
            {"role": "assistant", "content": "A nice name!"},
            {"role": "user", "content": "What is my cat called? One word."},
        ]
        async with QwenClient("local") as client:
            reply = await client.ask(messages, temperature=0, max_tokens=10)
            assert "barsik" in reply.text.lower()
            plain = await client.ask("Say hello.", temperature=0, max_tokens=30)
            told = await client.ask("Say hello.", system="Answer in French.", temperature=0, max_tokens=30)
        assert "bonjour" in told.text.lower()
        assert "bonjour" not in plain.text.lower()

    async def test_cancel_and_continue(self) -> None:
        prompt = "Count from 1 to 30, one number a line, digits only."
        async with QwenClient("local") as client:
            whole = await client.ask(prompt, temperature=0, max_tokens=150)
            stream = client.stream(prompt, temperature=0, max_tokens=150)
            async for _ in stream:
                if len(stream.reply.text) > 20:
                    await stream.cancel()
            cut = stream.reply.text
            resumed = stream.resume()
            rest = "".join([text async for text in resumed])
        assert 20 < len(cut) < len(whole.text)
        assert cut + rest == resumed.reply.text == whole.text

    async def test_error(self) -> None:
        async with QwenClient("local") as client:
            with pytest.raises(ContextError):
                await client.ask("word " * 60_000)
