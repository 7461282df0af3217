"""Reading an answer: whatever stands around a value, and cut at every place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import SchemaError
from qwen_magic.schema import as_shape
from qwen_magic.schema.answers import value_of
from qwen_magic.schema.growing import GrowingValue

PERSON = as_shape("name, age int?, tags [str]")
RIGHT = {"name": 'A "b" {c} [d]', "age": 40, "tags": ["x,y", "]"]}
JSON = json.dumps(RIGHT)
FORMS = [
    JSON,
    f"```json\n{JSON}\n```",
    f"Sure! Here is the person:\n\n```\n{json.dumps(RIGHT, indent=2)}\n```\nAnything else?",
    f'<think>Perhaps {{"name": 3}}?</think>\n\n{JSON}',
    f'{{"person": {JSON}}}',
    f"[{JSON}]",
    json.dumps(JSON),
    f'<tool_call>\n{{"name": "answer", "arguments": {JSON}}}\n</tool_call>',
    f"{json.dumps(PERSON.json_schema)}\n\n{JSON}",
]


@pytest.mark.parametrize("text", FORMS)
def test_a_value_is_found_whatever_stands_around_it(text: str) -> None:
    assert value_of(PERSON, text) == RIGHT


@pytest.mark.parametrize("text", FORMS)
def test_an_answer_that_is_cut_gives_its_value_or_none(text: str) -> None:
    for end in range(len(text)):
        for reason in ("stop", "length"):
            try:
                assert value_of(PERSON, text[:end], "", reason) == RIGHT
            except SchemaError as error:
                assert len(str(error).splitlines()) == 1  # noqa: PT017


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ("[name, age int]", '{"name": "a", "age": 1}\n{"name": "b", "age": 2}', [("a", 1), ("b", 2)]),
        ("[name, age int]", '{"people": [{"name": "a", "age": 1}]}', [("a", 1)]),
        ("[name, age int]", '{"name": "a", "age": 1}', [("a", 1)]),
        ("[name, age int]", "[]", []),
    ],
)
def test_lists(schema: str, text: str, value: Any) -> None:
    assert [tuple(row.values()) for row in value_of(as_shape(schema), text)] == value


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ("int", "42", 42),
        ("int", "**42.**", 42),
        ("int", '{"value": 42}', 42),
        ("int", '{"answer": 42}', 42),
        ("yes|no", "Yes", "yes"),
        ("yes|no", '"no"', "no"),
        ("bool", "True.", True),
        ("str", "Some words.", "Some words."),
        ("str", '"quoted"', "quoted"),
        ("int?", "null", None),
    ],
)
def test_plain_values(schema: str, text: str, value: Any) -> None:
    assert value_of(as_shape(schema), text) == value


@pytest.mark.parametrize(
    ("schema", "text", "reason", "said"),
    [
        ("int", "4", "length", "token limit"),
        ("str", "Some wor", "length", "token limit"),
        ("int", "about forty", "stop", "no JSON"),
        ("yes|no", "maybe", "stop", "maybe"),
        ("name", "", "stop", "empty"),
        ("name", '{"type": "object", "properties": {"name": {"type": "string"}}}', "stop", "schema itself"),
        ("name", '{"name": ' + "[" * 5000, "stop", "ends before"),
        ("name", '{"name": "a', "interrupted", "stopped"),
    ],
)
def test_what_is_no_value(schema: str, text: str, reason: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        value_of(as_shape(schema), text, "", reason)


def test_null_for_what_may_be_missing() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}}}
    assert value_of(as_shape(schema), '{"a": null, "b": null}') == {"b": None}


ROWS = st.lists(st.fixed_dictionaries({"name": st.text(max_size=5), "age": st.integers()}), max_size=4)


@given(ROWS, st.booleans(), st.booleans(), st.data())
def test_rows_grow_alike_however_the_text_is_cut(rows: Any, wrapped: bool, ascii_: bool, data: st.DataObject) -> None:
    text = json.dumps({"value": rows} if wrapped else rows, ensure_ascii=ascii_)
    growing, found, place = GrowingValue(as_shape("[name, age int]")), [], 0
    while place < len(text):
        size = data.draw(st.integers(1, 9))
        found += growing.feed(text[place : place + size])
        place += size
    assert found == list(enumerate(rows))


@given(st.text(max_size=80))
def test_any_text_grows_to_something(text: str) -> None:
    for schema in ("[name, age int]", "name, age int", "int"):
        whole, single = GrowingValue(as_shape(schema)), GrowingValue(as_shape(schema))
        assert whole.feed(text) == [part for letter in text for part in single.feed(letter)]
