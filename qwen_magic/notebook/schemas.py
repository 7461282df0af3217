"""The value of ``--schema``: a name of the notebook, or a schema in the short form."""

from __future__ import annotations

import re
import sys
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..schema import Shape

TYPES = ("str", "int", "float", "bool", "date")
"""The types that a value alone may have."""
_NAMED = re.compile(r"(?P<open>(?:list)?\[)?\s*(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?P<close>\])?")
_LONGEST_TEXT = 2000
_OF_SCHEMAS = {"type", "properties", "enum", "anyOf", "$ref", "$defs", "items"}


def shape_of(text: str, namespace: Mapping[str, Any]) -> Shape:
    """Return the shape that ``--schema`` names.

    Args:
        text: what was written: a name of the notebook, ``[Name]`` for a list of it, or the short form.
        namespace: the names of the notebook.

    Raises:
        UsageError: there is no such name, or it is no schema.

    """
    from ..schema import as_shape  # noqa: PLC0415 - only where one is asked for

    match = _NAMED.fullmatch(text.strip())
    if match is None or bool(match["open"]) != bool(match["close"]):
        return as_shape(text)
    name = match["name"]
    first, *rest = name.split(".")
    if first not in namespace:
        if name in TYPES:
            return as_shape(text.strip().removeprefix("list"))
        what = f"there is no {first} in this notebook to use as a schema"
        raise UsageError(what, hint=f'If it is the name of a field, write --schema "{first} str".')
    found = namespace[first]
    for step in rest:
        if not hasattr(found, step):
            raise UsageError(f"{first} has no {step} to use as a schema", hint="Check the name.")
        found = getattr(found, step)
    if match["open"] and isinstance(found, str):
        return as_shape(f"[{found}]")
    if match["open"] and isinstance(found, dict):
        return as_shape({"type": "array", "items": found})
    try:
        return as_shape(GenericAlias(list, (found,)) if match["open"] else found)
    except UsageError as error:
        raise UsageError(f"--schema {name}: {error.what}", hint=error.hint) from None


def schema_names(namespace: Mapping[str, Any]) -> Iterable[str]:
    """Yield the names of a notebook that may be schemas, and the plain types."""
    for name, value in namespace.items():
        if not name.startswith("_") and _may_be_schema(value):
            yield name
    yield from TYPES


def _may_be_schema(value: Any) -> bool:
    if isinstance(value, type):
        marks = (
            "__dataclass_fields__",
            "__required_keys__",
            "model_json_schema",
            "__members__",
            "_fields",
            "parse_obj",
        )
        return any(hasattr(value, mark) for mark in marks)
    if isinstance(value, dict):
        return bool(value.keys() & _OF_SCHEMAS)
    if isinstance(value, str):
        return len(value) < _LONGEST_TEXT and bool(re.search(r"\w[ :]\s*\w+\s*,|\|", value))
    frames = (getattr(sys.modules.get(library), "DataFrame", ()) for library in ("pandas", "polars"))
    return any(isinstance(value, frame) for frame in frames) or hasattr(value, "__origin__")
