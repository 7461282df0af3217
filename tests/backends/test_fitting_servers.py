"""Long conversations at real servers: what each request carried, and what the user is told."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from asking import everything, statuses, texts
from fastapi import FastAPI
from servers.openai_like import Answer, Script, chunk, refused, serving, streamed
from servers.tiny_gguf import CONTEXT as SMALL
from servers.tiny_gguf import write_gguf

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.gradio.failures import app_error
from qwen_magic.backends.gradio.known_spaces import KNOWN
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.local.engine import CONTEXT, Engine
from qwen_magic.backends.openai.context_sizes import (
    listed_context,
    listed_model,
    lmstudio_context,
    loaded_context,
    shown_context,
)
from qwen_magic.backends.qwen_models import context_of
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.context_limits import lower
from qwen_magic.client.fitting import count
from qwen_magic.errors import ContextError
from qwen_magic.events import Responder, Status
from qwen_magic.messages import Message, to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.responses import Response

SYSTEM = {"role": "system", "content": "Be brief."}
TURNS = 60
HUB = [
    {"provider": "novita", "status": "live", "context_length": 131_072},
    {"provider": "nscale", "status": "live", "context_length": 32_768},
    {"provider": "away", "status": "staging", "context_length": 999_999},
]
_MAXIMUM = "This model's maximum context length is {context} tokens"


def conversation(turns: int = TURNS, words: int = 80, newest: str = "newest?") -> list[dict[str, str]]:
    found = [SYSTEM]
    for number in range(turns):
        found.append({"role": "user", "content": f"question {number} " + "word " * words})
        found.append({"role": "assistant", "content": f"answer {number} " + "word " * words})
    return [*found, {"role": "user", "content": newest}]


def carried(body: dict[str, Any]) -> int:
    """Return how many earlier turns a request carried; they are the newest, whole, between system and prompt."""
    sent = body["messages"]
    turns = (len(sent) - 2) // 2
    assert sent == [SYSTEM, *conversation()[1:][len(conversation()) - 2 - 2 * turns :]]
    return turns


def tokens(body: dict[str, Any]) -> int:
    return count([Message(item["role"], item["content"]) for item in body["messages"]])


def strict(context: int, words: str) -> Answer:
    """Answer what fits, and refuse all else in a server's own words."""

    def answer(body: dict[str, Any], request: Any) -> Response:
        needed, most = tokens(body), body.get("max_tokens") or 0
        if needed + most <= context:
            made = streamed(chunk("fine"))
        else:
            said = words.format(context=context, needed=needed, most=most, all=needed + most)
            made = refused(400, {"error": {"message": said, "type": "BadRequestError", "code": 400}})
        return made(body, request)  # type: ignore[return-value]

    return answer


def listed(**fields: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "m", "object": "model", **fields}]}


async def ask(script: Script, messages: Any, **parameters: Any) -> tuple[list[Any], Any]:
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            return await everything(client.stream(messages, **parameters))


async def test_a_server_that_states_its_context() -> None:
    script = Script(strict(4096, "maximum context length is {context}"))
    script.beside["/v1/models"] = listed(owned_by="vllm", max_model_len=4096)
    happened, error = await ask(script, conversation())
    assert error is None
    (body,) = script.bodies
    turns = carried(body)
    assert 0 < turns < TURNS
    assert tokens(body) <= 4096 * 0.9 - 1024 < tokens(body) + 180
    (note,) = statuses(happened, "warning")
    name = next(event.target for event in happened if isinstance(event, Responder))
    assert note == f"the {TURNS - turns} oldest of {TURNS} earlier turns were left out: {name} takes 4,096 tokens"
    places = [type(event) for event in happened]
    assert places.index(Responder) < places.index(Status)


async def test_the_answers_tokens_are_kept_free() -> None:
    sent = []
    for parameters in ({"max_tokens": 100}, {"max_tokens": 2000}):
        script = Script(strict(4096, "maximum context length is {context}"))
        script.beside["/v1/models"] = listed(owned_by="vllm", max_model_len=4096)
        _, error = await ask(script, conversation(), **parameters)
        assert error is None
        assert len(script.bodies) == 1
        sent.append(carried(script.bodies[0]))
    assert sent[0] > sent[1] > 0


