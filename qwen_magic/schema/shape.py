"""The shape that an answer is to have, made of whatever says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .from_frames import is_frame, kind_of_frame
from .from_json_schema import kind_of_schema
from .from_types import is_type, kind_of_type, title_of
from .short_form import kind_of_text
from .validation import check, load_soon

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kinds import Kind

HINT = (
    "Give a pydantic model, dataclass, TypedDict, Enum, Literal or plain type, a list of one, a JSON Schema, an "
    'example DataFrame, or a text such as "name, age int, mood: happy|sad".'
)


@dataclass(frozen=True, eq=False)
class Shape:
    """The shape of a value; `as_shape` makes one.

    Attributes:
        source: what says it: a type, a schema, a DataFrame or a text.
        json_schema: the JSON Schema that says the same.
        title: its name in a few letters: of a type, its own.
        fields: the names of an object's fields; () of a plain value or a list.

    """

    source: object = field(repr=False)
    json_schema: dict[str, Any] = field(repr=False)
    title: str
    fields: tuple[str, ...]
    _kind: Kind = field(repr=False)

    def __reduce__(self) -> tuple[Callable[[object], Shape], tuple[object]]:
        return as_shape, (self.source,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Shape):
            return NotImplemented
        return self.canonical == other.canonical and type(self.source) is type(other.source)

    def __hash__(self) -> int:
        return hash(self.canonical)

    @cached_property
    def canonical(self) -> str:
        """The JSON Schema as one text, the same in any session."""
        return json.dumps(self.json_schema, ensure_ascii=False, separators=(",", ":"))

    def check(self, value: Any) -> Any:
        """Check a JSON value and convert it.

        Args:
            value: what `json.loads` returns.

        Returns:
            The value, of the type that was given.

        Raises:
            SchemaError: it does not fit; the first place where it does not, and why.

        """
        check(value, self.json_schema if self._kind.checked is None else self._kind.checked)
        return self._kind.convert(value, ())

    def row(self, value: Any) -> dict[str, Any]:
        """Return a checked value as columns.

        Args:
            value: what `check` returned.

        Returns:
            Each field of an object by its name; any other value as "value".

        """
        if not self.fields:
            return {"value": value}
        if isinstance(value, Mapping):
            return {name: value.get(name) for name in self.fields}
        return {name: getattr(value, name, None) for name in self.fields}


def as_shape(given: object) -> Shape:
    """Make the shape that something says.

    Args:
        given: a pydantic model, dataclass, TypedDict, Enum, ``Literal``, ``bool``, ``int``, ``float``, ``str``, a list,
            dict or union of such, a JSON Schema as a dict, an example DataFrame for a list of rows like its own, or a
            text in the short form: ``"name, age int, mood: happy|sad"``; a Shape stays what it is.

    Raises:
        UsageError: it is no schema; in one line that shows where it is not.

    """
    if isinstance(given, Shape):
        return given
    title = "answer"
    try:
        if isinstance(given, str):
            kind = kind_of_text(given)
        elif isinstance(given, Mapping):
            kind = kind_of_schema(given)
            title = str(kind.schema.get("title") or title)
        elif is_frame(given):
            kind = kind_of_frame(given)
        elif given is not None and is_type(given):
            kind, title = kind_of_type(given), title_of(given)
        else:
            raise UsageError(f"a schema of type {type(given).__name__}", hint=HINT)
    except RecursionError:
        raise UsageError("the schema is nested too deeply", hint="Give a flatter one.") from None
    load_soon()
    return Shape(given, kind.schema, title, kind.fields, kind)
