"""Pictures on their way: the bytes that a server gets, and targets whose models see nothing."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image as Pillow
from servers.openai_like import Script, serving

from qwen_magic import QwenClient
from qwen_magic.errors import UsageError
from qwen_magic.events import Responder, Status


@pytest.mark.parametrize(
    ("model", "most"), [("qwen2.5-vl-7b", 1280 * 28 * 28), ("qvq-max", 1280 * 28 * 28), ("qwen3-vl-8b", 1280 * 32 * 32)]
)
async def test_a_picture_has_the_size_that_the_model_reads(model: str, most: int) -> None:
    figure, script = Figure(), Script(models=[model])
    figure.subplots().plot([1, 3, 2])
    scan = Pillow.new("L", (2000, 2800), "white")
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#{model}") as client:
            await client.ask([figure, scan])
    for part in script.bodies[0]["messages"][0]["content"]:
        data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
        width, height = Pillow.open(io.BytesIO(data)).size
        assert most * 0.85 < width * height <= most


def blind() -> Script:
    script = Script(models=["tiny"])
    script.beside["/props"] = {"modalities": {"vision": False, "audio": False}}
    return script


def lead(client: QwenClient, url: str) -> None:
    """Put the server that a test has started in the place of the one at llama.cpp's own port."""
    client._backend(client.targets[0]).base_url = f"{url}/v1"  # type: ignore[attr-defined]


async def test_the_picture_that_arrives_has_the_same_pixels() -> None:
    pixels = np.random.default_rng(1).integers(0, 4, (48, 64, 3), dtype=np.uint8) * 80
    script = Script()
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#tiny") as client:
            assert (await client.ask(["What is ", pixels, "?"])).text == "hello"
    (message,) = script.bodies[0]["messages"]
    first, picture, last = message["content"]
    assert (first, last) == ({"type": "text", "text": "What is "}, {"type": "text", "text": "?"})
    assert picture["type"] == "image_url"
    head, data = picture["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(base64.b64decode(data)))), pixels)


async def test_a_model_that_sees_nothing_is_told_before_anything_is_sent() -> None:
    figure = Figure()
    figure.subplots()
    script = blind()
    with serving(script.app()) as url:
        async with QwenClient("llamacpp") as client:
            lead(client, url)
            with pytest.raises(UsageError) as caught:
                await client.ask(["What is it?", figure])
            assert caught.value.what == "it takes no pictures"
            assert not script.bodies
            assert (await client.ask("hi")).text == "hello"


async def test_a_chain_goes_on_to_one_that_sees() -> None:
    seeing, script = Script(), blind()
    with serving(script.app()) as one, serving(seeing.app()) as other:
        chain = ["llamacpp", f"openai:{other}/v1#vl"]
        async with QwenClient(chain) as client:
            lead(client, one)
            stream = client.stream([Pillow.new("RGB", (40, 30)), "What is it?"])
            events = [event async for event in stream.events()]
            said = [event.text for event in events if isinstance(event, Status) and event.kind == "failover"]
            assert [event.target for event in events if isinstance(event, Responder)] == [client.targets[1].name]
            assert said == [f"it takes no pictures; trying {client.targets[1].name}"]
    assert not script.bodies
    assert len(seeing.bodies) == 1
