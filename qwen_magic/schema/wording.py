"""What is wrong with a value, in a few words for a person and for the model that is asked again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from .places import Place

_LONGEST = 80
_NOUNS = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_BOUNDS = {
    "minimum": "is less than",
    "maximum": "is more than",
    "exclusiveMinimum": "is not more than",
    "exclusiveMaximum": "is not less than",
    "multipleOf": "is not a multiple of",
}
_COUNTS = {
    "minItems": "it has {} items, and must have at least {}",
    "maxItems": "it has {} items, and may have at most {}",
    "minLength": "it has {} characters, and must have at least {}",
    "maxLength": "it has {} characters, and may have at most {}",
    "minProperties": "it has {} fields, and must have at least {}",
    "maxProperties": "it has {} fields, and may have at most {}",
}


def shown(value: Any) -> str:
    """Write a value in a few characters, as JSON has it."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)[: 2 * _LONGEST]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def reason_of(error: ValidationError) -> tuple[Place, str]:  # noqa: PLR0911 - a table
    """Say where a value does not fit, and why."""
    place = tuple(error.absolute_path)
    value, rule, instance = error.validator_value, str(error.validator), error.instance
    match rule:
        case "type":
            nouns = [_NOUNS.get(name, name) for name in ([value] if isinstance(value, str) else value)]
            return place, f"{shown(instance)} is not {_either(nouns)}"
        case "enum" | "const":
            return place, f"{shown(instance)} is not {_either(list(map(shown, value if rule == 'enum' else [value])))}"
        case "required":
            missing = next((name for name in value if name not in instance), "")
            return (*place, missing), "it is missing"
        case "additionalProperties" if value is False:
            known = error.schema.get("properties", {})
            extra = next((name for name in instance if name not in known), "")
            return (*place, extra), f"there is no such field; there are {', '.join(known) or 'none'}"
        case "anyOf" | "oneOf" if error.context:
            return _of_several(error, place)
        case "pattern":
            return place, f"{shown(instance)} does not match {value}"
        case _ if rule in _BOUNDS:
            return place, f"{shown(instance)} {_BOUNDS[rule]} {shown(value)}"
        case _ if rule in _COUNTS:
            return place, _COUNTS[rule].format(len(instance), value)
    return place, str(error.message)


def _of_several(error: ValidationError, place: Place) -> tuple[Place, str]:
    """Say why a value is none of several: of those that could be meant, the one that it comes nearest to."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [found for found in branches.values() if not _is_of_another_type(found)]
    if len(meant) == 1 or (meant and all(len(found[0].absolute_path) > len(place) for found in meant)):
        return reason_of(max(meant[0], key=lambda inner: len(inner.absolute_path)))
    nouns: list[str] = []
    for found in branches.values():
        words = reason_of(found[0])[1].partition(" is not ")[2]
        nouns += [words] if words and words != "null" else []
    return place, f"{shown(error.instance)} is not {_either(nouns)}" if nouns else f"{shown(error.instance)} fits none"


def _is_of_another_type(errors: list[ValidationError]) -> bool:
    return any(inner.validator == "type" and not inner.relative_path for inner in errors)


def _either(words: list[str]) -> str:
    known = list(dict.fromkeys(words))
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} or {known[-1]}" if known else "anything"