@pytest.mark.parametrize(
    "words",
    [
        # vLLM, old and new; OpenAI; llama.cpp; DashScope; Ollama; OpenRouter
        f"{_MAXIMUM}. However, you requested {{all}} tokens ({{needed}} in the messages, {{most}} in the completion).",
        f"{_MAXIMUM}. However, you requested {{most}} output tokens and your prompt contains at least 4097 input tokens",
        f"{_MAXIMUM}. However, your messages resulted in {{needed}} tokens. Please reduce their length.",
        "request ({needed} tokens) exceeds the available context size ({context} tokens), try increasing it",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {context}]",
        "prompt too long; exceeded max context length by 12 tokens",
        f"{_MAXIMUM}. However, you requested about {{all}} tokens ({{needed}} of text input, {{most}} in the output).",
    ],
)
async def test_a_server_that_states_nothing_and_refuses(words: str) -> None:
    script = Script(strict(4096, words))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            stream = client.stream(conversation())
            happened, error = await everything(stream)
            assert error is None
            first = len(script.bodies)
            again, error = await everything(client.stream(conversation()))
            assert error is None
    assert texts(happened) == ["fine"]
    assert carried(script.bodies[0]) == TURNS
    assert 2 <= first <= 4
    turns = carried(script.bodies[first - 1])
    assert 10 <= turns < TURNS
    assert f"the {TURNS - turns} oldest of 60" in statuses(happened, "warning")[-1]
    # The limit is remembered.
    assert len(script.bodies) == first + 1
    assert carried(script.bodies[-1]) == turns
    assert len(statuses(again, "warning")) == 1


async def test_a_server_that_counts_twice_as_many_tokens() -> None:
    """Its words teach how far off our estimate is."""
    words = "request ({needed} tokens) exceeds the available context size ({context} tokens)"

    def answer(body: dict[str, Any], request: Any) -> Any:
        needed = 2 * tokens(body)
        made = refused(400, words.format(needed=needed, context=8192)) if needed > 8192 else streamed(chunk("fine"))
        return made(body, request)

    script = Script(answer)
    script.beside["/v1/models"] = listed(max_model_len=8192)
    happened, error = await ask(script, conversation())
    assert error is None
    assert texts(happened) == ["fine"]
    assert [carried(body) for body in script.bodies][-1] >= 10
    assert len(script.bodies) == 2


async def test_a_server_that_cuts_silently() -> None:
    """Ollama: what it would cut is left out, and said."""
    for loaded, context in ((True, 2048), (False, 4096)):
        script = Script(streamed(chunk("fine")))
        script.beside["/v1/models"] = listed(owned_by="library")
        if loaded:
            script.beside["/api/ps"] = {"models": [{"name": "m:latest", "context_length": 2048}]}
        else:
            script.beside["/api/ps"] = {"models": []}
        app = script.app()

        @app.post("/api/show")
        async def show() -> dict[str, Any]:
            return {"parameters": "stop x", "model_info": {"qwen3.context_length": 40_960}}

        with serving(app) as url:
            async with QwenClient(f"openai:{url}/v1#m") as client:
                happened, error = await everything(client.stream(conversation()))
        assert error is None
        (body,) = script.bodies
        assert tokens(body) < context
        assert 0 < carried(body) < TURNS
        assert f"takes {context:,} tokens" in statuses(happened, "warning")[0]


async def test_short_questions_cost_no_further_request() -> None:
    script = Script(streamed(chunk("fine")))
    script.beside["/v1/models"] = listed(max_model_len=4096)
    happened, error = await ask(script, conversation(3, 30))
    assert error is None
    assert statuses(happened) == []
    assert len(script.keys) == len(script.bodies) == 1
    await ask(script, conversation())
    assert len(script.keys) == 3


async def test_a_context_that_cannot_be_asked_for_delays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_magic.client.context_limits._ASK_SECONDS", 0.2)
    script, app, asked = Script(streamed(chunk("fine"))), FastAPI(), []

    @app.get("/v1/models")
    async def models() -> str:
        asked.append(1)
        if len(asked) == 1:
            await asyncio.sleep(5)
        return "no list"

    app.mount("/", script.app())
    with serving(app) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            for times in (1, 2):
                started = time.monotonic()
                _, error = await everything(client.stream(conversation()))
                assert error is None
                assert time.monotonic() - started < 5
                assert carried(script.bodies[-1]) == TURNS
                assert len(asked) == times


