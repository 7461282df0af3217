"""A JSON Schema that the user wrote: checked, and made into plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from .kinds import Kind
from .places import written
from .references import resolved

_SAYS = (
    *("type", "enum", "const", "properties", "items", "anyOf", "oneOf", "allOf", "$ref", "additionalProperties"),
    *("required", "prefixItems", "pattern", "format", "minimum", "maximum", "not", "if", "patternProperties"),
)
"""The keywords of which a schema that says anything has one."""
_HINT = 'Write {"type": "object", "properties": {"name": {"type": "string"}}}, or a text such as "name, age int".'


def kind_of_schema(given: Mapping[str, Any]) -> Kind:
    """Take a JSON Schema.

    Args:
        given: the schema, or OpenAI's ``{"name": ..., "schema": {...}}`` around one.

    Raises:
        UsageError: it is none; the place where it is not is named.

    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - loaded on first use
    from jsonschema.exceptions import SchemaError as NoSchema  # noqa: PLC0415
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    inner = given.get("json_schema", given)
    inner = inner.get("schema", inner) if isinstance(inner, Mapping) and not _says(inner) else given
    try:
        schema = json.loads(json.dumps(inner, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the schema is not JSON: {error}", hint=_HINT) from None
    if not isinstance(schema, dict) or not _says(schema):
        what = (
            f"not a JSON Schema: it does not describe a value ({', '.join(map(str, list(given)[:5])) or 'it is empty'})"
        )
        raise UsageError(what, hint=_HINT)
    try:
        Draft202012Validator.check_schema(schema)
    except NoSchema as error:
        inmost = best_match([error]) or error
        place = written(inmost.absolute_path)
        raise UsageError(f"it is not a JSON Schema: {place or 'the whole'}: {_words(inmost)}", hint=_HINT) from None
    except RecursionError:
        raise UsageError("the schema is nested too deeply", hint="Give a flatter one.") from None
    _check_names(schema, ())
    properties = resolved(schema, schema).get("properties")
    fields = tuple(properties) if isinstance(properties, dict) and schema.get("type", "object") == "object" else ()
    return Kind(schema, fields=fields)


def _says(schema: Mapping[str, Any]) -> bool:
    return any(name in schema for name in _SAYS)


def _words(error: Any) -> str:
    if error.validator in ("enum", "anyOf", "type") and error.absolute_path and error.absolute_path[-1] == "type":
        types = "array, boolean, integer, null, number, object or string"
        return f"{error.instance!r:.60} is not a type; the types are {types}"
    return str(error.message)[:200]


def _check_names(schema: Any, place: tuple[str | int, ...]) -> None:
    """Refuse a reference that leads nowhere, and one to another document, which nobody fetches."""
    stack = [(schema, place)]
    while stack:
        item, at = stack.pop()
        if isinstance(item, list):
            stack += [(inner, (*at, number)) for number, inner in enumerate(item)]
        if not isinstance(item, dict):
            continue
        reference = item.get("$ref")
        if isinstance(reference, str) and (not at or at[-1] not in ("properties", "$defs", "definitions")):
            try:
                resolved(item, schema)
            except LookupError:
                what = f"it is not a JSON Schema: {written((*at, '$ref'))}: {reference} is not in it"
                raise UsageError(what, hint="Put it below $defs.") from None
        stack += [(inner, (*at, name)) for name, inner in item.items() if name not in ("enum", "const", "examples")]
