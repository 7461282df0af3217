"""How parameters are called at each server, and that llama.cpp's own engine does what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openai_asking import ask
from servers.openai_like import Script, chunk, refused, serving, streamed
from servers.tiny_gguf import write_gguf
from test_llama_server import Running, statuses, text

from qwen_magic.backends.local.engine import Engine
from qwen_magic.backends.openai.protocol import request_body
from qwen_magic.backends.openai.servers import GENERIC, SERVERS
from qwen_magic.events import End, Event, Status, TextDelta, UsageReport
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REP: dict[str, Any] = {"repetition_penalty": 1.1}
BOTH = {"repetition_penalty": 1.1, "repeat_penalty": 1.1}
PROMPT = "Write a long text about the sea."


@pytest.mark.parametrize(
    ("name", "fields", "left"),
    [
        ("ollama", {}, "top_k, min_p, repetition_penalty"),
        ("vllm", {"top_k": 5, "min_p": 0.1, **REP}, ""),
        ("lmstudio", {"top_k": 5, "repeat_penalty": 1.1}, "min_p"),
        ("llamacpp", {"top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1}, ""),
        ("dashscope", {"top_k": 5, **REP}, "min_p"),
        ("hf", {}, "top_k, min_p, repetition_penalty"),
        ("openrouter", {"top_k": 5, "min_p": 0.1, **REP}, ""),
        ("openai", {"top_k": 5, "min_p": 0.1, **BOTH}, ""),
    ],
)
def test_each_server_gets_them_by_its_own_names(name: str, fields: dict[str, Any], left: str) -> None:
    request = Request.of("hi", min_p=0.1, repetition_penalty=1.1, top_k=5, temperature=0.5)
    server = GENERIC if name == GENERIC.name else SERVERS[name]
    built = request_body("m", request, server)
    sent = {key: value for key, value in built.body.items() if key not in ("messages", "stream", "stream_options")}
    assert sent == {"model": "m", "temperature": 0.5, **fields}
    assert [warning.removeprefix("it does not take ") for warning in built.warnings] == ([left] if left else [])


def test_every_server_is_in_the_table_above() -> None:
    (mark,) = test_each_server_gets_them_by_its_own_names.pytestmark
    assert {row[0] for row in mark.args[1]} == {*SERVERS, GENERIC.name}


def warnings(found: list[Event]) -> list[str]:
    return [event.text for event in found if isinstance(event, Status)]


async def test_one_of_two_names_is_enough() -> None:
    """A strict server that knows a parameter by one name does take it; one that knows neither does not."""
    hello = streamed(chunk("hello"), chunk("", "stop"))
    for names, warned in (
        (["repeat_penalty"], []),
        (["repetition_penalty"], []),
        (["repeat_penalty", "repetition_penalty"], ["it does not take repetition_penalty"]),
    ):
        refusals = [
            refused(400, {"error": {"message": f"Unrecognized request argument supplied: {name}"}}) for name in names
        ]
        script = Script(*refusals, hello)
        with serving(script.app()) as url:
            found = await ask(f"openai:{url}/v1#m", **REP)
        assert TextDelta("hello") in found
        assert warnings(found) == warned
        assert set(script.bodies[-1]) & set(BOTH) == set(BOTH) - set(names)
    script = Script(refused(400, {"error": {"message": "extra fields: repeat_penalty, repetition_penalty"}}), hello)
    with serving(script.app()) as url:
        assert warnings(await ask(f"openai:{url}/v1#m", **REP)) == ["it does not take repetition_penalty"]


async def test_what_the_user_wrote_goes_before() -> None:
    script = Script(streamed(chunk("hello"), chunk("", "stop")))
    with serving(script.app()) as url:
        await ask(f"openai:{url}/v1#m", extra={"repeat_penalty": 1.5}, **REP)
    assert (script.bodies[0]["repeat_penalty"], script.bodies[0]["repetition_penalty"]) == (1.5, 1.1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    pytest.importorskip("xllamacpp")
    engine = Engine(write_gguf(tmp_path_factory.mktemp("gguf") / "tiny-qwen3.gguf"))
    yield Running(engine)
    engine.close()


@pytest.fixture(scope="module")
def real(weights: Path) -> Iterator[Running]:
    engine = Engine(weights)
    yield Running(engine)
    engine.close()


async def answer(engine: Running, server: str, **parameters: Any) -> tuple[str, int | None]:
    """Give the answer and how many tokens it has; see that nothing was left out."""
    found = await engine.ask(PROMPT, server=server, max_tokens=24, **parameters)
    assert statuses(found) == []
    assert isinstance(found[-1], End)
    return text(found), next(event.usage.completion_tokens for event in found if isinstance(event, UsageReport))


async def takes_both(engine: Running, server: str) -> None:
    likeliest = await answer(engine, server)
    assert await answer(engine, server, repetition_penalty=1) == likeliest
    assert await answer(engine, server, repetition_penalty=2) != likeliest
    hot = [await answer(engine, server, temperature=2, seed=seed) for seed in (1, 2)]
    assert hot[0] != hot[1]
    # Nothing but the likeliest token is as likely as the likeliest.
    for seed in (1, 2):
        assert await answer(engine, server, temperature=2, seed=seed, min_p=1) == likeliest
        assert await answer(engine, server, temperature=2, seed=seed, min_p=0) != likeliest


@pytest.mark.parametrize("server", ["llamacpp", ""])
async def test_the_engine_takes_both(tiny: Running, server: str) -> None:
    await takes_both(tiny, server)


async def test_the_engine_takes_both_with_the_real_model(real: Running) -> None:
    await takes_both(real, "llamacpp")
