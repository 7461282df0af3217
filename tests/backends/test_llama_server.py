"""llama.cpp's own server as an ``openai:`` target: a real small model, and a Qwen3 that thinks as it is told."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from servers.tiny_gguf import CONTEXT, write_gguf
from test_engine import get

from qwen_magic.backends.base import Settings
from qwen_magic.backends.keys import Keys
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.local.engine import Engine
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import AuthError, ContextError, ServerError
from qwen_magic.events import End, Event, Responder, Status, TextDelta, ThinkingDelta, UsageReport
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = "Count from 1 to 2000 in words, one number a line. Do not stop before 2000."
THINKS = 'root ::= "<think>" "so it is" "</think>" "done"'


class Running:
    """An engine of ours, reached as a user reaches a server of theirs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.address = engine.start()
        self.settings = Settings(keys=Keys())
        self.settings.keys.set(urlsplit(self.address.url).netloc, self.address.key, keep=False)

    def backend(self, model: str = "", server: str = "", settings: Settings | None = None) -> OpenAIBackend:
        target = parse_target(f"openai:{self.address.url}/v1" + (f"#{model}" if model else ""))
        if server:
            target = dataclasses.replace(target, server=SERVERS[server])
        return OpenAIBackend(target, settings or self.settings)

    async def ask(
        self,
        *turns: str,
        model: str = "",
        server: str = "llamacpp",
        settings: Settings | None = None,
        **parameters: Any,
    ) -> list[Event]:
        roles = ("user", "assistant")
        messages = tuple(Message(roles[place % 2], turn) for place, turn in enumerate(turns))  # type: ignore[arg-type]
        asked = {"temperature": 0, **parameters}
        async with (
            aiohttp.ClientSession() as session,
            aclosing(
                self.backend(model, server, settings).stream(session, Request(messages, Parameters(**asked)))
            ) as answer,
        ):
            return [event async for event in answer]

    def busy(self) -> int:
        return sum(slot["is_processing"] for slot in get(self.address, "/slots"))


def text(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


def thinking(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, ThinkingDelta))


def statuses(found: list[Event]) -> list[str]:
    return [event.text for event in found if isinstance(event, Status)]


@pytest.fixture(scope="module")
def real(weights: Path) -> Iterator[Running]:
    engine = Engine(weights)
    yield Running(engine)
    engine.close()


@pytest.fixture(scope="module")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny-qwen3.gguf")


@pytest.fixture(scope="module")
def thinker(tiny_path: Path) -> Iterator[Running]:
    pytest.importorskip("xllamacpp")
    engine = Engine(tiny_path)
    yield Running(engine)
    engine.close()


@pytest.mark.parametrize("server", ["", "llamacpp"])
async def test_it_streams(real: Running, server: str) -> None:
    times: list[float] = []
    found: list[Event] = []
    async with aiohttp.ClientSession() as session:
        backend = real.backend(server=server)
        async for event in backend.stream(
            session, Request((Message("user", LONG),), Parameters(max_tokens=40, temperature=0))
        ):
            found.append(event)
            if isinstance(event, TextDelta):
                times.append(time.monotonic())
    assert len(times) > 20
    assert times[len(times) // 2] < times[-1]
    assert isinstance(found[-2], UsageReport)
    assert found[-2].usage.completion_tokens == 40
    assert found[-1] == End("length")
    assert statuses(found) == []


async def test_a_cancelled_answer_frees_its_slot(real: Running) -> None:
    endless = Parameters(max_tokens=6000, extra={"ignore_eos": True})  # a minute and more
    begun = asyncio.Event()

    async def read() -> None:
        async with (
            aiohttp.ClientSession() as session,
            aclosing(real.backend().stream(session, Request((Message("user", LONG),), endless))) as answer,
        ):
            async for event in answer:
                if isinstance(event, TextDelta):
                    begun.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 60)
    assert await asyncio.to_thread(real.busy) == 1
    begin = time.monotonic()
    task.cancel()
    await asyncio.wait({task})
    while await asyncio.to_thread(real.busy):
        assert time.monotonic() - begin < 5
        await asyncio.sleep(0.02)
    assert "hello" in text(await real.ask("Reply with the single word: hello")).lower()


async def test_a_wrong_key(real: Running) -> None:
    place = urlsplit(real.address.url).netloc
    for key in ("wrong-key", ""):
        keys = Keys()
        keys.set(place, key, keep=False)
        with pytest.raises(AuthError, match="Invalid API Key") as caught:
            await real.ask("hi", server="", settings=Settings(keys=keys))
        assert f"%qwen key {place}" in caught.value.hint
        assert "wrong-key" not in str(caught.value)


