"""Pictures in rows: values of a column, at the size that the model of each target reads, made once."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image as Pillow
from rows_server import rows_server

from qwen_magic import Image, QwenClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rows_server import RowsServer

OLD, NEW = 1280 * 28 * 28, 1280 * 32 * 32
WIDE = (2000, 1500)


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server(rule=lambda _: "seen") as running:
        yield running


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


def seen(content: str | Sequence[dict[str, Any]]) -> list[Any]:
    """Give the texts of a message's content, and in place of each picture its size."""
    if isinstance(content, str):
        return [content]
    return [part["text"] if part["type"] == "text" else picture(part["image_url"]["url"]).size for part in content]


def picture(url: str) -> Any:
    return Pillow.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


async def test_what_is_a_picture_goes_as_one(server: RowsServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    values = [
        tmp_path / "a.png",
        Pillow.new("RGB", (50, 40), "blue"),
        png((60, 40)),
        np.zeros((32, 64, 3), np.uint8),
        Image(png((20, 30))),
        figure,
    ]
    nested = [{"image": {"bytes": png((70, 40))}, "text": "a text"}]
    async with QwenClient(server.target) as client:
        await client.map("Is {item} red?", values, keep=False)
        await client.map('{image["bytes"]} {text!s}', nested, keep=False)
    sizes: list[Any] = [(40, 30), (50, 40), (60, 40), (64, 32), (20, 30), (1280, 960)]
    assert sorted(seen(prompt) for prompt in server.prompts[:6]) == sorted(["Is ", size, " red?"] for size in sizes)
    assert [seen(prompt) for prompt in server.prompts[6:]] == [[(70, 40), " a text"]]


async def test_each_target_gets_the_size_that_its_model_reads(server: RowsServer) -> None:
    frame = pd.DataFrame({"scan": [Pillow.new("L", WIDE, "white")]})
    names = [f"openai:{server.url}/v1#qwen2.5-vl-7b", f"openai:{server.url}/v1#qwen3-vl-8b"]
    async with QwenClient(server.target) as client:
        out = await client.map("Read {scan}", frame, targets=names, keep=False)
        assert out.frame["status"].tolist() == ["done", "done"]
        await client.map("Read {scan}", frame, target=names[1], vl_high_resolution_images=True, keep=False)
        asked: Any = {"target": "dashscope:qwen3-vl-plus", "vl_high_resolution_images": True, "keep": False}
        dash: Any = client.map("Read {scan}", frame, **asked)
        await dash.plan()
        ((_, image),) = (message.parts for message in dash._work.messages(0))  # it has no server here
    sent = {body["model"]: seen(body["messages"][-1]["content"])[1] for body in server.bodies}
    pixels = {model: width * height for model, (width, height) in sent.items()}
    assert OLD * 0.99 < pixels["qwen2.5-vl-7b"] <= OLD
    assert NEW * 0.99 < pixels["qwen3-vl-8b"] <= NEW
    assert isinstance(image, Image)
    assert Pillow.open(io.BytesIO(image.data)).size == WIDE


async def test_a_plan_counts_pictures(server: RowsServer) -> None:
    frame = pd.DataFrame({"scan": [Pillow.new("L", (560, 448), "white")]})
    async with QwenClient(server.target) as client:
        plan = await client.map("{scan}", frame, keep=False).plan()
        old = await client.map("{scan}", frame, target=f"openai:{server.url}/v1#qwen2-vl", keep=False).plan()
    assert (plan.prompt_tokens, old.prompt_tokens) == (18 * 14 + 4, 20 * 16 + 4)
    assert "[image scan image/png" in plan.prompts[0]


async def test_what_was_read_is_sent_whatever_becomes_of_the_file(server: RowsServer, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png((40, 30)))
    async with QwenClient(server.target) as client:
        job = client.map("{item}", [path], keep=False)
        await job.plan()
        path.unlink()
        out = await job
    assert seen(server.prompts[0]) == [(40, 30)]
    assert out[0].status == "done"


async def test_a_row_without_its_picture_is_not_asked_and_costs_no_other(server: RowsServer, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(png()[:50])
    (tmp_path / "whole.png").write_bytes(png())
    rows = [tmp_path / name for name in ("gone.png", "broken.png", "whole.png")]
    async with QwenClient(server.target) as client:
        out = await client.map("What is {item}?", rows, keep=False)
    assert [out[row].status for row in range(3)] == ["not asked", "not asked", "done"]
    assert [out[row].error for row in range(2)] == [
        "item is the path of a picture that does not exist: gone.png",
        "broken.png cannot be read: the file is broken",
    ]
    assert [seen(prompt) for prompt in server.prompts] == [["What is ", (40, 30), "?"]]
