"""What a type is in JSON: its schema, and how a value that was checked against it becomes one of that type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .places import Place

    Convert = Callable[[Any, Place], Any]


def as_it_is(value: Any, _place: Place) -> Any:
    """Convert nothing."""
    return value


@dataclass(frozen=True)
class Kind:
    """One type, as JSON has it.

    Attributes:
        schema: its JSON Schema.
        convert: makes the type's own value of one that was checked, which stands at a place; raises a SchemaError
            where the type does not take it.
        fields: the names of its fields where it is an object with such.
        checked: the schema that a value is checked against first, where the type checks a part by itself; or None.

    """

    schema: dict[str, Any]
    convert: Convert = as_it_is
    fields: tuple[str, ...] = ()
    checked: dict[str, Any] | None = None
