"""A shape on real Gradio apps, which can only be told of it: by the prompt alone, asked again, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from qwen_magic import PartialValue, QwenClient, Rung
from qwen_magic.errors import SchemaError

if TYPE_CHECKING:
    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory

FENCED = 'echo Sure!\n```json\n{"name": "Ann", "age": 34}\n```\n'


@dataclass
class Person:
    name: str
    age: int


@pytest.fixture
def space(gradio_server: ServerFactory) -> GradioServer:
    return gradio_server("6.31.0", "qwenlike")


async def test_the_prompt_alone_holds_it(space: GradioServer) -> None:
    async with QwenClient(f"space:{space.url}") as client:
        stream = client.stream(FENCED, schema=Person)
        events = [event async for event in stream.events()]
        reply = stream.reply
    assert Rung("prompt", 1) in events
    assert reply.value == Person("Ann", 34)
    assert (reply.rung, reply.asks) == ("prompt", 1)
    assert any(isinstance(event, PartialValue) for event in events)


async def test_what_does_not_fit_is_asked_for_again_with_the_reason(space: GradioServer) -> None:
    space.clear_log()
    async with QwenClient(f"space:{space.url}") as client:
        with pytest.raises(SchemaError) as failed:
            await client.ask("Who is it?", schema="name, age int")
    reply = failed.value.reply
    assert reply is not None
    assert reply.text.startswith("You said: ")
    first, *again = [call["prompt"] for call in space.calls()]
    assert first.startswith("Who is it?\n\n")
    assert '"age": integer' in first
    assert len(again) == 2
    assert all(prompt.startswith("That answer does not fit: there is no JSON") for prompt in again)
    assert failed.value.what.count("\n") == 0


async def test_rows_go_one_after_the_other_and_one_that_does_not_fit_costs_no_other(space: GradioServer) -> None:
    rows = [FENCED, "Who is it?", FENCED.replace("34", "35")]
    async with QwenClient(f"space:{space.url}", schema_retries=0) as client:
        out = await client.map("{item}", rows, schema=Person, keep=False)
    assert [out[row].status for row in range(3)] == ["done", "failed", "done"]
    assert [out[row].value for row in (0, 2)] == [Person("Ann", 34), Person("Ann", 35)]
