"""A local model that sees: a real engine with a Qwen2-VL and a projector of random weights."""

from __future__ import annotations

import io
from contextlib import aclosing
from typing import TYPE_CHECKING

import aiohttp
import pytest
from PIL import Image as Pillow
from servers.fake_hub import FakeHub, serving_fake_hub
from servers.tiny_vision import write_projector, write_seeing
from test_engine import get

from qwen_magic import Image, QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.local import weights
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.local.projectors import split_projector
from qwen_magic.backends.targets import parse_target, target_names
from qwen_magic.errors import QwenError, UsageError, WeightsError
from qwen_magic.events import End, TextDelta, UsageReport
from qwen_magic.messages import Message, Text
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    write_seeing(folder / "model.gguf")
    write_projector(folder / "mmproj.gguf")
    return folder


@pytest.fixture(scope="module")
def backend(files: Path) -> LocalBackend:
    return LocalBackend(parse_target(f"local:{files}/model.gguf+mmproj.gguf"), Settings())


@pytest.fixture(scope="module", autouse=True)
def closed(backend: LocalBackend) -> Iterator[None]:
    yield
    if backend.engine:
        backend.engine.close()


def square(color: str, side: int = 84) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (side, side), color).save(buffer, "PNG")
    return buffer.getvalue()


async def ask(backend: LocalBackend, *parts: str | bytes) -> tuple[str, int]:
    own = [Text(part) if isinstance(part, str) else Image(part, "image/png") for part in parts]
    request = Request((Message("user", parts=tuple(own)),), Parameters(max_tokens=8, temperature=0))
    async with aiohttp.ClientSession() as session, aclosing(backend.stream(session, request)) as answer:
        found = [event async for event in answer]
    assert found[-1] == End("length")
    usage = next(event.usage for event in found if isinstance(event, UsageReport))
    said = "".join(event.text for event in found if isinstance(event, TextDelta))
    return said, usage.prompt_tokens or 0


async def test_it_sees(backend: LocalBackend) -> None:
    assert backend.model == "model"
    assert (await backend.capabilities()).images
    _, words = await ask(backend, "What color is this?")
    white, tokens = await ask(backend, "What color is this?", square("white"))
    assert tokens - words == 9 + 2  # 84 x 84 pixels of 28 x 28, their begin and their end
    black, _ = await ask(backend, "What color is this?", square("black"))
    assert white != black  # by chance what, but not without having seen
    assert backend.engine is not None
    assert get(backend.engine.start(), "/props")["modalities"]["vision"] is True


async def test_several_pictures_and_a_large_one(backend: LocalBackend) -> None:
    _, two = await ask(backend, "A", square("white"), "B", square("black"))
    _, words = await ask(backend, "A", "B")
    assert two - words == 2 * (9 + 2)
    _, large = await ask(backend, square("white", 1120))
    assert large > 1000  # more than one batch


async def test_asked_as_a_user_asks(files: Path) -> None:
    target = f"local:{files}/model.gguf+mmproj"  # the one beside it
    image = Pillow.new("RGB", (84, 84), "white")
    async with QwenClient(target) as client:
        reply = await client.ask(["What is this?", image], max_tokens=4)
        assert reply.usage.prompt_tokens is not None
        assert reply.usage.prompt_tokens > 20
    async with QwenClient(f"local:{files}/model.gguf") as client:
        with pytest.raises(UsageError, match="it takes no pictures"):
            await client.ask(["What is this?", image])


async def test_describing(backend: LocalBackend) -> None:
    async with aiohttp.ClientSession() as session:
        told = await backend.describe(session)
    assert "it sees with mmproj.gguf" in told.notes
    assert told.capabilities is not None
    assert told.capabilities.images is True


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("model.gguf+gone.gguf", "no file"),
        ("model.gguf+text-mmproj.gguf", "text-mmproj.gguf is not a GGUF file"),
        ("model.gguf+cut-mmproj.gguf", "cut-mmproj.gguf is broken, or is not a projector"),
        ("model.gguf+model.gguf", "model.gguf is broken, or is not a projector"),
        ("model.gguf+other-mmproj.gguf", "other-mmproj.gguf does not fit the model"),
        ("mmproj.gguf", "mmproj.gguf is a projector, not a model"),
        ("gone.gguf+mmproj.gguf", "no file"),
    ],
)
async def test_what_is_no_projector(files: Path, address: str, words: str) -> None:
    (files / "text-mmproj.gguf").write_text("not one")
    (files / "cut-mmproj.gguf").write_bytes((files / "mmproj.gguf").read_bytes()[:100_000])
    write_projector(files / "other-mmproj.gguf", width=48)
    backend = LocalBackend(parse_target(f"local:{files}/{address}"), Settings())
    with pytest.raises(WeightsError, match=words) as caught:
        await ask(backend, "hi")
    assert "\n" not in str(caught.value)
    assert backend.engine is None or not backend.engine.running
    await backend.close()


