"""Types as schemas: what each is in JSON, the value that comes of it, and what is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum, IntEnum, auto
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import pandas as pd
import polars as pl
import pydantic
import pytest
from typing_extensions import NotRequired

from qwen_magic.errors import SchemaError, UsageError
from qwen_magic.schema import as_shape
from qwen_magic.schema.answers import value_of


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Colour(Enum):
    RED = auto()


class Nothing(Enum):
    pass


@dataclass
class Person:
    """A person."""

    name: str
    age: int | None = None
    moods: list[Mood] = field(default_factory=list)


@dataclass
class Node:
    name: str
    children: list[Node]


class Film(TypedDict):
    title: str
    year: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: float = 2.0


class Model(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0, description="in years")
    friends: list[Model] = []


@dataclass
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("the number must be positive")


@dataclass
class Geo:
    place: complex


@dataclass
class Address:
    geo: Geo


Age = NewType("Age", int)


@pytest.mark.parametrize(
    ("given", "value", "found"),
    [
        (bool, True, True),
        (int, 3.0, 3),
        (float, 3, 3.0),
        (str, "a", "a"),
        (None.__class__, None, None),
        (Mood, "happy", Mood.HAPPY),
        (Level, "HIGH", Level.HIGH),
        (Level, 2, Level.HIGH),
        (Colour, "RED", Colour.RED),
        (Literal["a", 1], 1, 1),
        (Literal[Mood.SAD], "sad", Mood.SAD),
        (list[int], [1], [1]),
        (list, [1, "a"], [1, "a"]),
        (Sequence[Mood], ["sad"], [Mood.SAD]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[str], ["a", "a"], {"a"}),
        (dict[str, Person], {"k": {"name": "a"}}, {"k": Person("a")}),
        (dict[str, Any], {"k": [1]}, {"k": [1]}),
        (int | str, "a", "a"),
        (Person | Mood, "sad", Mood.SAD),
        (Person | None, None, None),
        (Person | None, {"name": "a", "moods": ["sad"]}, Person("a", None, [Mood.SAD])),
        (list[Person], [{"name": "a", "age": 3}], [Person("a", 3)]),
        (Node, {"name": "a", "children": [{"name": "b", "children": []}]}, Node("a", [Node("b", [])])),
        (Film, {"title": "a"}, {"title": "a"}),
        (Point, {"x": 1}, Point(1)),
        (date, "2024-05-31", date(2024, 5, 31)),
        (datetime, "2024-05-31T12:00:00Z", datetime(2024, 5, 31, 12, tzinfo=timezone.utc)),
        (Decimal, 1.5, Decimal("1.5")),
        (Annotated[int, "how old"], 3, 3),
        (Age, 3, 3),
        (Model, {"name": "a", "age": "3"}, Model(name="a", age=3)),
        (list[Model], [{"name": "a", "age": 3}], [Model(name="a", age=3)]),
        (dict[str, Model | None], {"a": None}, {"a": None}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": 1}, {"a": 1}),
        ({"name": "x", "schema": {"type": "integer"}}, 3, 3),
    ],
)
def test_the_value_is_of_the_type(given: Any, value: Any, found: Any) -> None:
    shape = as_shape(given)
    json.dumps(shape.json_schema)
    checked = value_of(shape, json.dumps(value))
    assert checked == found
    assert type(checked) is type(found)
    assert as_shape(shape) is shape
    assert as_shape(given).canonical == shape.canonical
    assert pickle.loads(pickle.dumps(shape)) == shape
    assert len({shape, as_shape(given)}) == 1


@pytest.mark.parametrize(
    ("given", "value", "place"),
    [
        (list[Person], [{"name": "a"}, {"name": "b", "age": "x"}], "[1].age"),
        (dict[str, Person], {"k": {}}, "k.name"),
        (Node, {"name": "a", "children": [{"name": 3, "children": []}]}, "children[0].name"),
        (list[Model], [{"name": "a", "age": -1}], "[0].age"),
        (Model, {"name": "a", "age": 1, "friends": [{"name": "b"}]}, "friends[0].age"),
        (list[date], ["2024-01-01", "x"], "[1]"),
        (list[Positive], [{"number": 1}, {"number": -1}], "[1]"),
        (dict[str, int], {"first name": "x"}, '["first name"]'),
        (tuple[int, str], [1], ""),
    ],
)
def test_a_place_is_named_to_the_letter(given: Any, value: Any, place: str) -> None:
    with pytest.raises(SchemaError) as failure:
        as_shape(given).check(value)
    assert failure.value.path == place
    assert failure.value.reason
    assert "pydantic" not in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (complex, "complex"),
        (list[complex], "complex"),
        (Address, "Address.geo.place is complex"),
        (dict[int, str], "keys"),
        (Literal[b"x"], "Literal"),
        (Nothing, "without members"),
        (5, "type int"),
        (None, "type NoneType"),
        (len, "type builtin"),
        ([str], "type list"),
        (Person("a"), "type Person"),
        ({}, "empty"),
        ({"name": "str", "age": 3}, "does not describe"),
        ({"type": "object", "properties": {"age": {"type": "intger"}}}, "properties.age.type"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/B"}}}, "#/$defs/B is not in it"),
        ({"$ref": "https://example.org/schema"}, "is not in it"),
        ({"enum": [object()]}, "is not JSON"),
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns a"),
        (pd.DataFrame({"z": [1j]}), "column z"),
    ],
)
def test_what_is_no_schema_is_refused(given: Any, said: str) -> None:
    with pytest.raises(UsageError) as failure:
        as_shape(given)
    assert said in failure.value.what
    assert "\n" not in str(failure.value)
    assert failure.value.hint


EXAMPLE = pd.DataFrame(
    {
        "name": ["a", None],
        "count": pd.array([1, None], dtype="Int64"),
        "when": pd.to_datetime(["2020-01-01", "2020-01-02"]),
        "kind": pd.Categorical(["x", "y"]),
        3: [1.5, 2.5],
        "on": [date(2020, 1, 1), date(2020, 1, 2)],
        "tags": [["a"], []],
    }
)


def test_an_example_frame() -> None:
    row: dict[str, Any] = {
        "name": None,
        "count": None,
        "when": "2021-05-06T00:00:00",
        "kind": "y",
        "3": 1,
        "on": "2021-01-01",
        "tags": [],
    }
    shape = as_shape(EXAMPLE)
    found = shape.check([row, {**row, "count": 4}])
    assert list(found.columns) == list(EXAMPLE.columns)
    assert found.dtypes.tolist() == EXAMPLE.dtypes.tolist()
    assert found["on"][0] == date(2021, 1, 1)
    assert list(shape.check([]).columns) == list(EXAMPLE.columns)
    for name, value, place in (("kind", "z", "[0].kind"), ("when", "soon", "[0].when"), ("tags", [1], "[0].tags[0]")):
        with pytest.raises(SchemaError) as failure:
            shape.check([{**row, name: value}])
        assert failure.value.path == place


def test_an_example_of_polars() -> None:
    example = pl.DataFrame({"a": [1], "b": ["x"], "c": [date(2020, 1, 1)], "d": [datetime(2020, 1, 1)]})  # noqa: DTZ001
    found = as_shape(example).check([{"a": 2, "b": "y", "c": "2021-01-01", "d": "2021-01-01T10:00:00"}])
    assert found.schema == example.schema
    assert found["c"][0] == date(2021, 1, 1)


@pytest.mark.server
def test_pydantic_is_only_where_the_user_brings_it() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from qwen_magic.schema import as_shape; s = as_shape('name, age int'); s.check({'name': 'a', 'age': 1});"
        "assert not {'pydantic', 'pandas', 'polars', 'IPython'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_titles_and_fields() -> None:
    assert as_shape(list[Person]).title == "Person"
    assert as_shape(Person).fields == ("name", "age", "moods")
    assert as_shape(Person).row(Person("a", 3)) == {"name": "a", "age": 3, "moods": []}
    assert as_shape(Model).row(Model(name="a", age=1)) == {"name": "a", "age": 1, "friends": []}
    assert as_shape(Film).row({"title": "x"}) == {"title": "x", "year": None}
    assert as_shape(int).row(3) == {"value": 3}
