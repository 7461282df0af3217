"""Pydantic's models as kinds, of version 2 and of version 1; pydantic itself checks them, and is not imported here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .kinds import Kind
from .places import misfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .places import Place


def is_model(given: type) -> bool:
    """Tell whether a class is a pydantic model."""
    return hasattr(given, "model_json_schema") or (hasattr(given, "parse_obj") and hasattr(given, "schema"))


def kind_of_model(given: Any, defs: dict[str, Any], checked_defs: dict[str, Any]) -> Kind:
    """Return the kind of a model, which checks its values by itself.

    Args:
        given: the model.
        defs: takes the definitions that its schema refers to.
        checked_defs: takes them as well.

    """
    modern = hasattr(given, "model_json_schema")
    schema: dict[str, Any] = json.loads(json.dumps(given.model_json_schema() if modern else given.schema()))
    names = tuple(given.model_fields if modern else given.__fields__)
    own = {**schema.pop("definitions", {}), **schema.pop("$defs", {})}
    renamed = {}
    for name, definition in own.items():
        free = name
        while free in defs and defs[free] != definition:
            free += "_"
        renamed[name] = free
    for name, definition in own.items():
        _rename(definition, renamed)
        defs[renamed[name]] = checked_defs[renamed[name]] = definition
    _rename(schema, renamed)

    def convert(value: Any, place: Place) -> Any:
        try:
            return given.model_validate_json(json.dumps(value)) if modern else given.parse_obj(value)
        except ValueError as error:  # pydantic's ValidationError is one
            tell: Any = getattr(error, "errors", None)
            listed = tell() if callable(tell) else []
            first = listed[0] if listed else {"loc": (), "msg": str(error)}
            steps = tuple(step for step in first["loc"] if isinstance(step, (int, str)) and step != "__root__")
            raise misfit((*place, *_there(steps, value)), _words(first)) from None

    return Kind(schema, convert, names, checked={})


def _there(steps: tuple[int | str, ...], value: Any) -> Iterator[int | str]:
    """Leave out the steps that name a member of a union: there is no such place in the value."""
    for number, step in enumerate(steps):
        inside = isinstance(value, dict) or (isinstance(value, list) and isinstance(step, int))
        if not inside:
            return
        known = step in value if isinstance(value, dict) else True
        if known or number == len(steps) - 1:
            yield step
        if known:
            value = value[step] if known and (isinstance(value, dict) or step in range(len(value))) else None


def _words(error: dict[str, Any]) -> str:
    words = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    words = words[:1].lower() + words[1:]
    given = error.get("input")
    shown = repr(given) if isinstance(given, (str, int, float, bool, type(None))) else ""
    return f"{shown[:80]}: {words}" if shown else words


def _rename(schema: Any, names: dict[str, str]) -> None:
    """Point all references of a schema to where the definitions are."""
    if isinstance(schema, list):
        for item in schema:
            _rename(item, names)
    if not isinstance(schema, dict):
        return
    for key, item in schema.items():
        if key == "$ref" and isinstance(item, str):
            name = item.rpartition("/")[2]
            schema[key] = f"#/$defs/{names.get(name, name)}"
        else:
            _rename(item, names)
