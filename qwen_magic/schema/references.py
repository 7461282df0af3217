"""References within a JSON Schema: ``{"$ref": "#/$defs/Person"}``."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

_MOST = 50


def target_of(reference: str, root: dict[str, Any]) -> Any:
    """Return what a reference leads to.

    Args:
        reference: ``#``, or ``#/...`` as RFC 6901 writes a place.
        root: the whole schema.

    Raises:
        LookupError: nothing is there, or it leads out of the schema.

    """
    if not reference.startswith("#"):
        raise LookupError(reference)
    found: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            try:
                found = found[int(name)]
            except ValueError:
                raise LookupError(reference) from None
        elif isinstance(found, dict):
            found = found[name]
        else:
            found = None
            break
    if found is None:
        raise LookupError(reference)
    if reference not in ("#", "#/") and not reference.startswith("#/"):
        raise LookupError(reference)
    return found


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the references that it is itself followed; what stands beside one is laid over it.

    Args:
        schema: a schema, or a part of one.
        root: the whole.

    Raises:
        LookupError: one leads nowhere, or in a circle.

    """
    for _ in range(_MOST):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        found = target_of(reference, root)
        if not isinstance(found, dict):
            break
        schema = {**found, **beside}
    raise LookupError(schema["$ref"])