@pytest.mark.parametrize(
    ("address", "model", "projector"),
    [
        ("m.gguf+mmproj.gguf", "m.gguf", "mmproj.gguf"),
        ("M.GGUF+P.GGUF", "M.GGUF", "P.GGUF"),
        ("m.gguf+mmproj", "m.gguf", "mmproj.gguf"),
        ("sub/m.gguf+mmproj.gguf", "sub/m.gguf", "sub/mmproj.gguf"),
        ("a+b.gguf", "a+b.gguf", ""),
        ("a+b.gguf+mmproj.gguf", "a+b.gguf", "mmproj.gguf"),
        ("o/r+mmproj", "o/r", "o/r:mmproj"),
        ("o/r:Q8_0+mmproj-F16.gguf", "o/r:Q8_0", "o/r:mmproj-F16.gguf"),
        ("qwen3.5-2b+mmproj", "qwen3.5-2b", "unsloth/Qwen3.5-2B-GGUF:mmproj"),
        ("o/r:Q8_0", "o/r:Q8_0", ""),
        ("0.5b", "0.5b", ""),
    ],
)
def test_names(address: str, model: str, projector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert split_projector(address) == (model, projector)


def test_a_file_whose_name_has_a_plus(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf+mmproj.gguf"
    path.write_bytes(b"GGUF")
    assert split_projector(str(path)) == (str(path), "")


@pytest.fixture(scope="module")
def hub_server() -> Iterator[FakeHub]:
    with serving_fake_hub() as made:
        yield made


@pytest.fixture
def hub(hub_server: FakeHub, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    own = {"Tiny-Q8_0.gguf": (files / "model.gguf").read_bytes(), "README.md": b"hello"}
    own |= {f"mmproj-{name}.gguf": (files / "mmproj.gguf").read_bytes() + name.encode() for name in ("BF16", "F16")}
    hub_server.repos = {"someone/Tiny-VL-GGUF": own, "someone/Blind-GGUF": {"Blind-Q8_0.gguf": b"GGUF"}}
    hub_server.asked.clear()
    monkeypatch.setenv("HF_ENDPOINT", hub_server.url)
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    return hub_server


async def test_a_projector_of_the_hub(hub: FakeHub) -> None:
    name = "someone/Tiny-VL-GGUF+mmproj"
    backend = LocalBackend(parse_target(f"local:{name}"), Settings())
    try:
        assert (await ask(backend, "hi", square("white")))[1] > 9
    finally:
        await backend.close()
    assert [one.path.rpartition("/")[2] for one in hub.requests("cdn")] == ["Tiny-Q8_0.gguf", "mmproj-F16.gguf"]
    before = len(hub.asked)
    assert weights.pull(name, bar=False) == weights.find("someone/Tiny-VL-GGUF")
    assert len(hub.asked) == before
    assert "local:someone/Tiny-VL-GGUF:Q8_0" in target_names()
    assert not [one for one in target_names() if "mmproj" in one]
    title, _ = weights.remove("someone/Tiny-VL-GGUF:mmproj-F16.gguf")
    assert title == "mmproj-F16"
    assert weights.find("someone/Tiny-VL-GGUF") is not None


def test_a_projector_alone_is_no_model(hub: FakeHub) -> None:
    weights.ensure("someone/Tiny-VL-GGUF:mmproj-BF16")
    assert weights.find("someone/Tiny-VL-GGUF") is None
    assert len(hub.requests("cdn")) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("someone/Blind-GGUF+mmproj", "has no projector"),
        (
            "someone/Tiny-VL-GGUF+mmproj-Q4_0",
            r"no single projector for mmproj-Q4_0. Choose one: \+mmproj-BF16.gguf, \+mmproj-F16",
        ),
    ],
)
def test_no_projector_on_the_hub(hub: FakeHub, name: str, words: str) -> None:
    with pytest.raises(QwenError, match=words):
        weights.pull(name, bar=False)
    assert hub.requests("cdn") == []
