"""What does not fit is asked for again, with its place and its reason; what still does not is told in one line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic import Message, QwenClient, Reset, Status
from qwen_magic.errors import ConnectError, SchemaError, UsageError
from qwen_magic.replay import replay_key
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PERSON = "name, age int"
BAD, GOOD = '{"name": "Ann", "age": "forty"}', '{"name": "Ann", "age": 40}'
USED = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}}


def said(text: str, finish: str = "stop", more: Any = None) -> Any:
    return streamed(chunk(text), chunk(finish=finish, **(more or {})))


@pytest.fixture
async def asking() -> AsyncIterator[Callable[..., tuple[QwenClient, Script]]]:
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        def made(*answers: Any, **settings: Any) -> tuple[QwenClient, Script]:
            script = Script(*answers)
            url = stack.enter_context(serving(script.app()))
            client = QwenClient(f"openai:{url}/v1#qwen", **settings)
            stack.push_async_callback(client.aclose)
            return client, script

        yield made


async def test_a_value_that_does_not_fit_is_asked_for_again(asking: Any) -> None:
    client, script = asking(said(BAD, more=USED), said(GOOD, more=USED))
    stream = client.stream("Who?", schema=PERSON)
    events = [event async for event in stream.events()]
    reply = stream.reply
    assert (reply.value, reply.text, reply.asks) == ({"name": "Ann", "age": 40}, GOOD, 2)
    assert [step.role for step in reply.steps] == ["assistant", "user", "assistant"]
    assert 'age: "forty" is not an integer' in reply.steps[1].text
    assert 'age: "forty" is not an integer' in script.bodies[1]["messages"][-1]["content"]
    assert script.bodies[1]["messages"][-2] == {"role": "assistant", "content": BAD}
    assert any(isinstance(event, Reset) and not event.text for event in events)
    assert any(isinstance(event, Status) and "forty" in event.text for event in events)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (20, 10)
    assert reply.messages == (*stream.messages, *reply.steps)


@pytest.mark.parametrize(("retries", "asked"), [(2, 3), (0, 1)])
async def test_what_still_does_not_fit(asking: Any, retries: int, asked: int) -> None:
    client, script = asking(said(BAD), schema_retries=retries)
    with pytest.raises(SchemaError) as failure:
        await client.ask("Who?", schema=PERSON)
    error = failure.value
    assert len(script.bodies) == asked
    assert (error.path, error.reason) == ("age", '"forty" is not an integer')
    assert str(error).count("\n") == 0
    assert len(str(error)) < 300
    assert error.reply is not None
    assert (error.reply.text, error.reply.finish_reason) == (BAD, "stop")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I cannot do that.", "no JSON"),
        ('{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}', "schema itself"),
        ('{"name": "Ann"}', "missing"),
        ('{"name": "Ann", "age": 4', "ends before"),
    ],
)
async def test_odd_answers_are_named(asking: Any, text: str, reason: str) -> None:
    client, script = asking(said(text), said(GOOD))
    assert (await client.ask("Who?", schema=PERSON)).value["age"] == 40
    assert reason in script.bodies[1]["messages"][-1]["content"]


async def test_an_answer_that_is_cut_off_is_not_asked_for_again(asking: Any) -> None:
    client, script = asking(said('{"name": "Ann", "ag', "length"))
    with pytest.raises(SchemaError, match="token limit"):
        await client.ask("Who?", schema=PERSON)
    assert len(script.bodies) == 1
    client, script = asking(said(GOOD + "\n\n\n", "length"))
    assert (await client.ask("Who?", schema=PERSON)).value["age"] == 40, "the value itself is whole"


async def test_the_value_may_stand_in_the_thinking(asking: Any) -> None:
    thinking = {"choices": [{"index": 0, "delta": {"reasoning_content": GOOD, "content": ""}}]}
    client, script = asking(streamed(thinking))
    reply = await client.ask("Who?", schema=PERSON)
    assert (reply.value["age"], reply.text, len(script.bodies)) == (40, GOOD, 1)
    client, _ = asking(said(f'<think>Is it {BAD}? No: "age" is a number.</think>\n{GOOD}'))
    assert (await client.ask("Who?", schema=PERSON)).value["age"] == 40


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


@dataclass
class Person:
    name: str
    age: int


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (Mood, '{"value": "sad"}', Mood.SAD),
        (Mood, "Happy.", Mood.HAPPY),
        (list[Person], '[{"name": "a", "age": 1}]', [Person("a", 1)]),
        (Person, f"[{GOOD}]", Person("Ann", 40)),
        (Person, f'{{"person": {GOOD}}}', Person("Ann", 40)),
        (Person | None, "null", None),
        (bool, "true", True),
        (float, '{"value": 3}', 3.0),
        (str, "plain words", "plain words"),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        ("yes|no", "**Yes**", "yes"),
    ],
)
async def test_the_value_is_of_the_type_that_was_given(asking: Any, schema: Any, text: str, value: Any) -> None:
    client, _ = asking(said(text), schema_retries=0)
    found = (await client.ask("What?", schema=schema)).value
    assert found == value
    assert type(found) is type(value)


async def test_a_frame_where_one_was_the_example(asking: Any) -> None:
    example = pd.DataFrame({"name": ["x"], "age": pd.Series([1], dtype="int32")})
    client, _ = asking(said(f'{{"value": [{GOOD}, {GOOD}]}}'))
    found = (await client.ask("Who?", schema=example)).value
    assert list(found.columns) == ["name", "age"]
    assert (len(found), found["age"].dtype) == (2, "int32")


async def test_without_a_schema_there_is_no_value(asking: Any) -> None:
    client, _ = asking(said(GOOD))
    with pytest.raises(UsageError, match="no schema"):
        _ = (await client.ask("Who?")).value
    with pytest.raises(UsageError, match="itn is not a type"):
        client.stream("Who?", schema="name, age itn")


async def test_a_failure_while_it_is_asked_again_keeps_what_came(asking: Any) -> None:
    def gone(_body: Any, _request: Any) -> Any:
        raise ConnectionAbortedError

    client, _ = asking(said(BAD), gone, retry_timeout=0.1)
    with pytest.raises(Exception) as failure:
        await client.ask("Who?", schema=PERSON)
    assert not isinstance(failure.value, (SchemaError, ConnectError))
    assert failure.value.reply.steps[0] == Message("assistant", BAD)  # type: ignore[attr-defined]


def test_the_key_of_a_recorded_answer_holds_the_schema() -> None:
    keys = {replay_key("t", Request.of("Who?", schema=schema)) for schema in (None, "name", "name, age int", int)}
    assert len(keys) == 4
    assert replay_key("t", Request.of("Who?", schema="name")) in keys
