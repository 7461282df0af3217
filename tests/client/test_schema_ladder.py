"""The ladder: each server is held to a shape in its own dialect, and what it refuses is not sent to it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from servers import schema_servers as fakes
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic import PartialValue, QwenClient, Rung, Status
from qwen_magic.backends.openai import servers
from qwen_magic.errors import AuthError, ChainError, SchemaError, ServerError

PERSON = "name, age int"
RIGHT = {"name": "text", "age": 7}


def script(refusal: Any, **more: Any) -> Script:
    return Script(fakes.answering(refusal, **more), models=["qwen3:8b"])


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what makes the name of a target at which a known server is believed to be."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-test")
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-test")

    def named(url: str, server: str, model: str = "qwen3:8b") -> str:
        if server == "openai":
            return f"openai:{url}/v1#{model}"
        monkeypatch.setenv("DASHSCOPE_BASE_URL", f"{url}/v1")
        monkeypatch.setenv("OLLAMA_HOST", url)
        monkeypatch.setitem(servers.SERVERS, server, replace(servers.SERVERS[server], base_url=f"{url}/v1"))
        return f"{server}:{model}"

    return named


@pytest.mark.parametrize(
    ("server", "refusal", "rung", "refusals"),
    [
        ("openai", fakes.openai, "json_schema", 0),
        ("vllm", fakes.openai, "json_schema", 0),
        ("vllm", fakes.old_vllm, "guided_json", 1),
        ("llamacpp", fakes.llamacpp, "json_schema", 0),
        ("ollama", fakes.ollama, "json_schema", 0),
        ("lmstudio", fakes.lmstudio, "json_schema", 0),
        ("dashscope", fakes.dashscope, "json_object", 0),
        ("openrouter", fakes.openrouter, "json_schema", 0),
        ("openrouter", fakes.openrouter_without, "tool", 1),
        ("openai", fakes.tools_alone, "tool", 1),
        ("openai", fakes.nothing_but_text, "prompt", 3),
        ("llamacpp", fakes.nothing_but_text, "prompt", 2),
        ("lmstudio", fakes.nothing_but_text, "prompt", 1),
        ("dashscope", fakes.nothing_but_text, "prompt", 1),
    ],
)
async def test_each_server_in_its_dialect(target: Any, server: str, refusal: Any, rung: str, refusals: int) -> None:
    asked = script(refusal)
    with serving(asked.app()) as url:
        async with QwenClient(target(url, server)) as client:
            stream = client.stream("Who is it?", schema=PERSON)
            events = [event async for event in stream.events()]
            assert (stream.reply.rung, stream.reply.value, stream.reply.asks) == (rung, RIGHT, 1)
            assert len(asked.bodies) == refusals + 1
            told = [event.text for event in events if isinstance(event, Status) and event.kind == "warning"]
            assert len(told) == refusals
            assert [event.name for event in events if isinstance(event, Rung)][-1] == rung
            again = await client.ask("And who is that?", schema=PERSON)
            assert (again.rung, len(asked.bodies)) == (rung, refusals + 2), "a refusal is remembered"
            client.forgive()
            await client.ask("Once more?", schema=PERSON)
            assert len(asked.bodies) == 2 * refusals + 3


@pytest.mark.parametrize("model", ["qwen3-max", "qwen-plus", "qwen2.5-7b-instruct"])
async def test_dashscope_by_its_model(target: Any, model: str) -> None:
    asked = script(fakes.dashscope)
    with serving(asked.app()) as url:
        async with QwenClient(target(url, "dashscope", model)) as client:
            reply = await client.ask("Who?", schema=PERSON, thinking=True)
    assert reply.value == RIGHT
    assert reply.rung == ("json_schema" if model == "qwen3-max" else "json_object")
    if reply.rung == "json_object":
        assert asked.bodies[-1]["enable_thinking"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "integer", "minimum": 5, "maximum": 2}, "minItems": 0, "maxItems": 3},
        {
            "type": "object",
            "properties": {
                "a": {"type": "array", "minItems": 9, "maxItems": 2},
                "b": {"oneOf": [{"type": "string", "pattern": "^a"}, {"const": 3}]},
            },
        },
        {
            "$ref": "#/$defs/N",
            "$defs": {
                "N": {"type": "object", "properties": {"n": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}}}
            },
        },
        {"allOf": [{"type": "object", "properties": {"x": {"type": "string", "minLength": 3}}, "required": ["x"]}]},
    ],
)
@pytest.mark.parametrize(
    ("server", "refusal"), [("openai", fakes.openai), ("llamacpp", fakes.llamacpp), ("ollama", fakes.ollama)]
)
async def test_no_schema_is_refused_by_its_dialect(target: Any, server: str, refusal: Any, schema: Any) -> None:
    asked = script(refusal)
    with serving(asked.app()) as url:
        async with QwenClient(target(url, server), schema_retries=0) as client:
            try:
                rung = (await client.ask("What?", schema=schema)).rung
            except SchemaError as error:  # what the decoder was not told is told by the check
                rung = error.reply.rung  # type: ignore[union-attr]
    assert (rung, len(asked.bodies)) == ("json_schema", 1)


@pytest.mark.parametrize("said", ["", "Bad Request", '{"error": {"message": "model is not for vision"}}'])
async def test_a_refusal_that_is_about_something_else(target: Any, said: str) -> None:
    asked = Script(refused(400, said))
    with serving(asked.app()) as url:
        async with QwenClient(target(url, "lmstudio")) as client:
            with pytest.raises(ServerError):
                await client.ask("Who?", schema=PERSON)
    assert len(asked.bodies) == (1 if said else 2), "only one that says nothing may be about the schema"


async def test_a_wrong_key_is_no_refusal_of_a_schema(target: Any) -> None:
    asked = Script(refused(401, {"error": {"message": "invalid api key for response_format"}}))
    with serving(asked.app()) as url:
        async with QwenClient(target(url, "openai")) as client:
            with pytest.raises(AuthError):
                await client.ask("Who?", schema=PERSON)
    assert len(asked.bodies) == 1


async def test_nothing_of_a_schema_is_sent_without_one(target: Any) -> None:
    asked = script(fakes.openai, said="hello")
    with serving(asked.app()) as url:
        async with QwenClient(target(url, "openai")) as client:
            reply = await client.ask("Who?")
    assert asked.bodies[0].keys() == {"messages", "model", "stream", "stream_options"}
    assert asked.bodies[0]["messages"] == [{"role": "user", "content": "Who?"}]
    assert (reply.schema, reply.rung, reply.asks) == (None, "", 0)


async def test_the_next_target_has_a_ladder_of_its_own(target: Any) -> None:
    broken, whole = (
        Script(refused(400, {"error": {"message": "json_schema, tools, json_object: not supported"}})),
        script(fakes.openai),
    )
    with serving(broken.app()) as one, serving(whole.app()) as other:
        chain = [f"openai:{one}/v1#a", f"openai:{other}/v1#b"]
        async with QwenClient(chain) as client:
            reply = await client.ask("Who?", schema=PERSON)
            assert (reply.value, reply.rung) == (RIGHT, "json_schema")
        async with QwenClient([chain[0], chain[0] + "2"]) as client:
            with pytest.raises(ChainError):
                await client.ask("Who?", schema=PERSON)


async def test_rows_come_one_by_one(target: Any) -> None:
    rows = '[{"name": "A, b", "age": 1}, {"name": "]", "age": 2},\n {"name": "c\\"", "age": 3}]'
    asked = Script(streamed(*(chunk(letter) for letter in f'{{"value": {rows}}}')))
    with serving(asked.app()) as url:
        async with QwenClient(target(url, "openai")) as client:
            stream = client.stream("Who?", schema="[name, age int]")
            seen = [event async for event in stream.events() if isinstance(event, PartialValue)]
    assert [(event.key, event.value["age"]) for event in seen] == [(0, 1), (1, 2), (2, 3)]
    assert stream.reply.value == [event.value for event in seen]


async def test_a_server_that_ignores_the_schema_is_not_trusted_with_it(target: Any) -> None:
    words = streamed(chunk("It is Ann, who is forty."))
    asked = Script(words, fakes.answering(fakes.openai))
    with serving(asked.app()) as url:
        async with QwenClient(target(url, "lmstudio")) as client:
            reply = await client.ask("Who?", schema=PERSON)
            assert (reply.value, reply.rung, reply.asks) == (RIGHT, "prompt", 2)
    refusing = Script(
        fakes.answering(fakes.openai), streamed(chunk("I would rather not.")), fakes.answering(fakes.openai)
    )
    with serving(refusing.app()) as url:
        async with QwenClient(target(url, "lmstudio")) as client:
            for asks in (1, 2):
                reply = await client.ask("Who?", schema=PERSON)
                assert (reply.rung, reply.asks) == ("json_schema", asks), "it kept to it before"