async def test_a_prompt_that_is_surely_too_long_goes_to_the_next_target() -> None:
    small, large = Script(), Script(streamed(chunk("fine")))
    small.beside["/v1/models"] = listed(max_model_len=2048)
    large.beside["/v1/models"] = listed(max_model_len=100_000)
    messages = conversation(2, newest="word " * 5000)
    with serving(small.app()) as first, serving(large.app()) as second:
        one, other = f"openai:{first}/v1#m", f"openai:{second}/v1#m"
        async with QwenClient([one, other]) as client:
            happened, error = await everything(client.stream(messages))
            assert error is None
            assert any(state.state == "not tried" for state in client.states(one))
            _, error = await everything(client.stream(messages, target=one))
    assert small.bodies == []
    assert len(large.bodies[0]["messages"]) == 6
    assert "the prompt is too long: it has about 5," in statuses(happened, "failover")[0]
    assert isinstance(error, ContextError)
    assert "2,048 tokens fit" in str(error)
    assert "-t" in error.hint
    assert "\n" not in str(error)


async def test_a_prompt_near_the_limit_is_sent_with_a_warning() -> None:
    script = Script(streamed(chunk("fine")))
    script.beside["/v1/models"] = listed(max_model_len=2048)
    happened, error = await ask(script, conversation(2, newest="word " * 2000))
    assert error is None
    assert len(script.bodies[0]["messages"]) == 2
    first, second = statuses(happened, "warning")
    assert first.startswith("all 2 earlier turns were left out")
    assert second.endswith("the target may cut it")


async def test_a_continuation_is_fitted_with_its_beginning() -> None:
    script = Script(streamed(chunk("The cat walked along", finish="length")), streamed(chunk("walked along the road")))
    script.beside["/v1/models"] = listed(max_model_len=4096)
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            stream = client.stream(conversation(), max_tokens=50)
            await everything(stream)
            resumed = stream.resume()
            happened, error = await everything(resumed)
    assert error is None
    sent = script.bodies[1]["messages"]
    assert sent[0] == SYSTEM
    assert [item["content"] for item in sent[-3:-1]] == ["newest?", "The cat walked along"]
    assert sent[1]["role"] == "user"
    assert 10 < len(sent) < 2 * TURNS
    assert "left out" in statuses(happened, "warning")[-1]


@pytest.fixture(scope="module")
def tiny_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    pytest.importorskip("xllamacpp")
    engine = Engine(write_gguf(tmp_path_factory.mktemp("fitting") / "tiny.gguf"))
    yield engine
    engine.close()


async def test_llama_cpp_with_a_context_of_512_byte_tokens(tiny_engine: Engine) -> None:
    """Its tokens are bytes, which our estimate cannot know: its refusal teaches it."""
    address = tiny_engine.start()
    messages = [{"role": "system", "content": "Be brief."}]
    for number in range(60):
        messages += [{"role": "user", "content": f"q{number} " + "ab " * 9}, {"role": "assistant", "content": "ok"}]
    messages.append({"role": "user", "content": "hi"})
    async with QwenClient(f"openai:{address.url}/v1") as client:
        client.settings.keys.set(address.url.removeprefix("http://"), address.key, keep=False)
        grammar = {"grammar": 'root ::= "done"'}
        happened, error = await everything(client.stream(messages, temperature=0, max_tokens=20, extra=grammar))
    assert error is None
    assert "".join(texts(happened)) == "done"
    assert "of 60 earlier turns were left out" in statuses(happened, "warning")[-1]
    assert statuses(happened, "warning")[-1].endswith("takes 512 tokens")


