"""Layouts of public chat apps on the real Gradio that they were made for: asked as their pages ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from servers.layouts import LAYOUTS, examine
from servers.plugin import skip_without

from qwen_magic import QwenClient
from qwen_magic.errors import DiscoveryError

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
