"""Pictures uploaded to real Gradio apps: what arrives has the same pixels, and what cannot be sent is told before."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image as Pixels

from qwen_magic import Image, Message, QwenClient
from qwen_magic.errors import ConnectError, UsageError
from qwen_magic.events import Status

if TYPE_CHECKING:
    from servers.plugin import ServerFactory

MULTIMODAL = ("4.44.1", "5.50.0", "6.31.0")
BESIDE = ("3.50.2", "4.8.0", "4.21.0", "4.44.1", "5.50.0", "6.31.0")


def picture(seed: int) -> tuple[Image, str]:
    """Make a small picture; tell its size and pixels as the app does."""
    pixels = Pixels.new("RGB", (31, 17))
    pixels.putdata([((x * seed) % 256, (x * 7) % 256, x % 256) for x in range(31 * 17)])
    file = io.BytesIO()
    pixels.save(file, "PNG")
    return Image(file.getvalue(), "image/png"), f"31x17 {hashlib.sha256(pixels.tobytes()).hexdigest()}"


@pytest.mark.parametrize("version", MULTIMODAL)
async def test_a_text_with_pictures(version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(version, "pictures")
    (one, sees_one), (two, sees_two) = picture(3), picture(5)
    async with QwenClient(f"space:{server.url}") as client:
        assert (await client.capabilities()).images is True
        reply = await client.ask(["What are ", one, " and ", two, "?"])
        assert reply.text.startswith("2 pictures for")
        assert server.calls()[-1]["extra"]["pictures"] == [sees_one, sees_two]
        stream = client.stream([*reply.messages, Message("user", "And now?")])
        said = [event.text async for event in stream.events() if isinstance(event, Status)]
        assert "pictures of earlier turns were not sent again" in said
        assert stream.reply.text == "0 pictures for <And now?>."
        assert (await client.ask("Hello")).text == "0 pictures for <Hello>."


@pytest.mark.parametrize("version", BESIDE)
async def test_a_picture_beside_the_question(version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(version, "pictures", QWEN_TEST_BESIDE="1")
    (one, sees_one), (two, _) = picture(3), picture(5)
    async with QwenClient(f"space:{server.url}") as client:
        assert (await client.ask(["What is this?", one])).text == "1 pictures for <What is this?>."
        assert server.calls()[-1]["extra"]["pictures"] == [sees_one]
        with pytest.raises(UsageError, match="it takes 1 picture, and 2 were given"):
            await client.ask(["And these?", one, two])
        assert (await client.ask("Hello")).text == "0 pictures for <Hello>."


async def test_an_app_without_pictures_is_known_before_it_is_asked(gradio_server: ServerFactory) -> None:
    server = gradio_server("5.50.0", "chatinterface")
    async with QwenClient(f"space:{server.url}") as client:
        with pytest.raises(UsageError, match=r"(?:sees|takes) no pictures"):
            await client.ask(["What is this?", picture(3)[0]])
    assert not server.calls()


async def test_an_address_is_not_sent(gradio_server: ServerFactory) -> None:
    server = gradio_server("6.31.0", "pictures")
    async with QwenClient(f"space:{server.url}") as client:
        with pytest.raises(UsageError, match="not take the address of a picture"):
            await client.ask(["What is this?", Image(url="http://127.0.0.1:1/secret.png")])
    assert not server.calls()


async def test_an_app_that_is_not_there_is_not_said_to_see_nothing() -> None:
    async with QwenClient("space:http://127.0.0.1:9") as client:
        assert (await client.capabilities()).images is None
        with pytest.raises(ConnectError):
            await client.ask(["What is this?", picture(3)[0]])
