"""The decoder's schema is in the subset of its dialect, and takes what the user's schema takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from servers.schema_servers import strict_faults, value_for

from qwen_magic.schema import as_shape
from qwen_magic.schema.answers import value_of
from qwen_magic.schema.compact import compact
from qwen_magic.schema.dialects import decoder_schema

LEAVES = st.one_of(
    st.just(({"type": "string", "minLength": 0, "pattern": ".*"}, st.text(max_size=3))),
    st.just(({"type": "integer", "minimum": -5, "maximum": 5, "default": 1}, st.integers(-5, 5))),
    st.just(({"type": "integer", "exclusiveMinimum": 0}, st.integers(1, 9))),
    st.just(({"type": "number", "title": "N"}, st.integers(0, 9).map(float))),
    st.just(({"type": "boolean"}, st.booleans())),
    st.just(({"const": "x"}, st.just("x"))),
    st.just(({"enum": ["a", 1, None]}, st.sampled_from(["a", 1, None]))),
    st.just(({"type": ["string", "null"]}, st.none() | st.just("s"))),
    st.just(({"$ref": "#/$defs/Leaf"}, st.just("leaf"))),
)
Pair = tuple[dict[str, Any], st.SearchStrategy[Any]]


def arrays(item: Pair) -> Pair:
    schema, values = item
    return {"type": "array", "items": schema, "minItems": 1, "maxItems": 3}, st.lists(values, min_size=1, max_size=3)


def objects(fields: dict[str, tuple[Pair, bool]]) -> Pair:
    properties = {name: pair[0] for name, (pair, _) in fields.items()}
    needed = [name for name, (_, required) in fields.items() if required]
    values = st.fixed_dictionaries({name: pair[1] for name, (pair, _) in fields.items()})
    return {"type": "object", "properties": properties, "required": needed}, values


def unions(pairs: list[Pair]) -> Pair:
    return {"anyOf": [schema for schema, _ in pairs]}, st.one_of([values for _, values in pairs])


PAIRS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(arrays),
        st.dictionaries(st.sampled_from("abcd"), st.tuples(inner, st.booleans()), min_size=1, max_size=3).map(objects),
        st.lists(inner, min_size=1, max_size=3).map(unions),
        inner.map(lambda pair: ({"allOf": [pair[0]]}, pair[1])),
    ),
    max_leaves=6,
)


def rooted(pair: Pair) -> dict[str, Any]:
    return {**pair[0], "$defs": {"Leaf": {"type": "string", "description": "a leaf", "examples": ["leaf"]}}}


@given(PAIRS, st.data())
def test_what_the_user_takes_the_decoder_takes(pair: Pair, data: st.DataObject) -> None:
    schema, value = rooted(pair), data.draw(pair[1])
    assert Draft202012Validator(schema).is_valid(value)
    for dialect in ("strict", "grammar"):
        cleaned = decoder_schema(schema, dialect)
        Draft202012Validator.check_schema(cleaned.schema)
        Draft202012Validator(cleaned.schema).validate({"value": value} if cleaned.wrapped else value)


@given(PAIRS)
def test_the_strict_dialect_is_openais_subset(pair: Pair) -> None:
    cleaned = decoder_schema(rooted(pair), "strict")
    assert cleaned.strict
    assert strict_faults(cleaned.schema) == []


@given(PAIRS)
def test_what_a_decoder_writes_fits(pair: Pair) -> None:
    shape = as_shape(rooted(pair))
    for dialect in ("strict", "grammar"):
        cleaned = decoder_schema(shape.json_schema, dialect)
        written = json.dumps(value_for(cleaned.schema))
        if "minimum" in json.dumps(pair[0]) or "Minimum" in json.dumps(pair[0]) or "minItems" in json.dumps(pair[0]):
            continue  # bounds are the check's business
        value_of(shape, written)


KEYS = ("minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "multipleOf")


@given(
    st.sampled_from(["array", "integer", "number", "string"]),
    st.dictionaries(st.sampled_from(KEYS), st.integers(0, 10**7) | st.floats(0, 1e300), max_size=5),
)
def test_no_bounds_contradict_each_other(kind: str, bounds: dict[str, Any]) -> None:
    inner = {"type": kind, **bounds, **({"items": {"type": "string"}} if kind == "array" else {})}
    schema = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    found = decoder_schema(schema, "grammar").schema["properties"]["a"]
    assert found.get("minItems", 0) <= found.get("maxItems", 10**9) <= 10**9
    assert found.get("minimum", -(10**99)) <= found.get("maximum", 10**99)
    assert decoder_schema(schema, "strict").schema["properties"]["a"].keys() <= {"type", "items"}


def test_a_type_that_holds_itself() -> None:
    node = {
        "type": "object",
        "properties": {"n": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
        "required": ["n"],
    }
    schema = {"$ref": "#/$defs/Node", "$defs": {"Node": node}}
    cleaned = decoder_schema(schema, "strict")
    assert cleaned.strict
    assert not cleaned.wrapped
    assert strict_faults(cleaned.schema) == []
    Draft202012Validator(cleaned.schema).validate({"n": [{"n": []}]})
    assert not Draft202012Validator(cleaned.schema).is_valid({"n": [{"n": 3}]})
    assert "another Node" in compact(schema)


def test_a_mapping_is_not_strict() -> None:
    cleaned = decoder_schema(as_shape(dict[str, int]).json_schema, "strict")
    assert not cleaned.strict
    Draft202012Validator(cleaned.schema).validate({"a": 1})


def test_the_compact_form_is_short() -> None:
    schema = as_shape("[name: full name, age int?, mood: happy|sad, born date]").json_schema
    text = compact(schema)
    assert text == (
        '[{\n  "name": string  (full name),\n  "age": integer or null,\n  "mood": "happy" or "sad",\n'
        '  "born": date as YYYY-MM-DD\n}, ...]'
    )
