"""Layouts of public chat apps on the real Gradio that they were made for: asked as their pages ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from servers.gradio_server import GradioServer
from servers.layouts import LAYOUTS, examine
from servers.plugin import skip_without

from qwen_magic import QwenClient
from qwen_magic.errors import DiscoveryError
from qwen_magic.events import Status

if TYPE_CHECKING:
    from servers.plugin import ServerFactory

THOUGHTS = ("details", "details2", "quote", "div")


@pytest.mark.parametrize(
    ("app", "version"), [(app, version) for app, versions in LAYOUTS.items() for version in versions]
)
def test_a_layout_is_asked_right(app: str, version: str, gradio_server: ServerFactory) -> None:
    skip_without(version)
    server = gradio_server(version, f"layouts/{app}")
    assert examine(server).wrong == {}


async def test_a_chat_that_is_drawn_as_one_page_is_refused(gradio_server: ServerFactory) -> None:
    skip_without("4.44.1")
    server = gradio_server("4.44.1", "layouts/textgen_webui")
    async with QwenClient(f"space:{server.url}") as client:
        with pytest.raises(DiscoveryError, match="endpoint="):
            await client.ask("hi")


@pytest.mark.parametrize("form", THOUGHTS)
async def test_thinking_that_is_shown_as_text_is_told_apart(form: str, gradio_server: ServerFactory) -> None:
    skip_without("5.50.0")
    server = gradio_server("5.50.0", "layouts/forms_of_thinking")
    async with QwenClient(f"space:{server.url}") as client:
        reply = await client.ask(form)
    assert reply.text == "The answer is 4."
    assert "hmm" in reply.thinking


@pytest.mark.parametrize(
    ("form", "text"), [("ufffd", "Привет, мир"), ("cursor", "Hello, world"), ("htmlcursor", "Hello, world")]
)
async def test_halves_and_cursors_are_held_back(form: str, text: str, gradio_server: ServerFactory) -> None:
    skip_without("5.50.0")
    server = gradio_server("5.50.0", "layouts/forms_of_thinking")
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream(form)
        pieces = [piece async for piece in stream]
    assert "".join(pieces) == text
    assert stream.reply.text == text


@pytest.mark.parametrize(("app", "version"), [("qwen_web_demo", "3.50.2"), ("qwen25_web_demo", "5.50.0")])
async def test_a_server_that_was_started_anew_is_told_the_conversation_again(app: str, version: str) -> None:
    """Its process held what was said before; the session's name means nothing to the next one."""
    skip_without(version)
    with GradioServer(version, f"layouts/{app}", timeout=240) as server:
        async with QwenClient(f"space:{server.url}", stall_timeout=60) as client:
            first = await client.ask("My name is Ada.")
            assert first.text
            server.restart()
            turns = [("user", "My name is Ada."), ("assistant", first.text), ("user", "What is my name?")]
            stream = client.stream([{"role": role, "content": text} for role, text in turns])
            events = [event async for event in stream.events()]
    assert "Your name is Ada." in stream.reply.text
    assert any("asking earlier question 1 of 1 again" in event.text for event in events if isinstance(event, Status))
