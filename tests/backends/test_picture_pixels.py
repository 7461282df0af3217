"""``min_pixels`` and ``max_pixels`` beside each picture, byte for byte, and what they make of its size."""

from __future__ import annotations

import base64
import io
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from PIL import Image as Pillow

from qwen_magic import Image, QwenClient
from qwen_magic.backends.openai.protocol import request_body
from qwen_magic.backends.openai.servers import GENERIC, SERVERS, Server
from qwen_magic.errors import UsageError
from qwen_magic.events import Status
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STREAM = (
    b'data: {"choices": [{"index": 0, "delta": {"content": "A dog."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


@asynccontextmanager
async def server(refuses: str = "") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve a chat that notes the bytes of each request, and refuses those in which a word stands."""
    bodies: list[bytes] = []

    async def complete(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        if refuses and refuses.encode() in bodies[-1]:
            said = f"messages.0.content.1.image_url.{refuses}: Extra inputs are not permitted"
            return web.json_response({"error": {"message": said}}, status=400)
        return web.Response(body=STREAM, content_type="text/event-stream")

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", bodies
    finally:
        await runner.cleanup()


async def test_they_stand_beside_each_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image(png())
    async with server() as (url, bodies):
        monkeypatch.setenv("DASHSCOPE_BASE_URL", url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", "k")
        async with QwenClient("dashscope:qwen3-vl-plus") as client:
            reply = await client.ask(["Is", picture, "like", picture], min_pixels=4096, max_pixels=2_000_000)
    assert reply.text == "A dog."
    url = f"data:image/png;base64,{base64.b64encode(picture.data).decode()}"
    told = {"type": "image_url", "image_url": {"url": url}, "max_pixels": 2_000_000, "min_pixels": 4096}
    (body,) = map(json.loads, bodies)
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "Is"},
        told,
        {"type": "text", "text": "like"},
        told,
    ]
    assert bodies[0].count(b'"min_pixels": 4096') + bodies[0].count(b'"min_pixels":4096') == 2
    assert not {"min_pixels", "max_pixels"} & body.keys()


@pytest.mark.parametrize("named", [*SERVERS.values(), GENERIC], ids=lambda server: server.name)
def test_who_is_told(named: Server) -> None:
    built = request_body("m", Request.of(["a", Image(png())], min_pixels=4096), named)
    told = named.name in ("dashscope", "openai")
    assert built.body["messages"][0]["content"][1].get("min_pixels") == (4096 if told else None)
    assert "min_pixels" not in built.body
    assert built.warnings == (() if told else ("it does not take min_pixels",))
    assert request_body("m", Request.of("a", min_pixels=4096), named).body["messages"][0]["content"] == "a"


async def test_who_refuses_them_is_asked_without_them() -> None:
    async with server("max_pixels") as (url, bodies), QwenClient(f"openai:{url}#m") as client:
        stream = client.stream(["What?", Image(png())], max_pixels=5000, temperature=0.5)
        said = [event.text async for event in stream.events() if isinstance(event, Status)]
        assert stream.reply.text == "A dog."
    assert any("it does not take max_pixels" in text for text in said)
    assert [b"max_pixels" in body for body in bodies] == [True, False]
    assert json.loads(bodies[1])["temperature"] == 0.5


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"max_pixels": 4_000_000}, (2000, 1500)),
        ({"max_pixels": 500_000}, (816, 612)),
        ({"max_pixels": 500_000, "vl_high_resolution_images": True}, (2000, 1500)),
        ({}, (1321, 991)),
    ],
)
def test_pictures_are_made_for_what_is_read(given: dict[str, Any], size: tuple[int, int]) -> None:
    scan = Pillow.new("L", (2000, 1500), "white")
    for name in ("dashscope:qwen3-vl-plus", "ollama:qwen3-vl"):
        request = QwenClient(name).stream(["What is it?", scan], **given).request
        (image,) = (part for part in request.messages[0].parts if isinstance(part, Image))
        assert Pillow.open(io.BytesIO(image.data)).size == (size if name.startswith("dash") else (1321, 991))


def test_the_least_is_not_more_than_the_most() -> None:
    with pytest.raises(UsageError, match="min_pixels is 20, more than max_pixels, 10"):
        Request.of("hi", min_pixels=20, max_pixels=10)
