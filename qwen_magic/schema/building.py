"""Kinds made of other kinds: plain values, choices, lists, records."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from .kinds import Kind, as_it_is
from .places import misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .kinds import Convert
    from .places import Place


def converting(make: Callable[[Any], Any], what: str = "") -> Convert:
    """Return a conversion by a function that raises a ValueError, TypeError or OverflowError for what it cannot take.

    Args:
        make: the function.
        what: what a value is that it takes, "a date"; "" for its own words.

    """

    def convert(value: Any, place: Place) -> Any:
        try:
            return make(value)
        except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
            reason = f"{value!r:.80} is not {what}" if what else str(error) or type(error).__name__
            raise misfit(place, reason) from None

    return convert


def moment(text: str) -> datetime:
    """Read a time as RFC 3339 has it."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "zZ" and text else text)


def _finite(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(number)
    return number


PLAIN: dict[str, Kind] = {
    "str": Kind({"type": "string"}),
    "int": Kind({"type": "integer"}, converting(int)),
    "float": Kind({"type": "number"}, converting(_finite, "a number")),
    "bool": Kind({"type": "boolean"}),
    "date": Kind({"type": "string", "format": "date"}, converting(date.fromisoformat, "a date such as 2024-05-31")),
}
"""The plain kinds by their Python names."""


def choice(values: Sequence[Any], convert: Convert = as_it_is) -> Kind:
    """Return the kind of one of several JSON values."""
    schema: dict[str, Any] = {"enum": list(values)}
    if all(isinstance(value, str) for value in values):
        schema = {"type": "string", **schema}
    return Kind(schema, convert)


def nullable(kind: Kind) -> Kind:
    """Return a kind whose value may be null."""

    def convert(value: Any, place: Place) -> Any:
        return None if value is None else kind.convert(value, place)

    def either(schema: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [schema, {"type": "null"}]} if schema else schema

    checked = None if kind.checked is None else either(kind.checked)
    return Kind(either(kind.schema), convert, kind.fields, checked)


def array(kind: Kind, make: Callable[[list[Any]], Any] = list) -> Kind:
    """Return the kind of a list.

    Args:
        kind: what its items are.
        make: makes the value of a list of them.

    """

    def convert(value: Any, place: Place) -> Any:
        return make([kind.convert(item, (*place, index)) for index, item in enumerate(value)])

    checked = None if kind.checked is None else {"type": "array", "items": kind.checked}
    return Kind({"type": "array", "items": kind.schema}, convert, checked=checked)


def mapping(kind: Kind) -> Kind:
    """Return the kind of a mapping from texts."""

    def convert(value: Any, place: Place) -> Any:
        return {name: kind.convert(item, (*place, name)) for name, item in value.items()}

    checked = None if kind.checked is None else {"type": "object", "additionalProperties": kind.checked}
    return Kind({"type": "object", "additionalProperties": kind.schema}, convert, checked=checked)


def record(
    fields: Mapping[str, Kind],
    needed: Sequence[str],
    make: Callable[[dict[str, Any]], Any] = dict,
    *,
    missing: Any = None,
    fills: bool = False,
    title: str = "",
) -> Kind:
    """Return the kind of an object with fields.

    Args:
        fields: what each is, in order.
        needed: the names of those that must be there.
        make: makes the value of them by name; what it raises says why it cannot.
        missing: what stands for one that is not there, where it ``fills``.
        fills: whether one that is not there is handed on all the same.
        title: the object's name, or "".

    """
    making = converting(make)

    def convert(value: Any, place: Place) -> Any:
        found = {
            name: kind.convert(value[name], (*place, name)) if name in value else missing
            for name, kind in fields.items()
            if fills or name in value
        }
        return making(found, place)

    def of(schemas: dict[str, Any]) -> dict[str, Any]:
        head = {"title": title} if title else {}
        return head | {"type": "object", "properties": schemas, "required": list(needed)}

    loose = any(kind.checked is not None for kind in fields.values())
    checked = {name: kind.schema if kind.checked is None else kind.checked for name, kind in fields.items()}
    return Kind(
        of({name: kind.schema for name, kind in fields.items()}),
        convert,
        tuple(fields),
        of(checked) if loose else None,
    )


def described(kind: Kind, what: str) -> Kind:
    """Return a kind that says what it is."""
    return replace(kind, schema={**kind.schema, "description": what}) if what else kind
