"""The value of an answer: found in what a model wrote, whatever it wrote around it, and checked.

Known are fences and prose around the value, thinking, a value that is wrapped in an object or a list of its own, a
list as one row a line, a tool call as text, JSON within a JSON text, a choice or a number in plain words, and null for
what may be missing. Nothing is guessed: what does not fit is told with its place.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import SchemaError
from ..text.json_values import find_json, is_json_cut_off
from ..text.thinking import strip_thinking
from .dialects import WRAPPER
from .places import misfit
from .references import resolved
from .wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .shape import Shape

_CUT = {
    "length": (
        "the answer was cut at the token limit before its end",
        "Raise max_tokens, or ask for a shorter answer.",
    ),
    "interrupted": ("the answer was stopped before its end", "Ask again."),
    "error": ("the answer was broken off before its end", "Ask again."),
    "filtered": ("the answer was cut off by a content filter", "Rephrase the prompt, or try another target."),
}
_CALLS = ("arguments", "parameters", "input")
_SCHEMA_WORDS = {"properties", "$defs", "$schema", "required", "additionalProperties", "items", "anyOf", "enum"}
_ORNAMENT = " \t\r\n*_`'\".,;:!()[]<>“”"
_MOST_ROWS = 100_000


def value_of(shape: Shape, text: str, thinking: str = "", finish_reason: str = "stop") -> Any:
    """Find the value of an answer, checked and of the type that was given; see `json_of`."""
    return _found(shape, text, thinking, finish_reason)[1]


def json_of(shape: Shape, text: str, thinking: str = "", finish_reason: str = "stop") -> Any:
    """Find the JSON value of an answer that fits.

    Args:
        shape: the shape that it is to have.
        text: the answer.
        thinking: what the model thought before it; where the answer is empty, the value may stand there.
        finish_reason: how the answer ended.

    Raises:
        SchemaError: there is none, or it does not fit.

    """
    return _found(shape, text, thinking, finish_reason)[0]


def _found(shape: Shape, text: str, thinking: str, finish_reason: str) -> tuple[Any, Any]:
    """Return the value as JSON has it, and as the type has it."""
    said = strip_thinking(text) if "think" in text else text
    source = said if said.strip() else thinking
    first: SchemaError | None = None
    for candidate in _candidates(shape, source, after_thinking=bool(thinking.strip())):
        for value in _unwrapped(shape, candidate):
            try:
                plain = without_nulls(value, shape.json_schema)
                checked = shape.check(plain)
            except SchemaError as error:
                echo = _echo(shape, value)
                if first is None or (first.reason == _ECHO and echo is None):
                    first = echo or error
            else:
                if finish_reason not in _CUT or _is_whole(plain, source):
                    return plain, checked
    cut = _CUT.get(finish_reason)
    if cut and (first is None or is_json_cut_off(source) or finish_reason != "length"):
        broken = misfit((), cut[0])
        broken.hint = cut[1]
        raise broken
    raise first or _nothing(source)


def holds_value(shape: Shape, text: str) -> bool:
    """Tell whether a text has a value that fits."""
    try:
        value_of(shape, text)
    except SchemaError:
        return False
    return True


def _is_whole(value: Any, source: str) -> bool:
    """Tell whether a value of a text that was cut off can be all of it: of 42, a 4 would be a value too."""
    if isinstance(value, (dict, list, bool)) or value is None:
        return True
    return source.rstrip().endswith(('"', "}", "]", "`"))


_ECHO = "the answer is the schema itself, not a value of it"


def _echo(shape: Shape, value: Any) -> SchemaError | None:
    """Return the error of an answer that only repeats the schema; None for any other."""
    if not isinstance(value, dict):
        return None
    schema = shape.json_schema
    own = set(shape.fields)
    words = value.keys() & _SCHEMA_WORDS - own
    typed = value.get("type") in ("object", "array") and "type" not in own
    if value == schema or (words and typed) or ("$defs" in words and "$ref" in value):
        return misfit((), _ECHO)
    return None


def _nothing(source: str) -> SchemaError:
    if not source.strip():
        return misfit((), "the answer is empty")
    if is_json_cut_off(source):
        return misfit((), "the answer ends before its JSON is complete")
    return misfit((), f"there is no JSON in the answer, which begins {shown(' '.join(source.split())[:60])}")


def _candidates(shape: Shape, source: str, *, after_thinking: bool) -> Iterator[Any]:
    """Yield what may be meant, the likeliest first."""
    kinds = _types(shape.json_schema, shape.json_schema)
    scalar = not kinds & {"object", "array"}
    if scalar or "string" in kinds:
        yield from _plain(shape, source.strip(), kinds, scalar=scalar)
    if "array" in kinds and (rows := _rows(source)) is not None:
        yield rows
    for last in (after_thinking, not after_thinking):
        if (found := find_json(source, after_thinking=last)) is not None:
            yield found.value
    if scalar and kinds == {"string"} and "enum" not in json.dumps(shape.json_schema) and source.strip():
        yield source.strip()


def _plain(shape: Shape, text: str, kinds: set[str], *, scalar: bool) -> Iterator[Any]:
    """Yield what a text says that is no JSON: a choice, a number, a yes."""
    with suppress(ValueError, RecursionError):
        yield json.loads(text)
        return
    bare = text.strip(_ORNAMENT)
    for choice in _choices(shape.json_schema, shape.json_schema):
        if isinstance(choice, str) and choice.casefold() == bare.casefold():
            yield choice
    if not scalar:
        return
    if kinds & {"integer", "number"} and re.fullmatch(r"[-+]?\d+(?:\.\d+)?", bare):
        number = float(bare)
        yield int(number) if number.is_integer() else number
    if "boolean" in kinds and bare.casefold() in ("true", "false"):
        yield bare.casefold() == "true"
    if "null" in kinds and bare.casefold() in ("null", "none"):
        yield None


def _rows(source: str) -> list[Any] | None:
    """Read one JSON object a line, with or without commas and a fence, as a list; None where there are not several."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    text = re.sub(r"^```[a-z]*\s*$", "", source.strip(), flags=re.MULTILINE | re.IGNORECASE).strip()
    place = 0
    while place < len(text) and len(found) < _MOST_ROWS:
        if text[place] != "{":
            return None
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return None
        found.append(value)
        while place < len(text) and text[place] in " \t\r\n,;":
            place += 1
    return found if len(found) > 1 else None


def _unwrapped(shape: Shape, value: Any) -> Iterator[Any]:
    """Yield a value as it stands, and what it may be wrapped around."""
    kinds = _types(shape.json_schema, shape.json_schema)
    wraps = isinstance(value, dict) and len(value) == 1
    if wraps and WRAPPER in value and WRAPPER not in shape.fields:
        yield value[WRAPPER]
    yield value
    if wraps and not value.keys() & set(shape.fields):
        (inner,) = value.values()
        yield inner
    if isinstance(value, dict) and "name" in value:
        for name in _CALLS:
            inner = value.get(name)
            if isinstance(inner, str):
                with suppress(ValueError, RecursionError):
                    inner = json.loads(inner)
            if name in value:
                yield from (inner[WRAPPER], inner) if isinstance(inner, dict) and WRAPPER in inner else (inner,)
    if isinstance(value, list) and len(value) == 1:
        yield value[0]
    if isinstance(value, dict) and "array" in kinds:
        yield from (inner for inner in value.values() if isinstance(inner, list))
        yield [value]
    if isinstance(value, str) and kinds & {"object", "array"}:
        with suppress(ValueError, RecursionError):
            yield json.loads(value)


def without_nulls(value: Any, schema: dict[str, Any]) -> Any:
    """Leave out the fields that are null because a decoder had to write them, where they may be missing.

    Args:
        value: a JSON value.
        schema: the user's schema.

    """
    try:
        return _without_nulls(value, [schema], schema)
    except RecursionError:
        return value


def _without_nulls(value: Any, schemas: list[Any], root: dict[str, Any]) -> Any:
    if not isinstance(value, (dict, list)) or not schemas:
        return value
    members = [member for schema in schemas for member in _members(schema, root)]
    if isinstance(value, list):
        items = [member["items"] for member in members if isinstance(member.get("items"), dict)]
        return [_without_nulls(item, items, root) for item in value] if items else value
    objects = [member for member in members if isinstance(member.get("properties"), dict)]
    mapped = [more for member in members if isinstance(more := member.get("additionalProperties"), dict)]
    kept = {}
    for name, item in value.items():
        known = [member["properties"][name] for member in objects if name in member["properties"]]
        spare = objects and all(name not in member.get("required", ()) for member in objects)
        if item is None and known and spare and not any(_takes_null(one, root) for one in known):
            continue
        kept[name] = _without_nulls(item, known or mapped, root)
    return kept


def _members(schema: Any, root: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a schema, references followed, as the members that it is any or all of."""
    if not isinstance(schema, dict):
        return []
    try:
        schema = resolved(schema, root)
    except LookupError:
        return []
    inner = [member for name in ("anyOf", "oneOf", "allOf") for member in schema.get(name, ())]
    return [schema, *(found for member in inner for found in _members(member, root))]


def _types(schema: Any, root: dict[str, Any]) -> set[str]:
    """Tell what types of JSON a value may have; all where nothing is said."""
    found: set[str] = set()
    for member in _members(schema, root):
        kinds = member.get("type")
        found |= set(kinds) if isinstance(kinds, list) else {kinds} if isinstance(kinds, str) else set()
        found |= {"object"} if "properties" in member else set()
        for value in [member["const"]] if "const" in member else member.get("enum", ()):
            found.add(_type(value))
    return found or {"object", "array"}


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = ((str, "string"), ((int, float), "number"), (dict, "object"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _choices(schema: Any, root: dict[str, Any]) -> list[Any]:
    return [value for member in _members(schema, root) for value in member.get("enum", ())]


def _takes_null(schema: Any, root: dict[str, Any]) -> bool:
    members = _members(schema, root)
    kinds = [member.get("type") for member in members]
    said = any(kind == "null" or (isinstance(kind, list) and "null" in kind) for kind in kinds)
    return said or any(None in member.get("enum", ()) for member in members) or members == [{}]
