"""The short form of a schema: what is written comes back, and whatever is not one is refused in one line."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import SchemaError, UsageError
from qwen_magic.schema import as_shape

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
WORDS = st.from_regex(r"[a-z]{2,6}( [a-z]{2,6})?", fullmatch=True).filter(
    lambda word: (
        word not in ("str", "int", "float", "bool", "date", "text", "string", "integer", "number", "boolean", "null")
    )
)
TYPES = {"": "string", "str": "string", "int": "integer", "float": "number", "bool": "boolean", "date": "string"}
CHOICES = st.lists(WORDS, min_size=2, max_size=4, unique=True)
FIELDS = st.dictionaries(
    NAMES,
    st.tuples(st.sampled_from(sorted(TYPES)) | CHOICES, st.booleans(), st.just("") | WORDS),
    min_size=1,
    max_size=6,
)


def written(fields: dict[str, Any], mark: str) -> str:
    parts = []
    for name, (kind, optional, what) in fields.items():
        choices = isinstance(kind, list)
        type_ = "" if choices or not kind else f" {kind}"
        said = f": {'|'.join(kind)}" if choices else f": {what}" if what else ""
        parts.append(f"{name}{type_}{'?' if optional else ''}{said}")
    return mark.join(parts)


def meant(fields: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, (kind, optional, what) in fields.items():
        inner: dict[str, Any] = {"type": "string", "enum": kind} if isinstance(kind, list) else {"type": TYPES[kind]}
        if kind == "date":
            inner["format"] = "date"
        if what and not isinstance(kind, list):
            inner["description"] = what
        properties[name] = {"anyOf": [inner, {"type": "null"}]} if optional else inner
    needed = [name for name, (_, optional, _) in fields.items() if not optional]
    return {"type": "object", "properties": properties, "required": needed}


@given(FIELDS, st.sampled_from([", ", ",", "\n", ",\n", " ,  "]), st.booleans())
def test_what_is_written_is_meant(fields: dict[str, Any], mark: str, rows: bool) -> None:
    text = written(fields, mark)
    if list(fields) == ["date"] and text == "date":
        return  # a bare type is a value
    if len(fields) == 1 and text.removesuffix("?") in TYPES:
        return
    shape = as_shape(f"[{text}]" if rows else text)
    found = shape.json_schema["items"] if rows else shape.json_schema
    assert found == meant(fields)
    assert shape.fields == (() if rows else tuple(fields))


@pytest.mark.parametrize(
    "text",
    [
        "name, age int?, mood: happy|sad|neutral, when date: the day, tags [str]",
        "[name: full name, as printed\nage int: in years\nmood happy|sad: how it sounds]",
    ],
)
def test_each_beginning_is_read_or_refused_in_one_line(text: str) -> None:
    for end in range(len(text) + 1):
        try:
            as_shape(text[:end])
        except UsageError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017


@given(st.text(max_size=60) | st.text("ab ,:|?[]\n\"'int", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        shape = as_shape(text)
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert as_shape(text) == shape


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("name, age itn", 'field 2, "age itn": itn is not a type', "Did you mean int?"),
        ("name, , age", "field 2", "between the commas"),
        ("name, name int", "field 2", "another name"),
        ("name, 2nd", 'field 2, "2nd"', ""),
        ("name, mood: happy|", "field 2", "happy|sad"),
        ("mood: happy|happy", "happy is there twice", ""),
        ("name, tags [str", "opening bracket without", ""),
        ("name]", "closing bracket without", ""),
        ("[]", "the list has no type of items", ""),
        ("int|str", "these are several types", "?"),
        ("  ", "empty", "name, age int"),
        ("x int int", "int int is not a type", ""),
    ],
)
def test_a_mistake_is_shown_where_it_stands(text: str, place: str, hint: str) -> None:
    with pytest.raises(UsageError) as failure:
        as_shape(text)
    assert place in failure.value.what
    assert hint in failure.value.hint


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("yes|no|unclear", "no", "no"),
        ("int", 3.0, 3),
        ("float", 3, 3.0),
        ("bool?", None, None),
        ("date", "2024-05-31", date(2024, 5, 31)),
        ("[str]", ["a"], ["a"]),
        ("[yes|no]", ["no", "yes"], ["no", "yes"]),
        ("name, age int?", {"name": "a"}, {"name": "a", "age": None}),
        ("[name, on date]", [{"name": "a", "on": "2024-01-02"}], [{"name": "a", "on": date(2024, 1, 2)}]),
    ],
)
def test_values(text: str, value: Any, found: Any) -> None:
    checked = as_shape(text).check(value)
    assert checked == found
    assert type(checked) is type(found)


@pytest.mark.parametrize(
    ("text", "value", "path", "reason"),
    [
        ("name, age int", {"name": "a", "age": "forty"}, "age", '"forty" is not an integer'),
        ("name, age int", {"name": "a"}, "age", "it is missing"),
        ("[name, age int]", [{"name": "a", "age": 1}, {"name": "b", "age": True}], "[1].age", "true is not an integer"),
        ("yes|no", "maybe", "", '"maybe" is not "yes" or "no"'),
        ("on date", {"on": "2024-13-01"}, "on", "'2024-13-01' is not a date such as 2024-05-31"),
        ("age int?", {"age": "x"}, "age", '"x" is not an integer'),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, value: Any, path: str, reason: str) -> None:
    with pytest.raises(SchemaError) as failure:
        as_shape(text).check(value)
    assert (failure.value.path, failure.value.reason) == (path, reason)


def test_a_row() -> None:
    shape = as_shape("name, age int?")
    assert shape.row(shape.check({"name": "a"})) == {"name": "a", "age": None}
    assert as_shape("int").row(3) == {"value": 3}
    assert as_shape("[name]").row([{"name": "a"}]) == {"value": [{"name": "a"}]}
