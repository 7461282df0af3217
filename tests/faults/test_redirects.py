"""A redirect of an app to another server is said before it is followed, and never leads into a private network."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web as aioweb
from servers.web import Answer, ScriptedSpace

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio import moves
from qwen_magic.backends.gradio.moves import MovedError, check_move, same_site
from qwen_magic.errors import ProtocolError
from qwen_magic.events import AnswerEvent, Event, Responder, Status
from qwen_magic.rendering.last_line import Notes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def moving(where: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve an app that has moved; give its address, and what it is asked."""
    asked: list[str] = []

    async def move(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        asked.append(request.path)
        return aioweb.Response(status=307, headers={"Location": where})

    server = aioweb.ServerRunner(aioweb.Server(move))
    await server.setup()
    site = aioweb.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{server.addresses[0][1]}", asked
    finally:
        await server.cleanup()


async def everything(client: QwenClient) -> tuple[list[Event], Any]:
    stream = client.stream("hi")
    return [event async for event in stream.events()], stream.reply


async def test_the_order_of_what_is_said_and_asked(
    scripted_space: ScriptedSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend itself yields the status before it sends anything to the other server."""
    from qwen_magic.backends.gradio.backend import SpaceBackend
    from qwen_magic.backends.targets import parse_target
    from qwen_magic.client.sessions import Sessions
    from qwen_magic.request import Request

    async with moving(f"{scripted_space.url}/config") as (old, _):
        settings = Settings()
        backend, sessions = SpaceBackend(parse_target(f"space:{old}"), settings), Sessions(settings)
        events = backend.stream(await sessions.get(), Request.of("hi"))
        first = await anext(events)
        assert isinstance(first, Status)
        assert scripted_space.url in first.text
        assert scripted_space.requests == []
        rest = [event async for event in events]
        assert [event.model for event in rest if isinstance(event, Responder)] == [f"at {scripted_space.url}"]
        await sessions.close()


async def test_the_last_line_names_where_it_went_each_time(scripted_space: ScriptedSpace) -> None:
    async with moving(f"{scripted_space.url}/config") as (old, asked), QwenClient(f"space:{old}") as client:
        for _ in range(2):
            notes = Notes()
            events, reply = await everything(client)
            for event in events:
                notes.on_event(event)
            *_, last = notes.lines(reply, "")
            assert old in last
            assert f"at {scripted_space.url}" in last
            places = [
                number for number, event in enumerate(events) if isinstance(event, Status) and "now" in event.text
            ]
            answers = [number for number, event in enumerate(events) if isinstance(event, AnswerEvent)]
            assert len(places) == 1
            assert places[0] < answers[0]
    assert asked == ["/config", "/config"]  # once before it was said, once after


async def test_of_its_own_server_nothing_is_said(scripted_space: ScriptedSpace) -> None:
    scripted_space.fail(
        Answer(307, "", headers={"Location": f"{scripted_space.url}/config?x=1"}), path="/config", requests=1
    )
    async with QwenClient(f"space:{scripted_space.url}") as client:
        events, reply = await everything(client)
    assert reply.text == "Hello."
    assert not [event for event in events if isinstance(event, Status) and event.kind == "warning"]
    assert reply.model == ""


async def test_what_it_offers_is_told_with_the_place(scripted_space: ScriptedSpace) -> None:
    async with moving(f"{scripted_space.url}/config") as (old, _), QwenClient(f"space:{old}") as client:
        found = await client.describe()
        assert f"it redirects to {scripted_space.url}" in found.notes
        events, _reply = await everything(client)
    assert any(isinstance(event, Status) and scripted_space.url in event.text for event in events)


async def test_capabilities_go_nowhere_unsaid(scripted_space: ScriptedSpace) -> None:
    async with moving(f"{scripted_space.url}/config") as (old, _), QwenClient(f"space:{old}") as client:
        await client.capabilities()
    assert scripted_space.requests == []


async def test_a_public_app_leads_into_no_private_network(scripted_space: ScriptedSpace) -> None:
    """The app is reached through a proxy, by a name that is public; it sends us to this machine."""
    through: list[str] = []

    async def proxy(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        through.append(str(request.url))
        return aioweb.Response(status=302, headers={"Location": f"{scripted_space.url}/config"})

    server = aioweb.ServerRunner(aioweb.Server(proxy))
    await server.setup()
    site = aioweb.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{server.addresses[0][1]}"
    try:
        async with QwenClient("space:http://app.invalid", proxy=address) as client:
            for doing in (client.ask("hi"), client.describe()):
                with pytest.raises(ProtocolError, match="this machine or its network") as caught:
                    await doing
                assert caught.value.hint
    finally:
        await server.cleanup()
    assert scripted_space.requests == []
    assert {url.partition("?")[0] for url in through} == {"http://app.invalid/config"}


@pytest.mark.parametrize(
    "where",
    [
        *("http://127.0.0.1:7860/config", "http://localhost/config", "http://10.0.0.1/config", "http://192.168.1.1/"),
        *("http://169.254.169.254/latest", "http://[::1]:7860/config", "http://[fd00::1]/config", "http://0x7f000001/"),
        *("http://printer/config", "http://nas.local/config", "http://127.1/", "http://[::ffff:127.0.0.1]/"),
    ],
)
async def test_private_addresses(where: str) -> None:
    with pytest.raises(ProtocolError, match="this machine or its network") as caught:
        await check_move("t", "https://app.invalid", where, ())
    assert not isinstance(caught.value, MovedError)


async def test_a_public_name_of_a_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(host: str) -> bool:
        return host == "evil.example"

    monkeypatch.setattr(moves, "_is_private", look_up)
    home = "https://app.example"
    with pytest.raises(ProtocolError, match="this machine"):
        await check_move("t", home, "https://evil.example/config", ())
    with pytest.raises(MovedError) as caught:
        await check_move("t", home, "https://other.example/config", ())
    assert caught.value.place == "https://other.example"
    assert "Name it" in caught.value.hint
    await check_move("t", home, "https://other.example/config", {"https://other.example"})


@pytest.mark.parametrize(
    "where", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http:///x", "mailto:a@b"]
)
async def test_no_web_addresses(where: str) -> None:
    with pytest.raises(ProtocolError, match="not a web address"):
        await check_move("t", "https://a.example", where, ())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.example", "http://a.example/config", True),
        ("http://a.example", "https://a.example/config", True),
        ("https://a.example", "http://a.example/config", False),
        ("http://a.example:80", "http://a.example/", True),
        ("http://a.example:7860", "https://a.example:7860/", False),
        ("http://a.example", "http://b.example/", False),
        ("http://a.example", "http://a.example.b.example/", False),
        ("http://a.example", "/config", False),
    ],
)
def test_one_server(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same


async def test_from_one_server_to_the_next_without_end() -> None:
    """Each further server is said, up to a number of them."""
    count = 0

    async def move(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        nonlocal count
        count += 1
        port = servers[count % len(servers)].addresses[0][1]
        return aioweb.Response(status=307, headers={"Location": f"http://127.0.0.1:{port}/config"})

    servers = [aioweb.ServerRunner(aioweb.Server(move)) for _ in range(8)]
    for server in servers:
        await server.setup()
        await aioweb.TCPSite(server, "127.0.0.1", 0).start()
    try:
        async with QwenClient(f"space:http://127.0.0.1:{servers[0].addresses[0][1]}") as client:
            with pytest.raises(ProtocolError):
                await client.ask("hi")
    finally:
        for server in servers:
            await server.cleanup()
    assert count < 60
