"""How large a picture is made, and how many tokens it counts, by the model that reads it."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pillow

from qwen_magic import Image, Message, QwenClient
from qwen_magic.backends.openai.protocol import request_body
from qwen_magic.backends.openai.servers import GENERIC, SERVERS, Server
from qwen_magic.media.sizes import MOST_PIXELS, MOST_TOKENS, fitted, most_pixels, read_by, tokens_of
from qwen_magic.request import Request

OLD = MOST_TOKENS * 28 * 28


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("openai:http://h/v1#Qwen/Qwen2.5-VL-72B-Instruct", OLD),
        ("ollama:qwen2.5vl:7b", OLD),
        ("local:~/qwen2-vl-2b-q8_0.gguf+mmproj", OLD),
        ("space:Qwen/Qwen2.5-VL-32B-Instruct", OLD),
        ("openai:http://h/v1#Qwen2_5-Omni-7B", OLD),
        ("dashscope:qvq-max", OLD),
        ("dashscope:qwen-vl-max-2025-04-08", OLD),
        ("dashscope:qwen-vl-max-2025-08-13", MOST_PIXELS),
        ("dashscope:qwen-vl-max", MOST_PIXELS),
        ("dashscope:qwen3-vl-plus", MOST_PIXELS),
        ("qwen-2-72b", MOST_PIXELS),
        ("dashscope:qwen3-vl-plus,ollama:qwen2.5vl", MOST_PIXELS),
        ("", MOST_PIXELS),
    ],
)
def test_which_model_reads_how_much(name: str, most: int) -> None:
    with read_by(name):
        assert most_pixels() == most
    assert most_pixels() == MOST_PIXELS


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("dashscope:qwen3-vl-plus", 16_384 * 32 * 32),
        ("dashscope:qvq-max", 16_384 * 28 * 28),
        ("openai:https://dashscope.aliyuncs.com/compatible-mode/v1#qwen-vl-max", 16_384 * 32 * 32),
        ("ollama:qwen3-vl", MOST_PIXELS),
    ],
)
def test_high_resolution_is_for_those_who_know_it(name: str, most: int) -> None:
    with read_by(name, high=True):
        assert most_pixels() == most
    scan = Pillow.new("L", (3000, 2000), "white")
    request = QwenClient(name).stream(["What is it?", scan], vl_high_resolution_images=True).request
    (image,) = (part for part in request.messages[0].parts if isinstance(part, Image))
    assert (Pillow.open(io.BytesIO(image.data)).size == (3000, 2000)) == (most > MOST_PIXELS)


@pytest.mark.parametrize("server", [*SERVERS.values(), GENERIC], ids=lambda server: server.name)
def test_who_is_told_of_high_resolution(server: Server) -> None:
    built = request_body("m", Request.of("hi", vl_high_resolution_images=True), server)
    told = server.name in ("dashscope", "openai")
    assert built.body.get("vl_high_resolution_images") is (True if told else None)
    assert built.warnings == (() if told else ("it does not take vl_high_resolution_images",))


def test_tokens_follow() -> None:
    buffer = io.BytesIO()
    Pillow.new("L", (560, 448)).save(buffer, "PNG")
    message = Message("user", parts=(Image(buffer.getvalue()),))
    counted = message.tokens
    assert tokens_of(buffer.getvalue()) == counted == 18 * 14
    with read_by("qwen2.5-vl"):
        assert tokens_of(buffer.getvalue()) == message.tokens == 20 * 16
        assert fitted(4000, 4000) == (1001, 1001)
    assert message.tokens == counted