async def test_a_wrong_model_is_not_passed_off_as_the_right_one(real: Running) -> None:
    found = await real.ask("hi", model="qwen3-72b", max_tokens=2)
    name, file = f"openai:{real.address.url}/v1#qwen3-72b", real.engine.model.name
    assert found[:3] == [
        Responder(name, "qwen3-72b"),
        Status(f"it has no qwen3-72b: {file} answers", "warning", name),
        Responder(name, file),
    ]


async def test_too_long_a_conversation(real: Running) -> None:
    with pytest.raises(ContextError, match=r"\d+ tokens, its context has 8192") as caught:
        await real.ask("one two three " * 8000)
    assert "Start a new conversation" in caught.value.hint


async def test_a_partial_answer_is_gone_on_with(real: Running) -> None:
    found = await real.ask("Count from 1 to 10, separated by commas.", "1, 2, 3,", max_tokens=12)
    assert text(found).startswith(" 4, 5")
    assert real.backend(server="llamacpp").continues


async def test_a_model_that_cannot_think_says_so(real: Running) -> None:
    assert statuses(await real.ask("hi", thinking=True, max_tokens=1)) == ["it does not take thinking"]
    assert statuses(await real.ask("hi", thinking=False, max_tokens=1)) == []


async def test_describe_a_running_server(real: Running) -> None:
    async with aiohttp.ClientSession() as session:
        told = await real.backend(server="").describe(session)
    assert told.server == "llama.cpp"  # this build of it does not know its version
    assert told.models == (str(real.engine.model),)
    assert told.address == f"{real.address.url}/v1"


async def test_thinking_comes_apart_from_the_answer(thinker: Running) -> None:
    found = await thinker.ask("hi", extra={"grammar": THINKS})
    assert (thinking(found), text(found)) == ("so it is", "done")
    kinds = [type(event) for event in found if isinstance(event, (ThinkingDelta, TextDelta))]
    assert kinds == sorted(kinds, key=lambda kind: kind is TextDelta)
    assert found[-1] == End("stop")


async def test_thinking_is_switched_by_the_templates_variable(thinker: Running) -> None:
    counts = {}
    for think in (True, False):
        found = await thinker.ask("hi", thinking=think, extra={"grammar": 'root ::= "done"'})
        assert text(found) == "done"
        assert statuses(found) == []
        assert isinstance(found[-2], UsageReport)
        counts[think] = found[-2].usage.prompt_tokens or 0
    # <think>, two line feeds, </think>, two line feeds: the empty thought that Qwen3 is given.
    assert counts[False] - counts[True] == 6


async def test_the_thinking_has_a_budget(thinker: Running) -> None:
    endless = 'root ::= "<think>" "in"+ "</think>" "done"'
    found = await thinker.ask("hi", thinking_budget=5, max_tokens=60, extra={"grammar": endless})
    assert (thinking(found), text(found)) == ("in" * 5, "done")


async def test_an_answer_all_of_whose_tokens_went_into_thinking(thinker: Running) -> None:
    found = await thinker.ask("hi", max_tokens=8, extra={"grammar": 'root ::= "<think>" "in"+'})
    assert thinking(found) == "in" * 7
    assert text(found) == ""
    assert found[-1] == End("length")


async def test_a_partial_answer_is_gone_on_with_without_thinking(thinker: Running) -> None:
    for server in ("llamacpp", "vllm"):  # vLLM's fields do no harm here
        found = await thinker.ask("hi", "do", server=server, thinking=True, extra={"grammar": 'root ::= "ne."'})
        assert (thinking(found), text(found)) == ("", "ne.")


async def test_the_context_of_the_tiny_one(thinker: Running) -> None:
    with pytest.raises(ServerError) as caught:
        await thinker.ask("x " * 20_000)
    assert isinstance(caught.value, ContextError)
    assert CONTEXT <= 8192


async def test_local_thinks_too(tiny_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    backend = LocalBackend(parse_target(f"local:{tiny_path}"), Settings())
    assert backend.continues
    try:
        async with aiohttp.ClientSession() as session:
            before = await backend.describe(session)
            asked = Parameters(temperature=0, thinking=True, extra={"grammar": THINKS})
            found = [event async for event in backend.stream(session, Request((Message("user", "hi"),), asked))]
            after = await backend.describe(session)
    finally:
        await backend.close()
    assert [event for event in found if isinstance(event, Responder)] == [Responder(f"local:{tiny_path}", "tiny-qwen3")]
    assert (thinking(found), text(found)) == ("so it is", "done")
    assert (before.state, after.state) == ("starts with the first question", "running")
    assert before.models == ("tiny-qwen3",)
    assert "the weights are here" in before.notes[0]
    async with aiohttp.ClientSession() as session:
        gone = await LocalBackend(parse_target("local:/no/such.gguf"), Settings()).describe(session)
    assert gone.state == "these weights do not exist"