async def test_local_takes_a_conversation_of_60_turns(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.exists()
    for module in ("engine", "backend"):
        monkeypatch.setattr(f"qwen_magic.backends.local.{module}.CONTEXT", 1024)
    turns = [{"role": "user", "content": "My cat is called Barsik. " * 4}, {"role": "assistant", "content": "ok " * 10}]
    messages = [*turns * TURNS, {"role": "user", "content": "What is my cat called? One word."}]
    assert count(to_messages(messages)) > 2 * 1024
    async with QwenClient("local") as client:
        happened, error = await everything(client.stream(messages, temperature=0, max_tokens=10))
        told = await client.describe()
        with pytest.raises(ContextError, match="1,024 tokens fit"):
            await client.ask("one two three " * 5000)
    assert error is None
    assert "barsik" in "".join(texts(happened)).lower()
    note = statuses(happened, "warning")[-1]  # the estimate may be too low for the first try
    assert "of 60 earlier turns were left out: local takes 1,024 tokens" in note
    assert "context   1,024 tokens" in str(told)


async def test_local_tells_the_context_of_a_small_model_once_it_runs(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    backend = LocalBackend(parse_target(f"local:{write_gguf(tmp_path / 'tiny.gguf')}"), Settings())
    try:
        async with aiohttp.ClientSession() as session:
            assert await backend.context(session) == CONTEXT
            hi = (Message("user", "hi"),)
            async with aclosing(backend.stream(session, Request(hi, Parameters(max_tokens=1)))) as answer:
                async for _ in answer:
                    pass
            assert await backend.context(session) == SMALL
    finally:
        await backend.close()


@pytest.mark.parametrize(
    ("item", "provider", "context"),
    [
        ({"max_model_len": 4096}, "", 4096),  # vLLM
        ({"context_length": 40_960, "top_provider": {}}, "", 40_960),  # OpenRouter
        ({"meta": {"n_ctx": 512, "n_ctx_train": 1024}}, "", 512),  # llama.cpp
        ({"providers": HUB}, "", 131_072),
        ({"providers": HUB}, "nscale", 32_768),
        ({"providers": HUB}, "fastest", 131_072),
        ({"max_model_len": True, "context_length": "much", "meta": None, "providers": [None, 1]}, "", None),
        ({}, "", None),
    ],
)
def test_lists_of_models_that_tell_the_context(item: dict[str, Any], provider: str, context: int | None) -> None:
    assert listed_context(item, provider) == context


def test_what_lm_studio_and_ollama_tell() -> None:
    data = [
        {"id": "a", "loaded_context_length": 4096, "max_context_length": 32_768},
        {"id": "b", "state": "not-loaded"},
    ]
    assert [lmstudio_context({"data": data}, name) for name in "abc"] == [4096, None, None]
    running = {"models": [{"name": "qwen3:8b", "context_length": 8192}, {"name": "old:latest"}]}
    assert [loaded_context(running, name) for name in ("qwen3:8b", "qwen3", "old")] == [8192, None, None]
    info = {"qwen3.context_length": 40_960}
    assert shown_context({"parameters": "top_k 20\nnum_ctx    16384", "model_info": info}, "m") == 16_384
    assert shown_context({"model_info": info}, "m") == 4096
    assert shown_context({"model_info": {"x.context_length": 2048}}, "m") == 2048
    assert shown_context({"model_info": info}, "m:480b-cloud") == 40_960
    assert shown_context({}, "m") is None


def test_the_model_is_found_in_the_list() -> None:
    two = [{"id": "bge-embed"}, {"id": "Qwen/Qwen3-8B"}]
    assert listed_model(two, "Qwen/Qwen3-8B:novita") == listed_model(two, "") == two[1]
    assert listed_model(two, "other") == {}
    assert listed_model([{"id": "file.gguf"}], "other") == {"id": "file.gguf"}


@pytest.mark.parametrize(
    ("model", "context"),
    [
        ("Qwen2-72B-Instruct", 131_072),
        ("Qwen2.5-Max", 32_768),
        ("qwen3-235b-a22b", 131_072),
        ("qwen-max", 32_768),
        ("qwen3-max", 262_144),
        ("qwen-plus", None),
        ("qwen3-235b-a22b-instruct-2507", None),
        ("gpt-4", None),
    ],
)
def test_known_models(model: str, context: int | None) -> None:
    assert context_of(model) == context


async def test_known_spaces_have_a_context() -> None:
    found = {name: await SpaceBackend(parse_target(f"space:{name}"), Settings()).context() for name in KNOWN}
    assert all(found.values())
    assert await SpaceBackend(parse_target("space:Someone/Else"), Settings()).context() is None


def test_a_space_that_refuses_in_its_own_words() -> None:
    said = "Request id: 1, Status code: 400, error message: Range of input length should be [1, 30720]"
    error = app_error({"output": {"error": said}}, "space:a/b")
    assert isinstance(error, ContextError)
    assert lower(error.server_message, 50_000).context == 30_720
