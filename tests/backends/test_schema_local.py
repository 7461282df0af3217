"""The real engine is held to a shape by its own decoder, and no schema ends its process."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from qwen_magic import PartialValue, QwenClient
from qwen_magic.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


@dataclass
class Node:
    name: str
    children: list[Node]


@pytest.fixture
async def client(weights: object) -> AsyncIterator[QwenClient]:
    async with QwenClient("local") as client:
        yield client


async def test_the_decoder_holds_it(client: QwenClient) -> None:
    asked: list[tuple[Any, str, type]] = [
        ("name, age int, mood: happy|sad, born date?", "Anna, 34, laughs all day.", dict),
        ("yes|no", "Is two more than one?", str),
        (Mood, "She smiles.", Mood),
        ("int", "What is 12 times 12?", int),
        (bool, "Is it true that water is wet?", bool),
        (dict[str, int], "How many legs have a cat and a bird?", dict),
        (Node, "A tree with two leaves.", Node),
    ]
    for schema, prompt, kind in asked:
        reply = await client.ask(prompt, schema=schema, temperature=0, max_tokens=300)
        assert isinstance(reply.value, kind)
        assert (reply.rung, reply.asks) == ("json_schema", 1)


async def test_no_schema_ends_the_engine(weights: object) -> None:
    awkward: list[dict[str, Any]] = [
        {"type": "array", "items": {"type": "string"}, "minItems": 5, "maxItems": 2},
        {"type": "array", "items": {"type": "integer", "minimum": 9, "maximum": 1}, "maxItems": 100_000_000},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "pattern": "(?=x)y", "minLength": 10**9}},
            "required": ["a"],
        },
        {"oneOf": [{"const": 1}, {"not": {"type": "string"}}]},
        {"type": "object", "patternProperties": {"^x": {"type": "number", "multipleOf": 0.1}}},
    ]
    async with QwenClient("local", schema_retries=0) as client:
        for schema in awkward:
            stream = client.stream("One, two.", schema=schema, temperature=0, max_tokens=40)
            with suppress(SchemaError):
                async for _ in stream.events():
                    pass
            assert stream.reply.rung == "json_schema"
        reply = await client.ask("Say yes.", schema="yes|no", temperature=0)
        assert reply.value in ("yes", "no")


async def test_rows_come_as_they_are_written(client: QwenClient) -> None:
    stream = client.stream("Three fruits with their colours.", schema="[fruit, colour]", temperature=0, max_tokens=200)
    rows = [event.value async for event in stream.events() if isinstance(event, PartialValue)]
    assert rows == stream.reply.value
