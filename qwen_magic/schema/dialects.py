"""The decoder's schema: the user's, cleaned for what a server's constrained decoding understands.

References are inlined, but for those of a type that holds itself; ``oneOf`` is ``anyOf``; all fields of an object are
required, one that may be missing with null for that; no object has other fields; what a decoder does not know, or what
contradicts itself, is left out. The user's own schema says afterwards whether the value fits.

Source: OpenAI's guide to structured outputs, Azure's list of what strict mode leaves out, and llama.cpp's
``json-schema-to-grammar``, whose server dies of ``minItems`` above ``maxItems``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from .references import resolved

Dialect = Literal["strict", "grammar"]
"""``strict`` is OpenAI's subset, whose root is an object, and no bounds; ``grammar`` is llama.cpp's."""

WRAPPER = "value"
"""The field of the object that is put around a value which is none."""
_TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
_MOST_ITEMS = 100
"""Items that a bound may name: a grammar has each of them."""
_MOST = 2**53
_FORMATS = ("date", "time", "date-time", "uuid")
_DEEPEST = 30


@dataclass(frozen=True)
class DecoderSchema:
    """A schema for a decoder.

    Attributes:
        schema: the schema.
        strict: whether it says of each value what it is: a mapping, or what may be anything, does not.
        wrapped: whether the value is the one field of an object.

    """

    schema: dict[str, Any]
    strict: bool
    wrapped: bool


def decoder_schema(schema: dict[str, Any], dialect: Dialect) -> DecoderSchema:
    """Clean a schema for a decoder.

    Args:
        schema: the user's.
        dialect: what the decoder understands.

    """
    return _cleaned(json.dumps(schema), dialect)


@lru_cache(maxsize=64)
def _cleaned(text: str, dialect: Dialect) -> DecoderSchema:
    root = json.loads(text)
    cleaner = _Cleaner(root, dialect)
    schema = cleaner.clean(root, ())
    if schema.keys() == {"$ref"}:
        schema = cleaner.defs[schema["$ref"].rpartition("/")[2]]
    wrapped = dialect == "strict" and schema.get("type") != "object"
    if wrapped:
        schema = _closed({WRAPPER: schema})
    if cleaner.defs:
        schema = {**schema, "$defs": cleaner.defs}
    return DecoderSchema(schema, cleaner.strict, wrapped)


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class _Cleaner:
    """Cleans the parts of one schema."""

    def __init__(self, root: dict[str, Any], dialect: Dialect) -> None:
        self._root = root
        self._bounds = dialect == "grammar"
        self._names: dict[str, str] = {}
        self.defs: dict[str, Any] = {}
        self.strict = True

    def clean(self, schema: Any, open_: tuple[str, ...]) -> dict[str, Any]:
        """Clean one schema, within the references that are open."""
        if not isinstance(schema, dict) or len(open_) > _DEEPEST:
            return self._anything()
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._referred(schema, reference, open_)
        schema = self._merged(schema)
        cleaned = self._cleaned(schema, open_)
        what = schema.get("description")
        return {**cleaned, "description": what} if isinstance(what, str) and what and "$ref" not in cleaned else cleaned

    def _referred(self, schema: dict[str, Any], reference: str, open_: tuple[str, ...]) -> dict[str, Any]:
        if reference in open_:
            return {"$ref": f"#/$defs/{self._name(reference)}"}
        try:
            found = resolved(schema, self._root)
        except LookupError:
            return self._anything()
        cleaned = self.clean(found, (*open_, reference))
        if reference not in self._names:
            return cleaned
        name = self._names[reference]
        self.defs[name] = cleaned
        # Within another reference it is put in whole: whoever holds himself is referred to from inside alone.
        return {"$ref": f"#/$defs/{name}"}

    def _name(self, reference: str) -> str:
        if reference not in self._names:
            plain = "".join(letter if letter.isalnum() else "_" for letter in reference.rpartition("/")[2]) or "root"
            while plain in self._names.values() or plain == "#":
                plain = f"{plain}_" if plain != "#" else "root"
            self._names[reference] = plain
        return self._names[reference]

    def _anything(self) -> dict[str, Any]:
        self.strict = False
        return {}

    def _merged(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Lay the parts of an ``allOf`` over each other."""
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return schema
        merged = {name: value for name, value in schema.items() if name != "allOf"}
        for part in parts:
            try:
                inner = self._merged(resolved(part, self._root)) if isinstance(part, dict) else {}
            except LookupError:
                inner = {}
            for name, value in inner.items():
                held = merged.get(name)
                if isinstance(held, dict) and isinstance(value, dict):
                    merged[name] = {**held, **value}
                elif isinstance(held, list) and isinstance(value, list) and name == "required":
                    merged[name] = [*held, *value]
                else:
                    merged.setdefault(name, value)
        return merged

    def _cleaned(self, schema: dict[str, Any], open_: tuple[str, ...]) -> dict[str, Any]:
        for name in ("anyOf", "oneOf"):
            if isinstance(members := schema.get(name), list) and members:
                beside = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "description")}
                return _any_of([self.clean(self._beside(member, beside), open_) for member in members])
        if "const" in schema or isinstance(schema.get("enum"), list):
            return self._choice([schema["const"]] if "const" in schema else schema["enum"])
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return _any_of([self._typed({**schema, "type": kind}, kind, open_) for kind in kinds])
        if kinds not in _TYPES:
            kinds = _meant(schema)
        return self._typed(schema, kinds, open_) if kinds else self._anything()

    def _beside(self, member: Any, beside: dict[str, Any]) -> Any:
        """Put what stands beside ``anyOf`` into one of its members, where that is an object of the same."""
        if not isinstance(member, dict) or "properties" not in beside:
            return member
        return {"allOf": [member, beside]}

    def _choice(self, values: list[Any]) -> dict[str, Any]:
        by_type: dict[str, list[Any]] = {}
        for value in values:
            by_type.setdefault(_type_of(value), []).append(value)
        if "array" in by_type or "object" in by_type or not by_type:
            return self._anything()
        return _any_of([_one_type(kind, found) for kind, found in by_type.items()])

    def _typed(self, schema: dict[str, Any], kind: str, open_: tuple[str, ...]) -> dict[str, Any]:
        match kind:
            case "object":
                return self._object(schema, open_)
            case "array":
                return self._array(schema, open_)
            case "integer" if self._bounds:
                return {"type": kind, **_whole_bounds(schema)}
            case "string" if self._bounds and schema.get("format") in _FORMATS:
                return {"type": kind, "format": schema["format"]}
        return {"type": kind}

    def _object(self, schema: dict[str, Any], open_: tuple[str, ...]) -> dict[str, Any]:
        properties = schema.get("properties")
        required = schema.get("required")
        needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        listed = dict(properties) if isinstance(properties, dict) else {}
        for name in needed:
            listed.setdefault(name, {})
        if not listed:
            self.strict = False
            more = schema.get("additionalProperties")
            patterns = schema.get("patternProperties")
            if not isinstance(more, dict) and isinstance(patterns, dict):
                more = next(iter(patterns.values()), None)
            items = self.clean(more, open_) if isinstance(more, dict) and more else {}
            return {"type": "object", **({"additionalProperties": items} if items else {})}
        cleaned = {name: self.clean(inner, open_) for name, inner in listed.items()}
        return _closed({name: one if name in needed else _or_null(one) for name, one in cleaned.items()})

    def _array(self, schema: dict[str, Any], open_: tuple[str, ...]) -> dict[str, Any]:
        first = schema.get("prefixItems")
        if isinstance(first, list) and first:
            items = _any_of([self.clean(item, open_) for item in first])
        else:
            items = self.clean(schema["items"], open_) if "items" in schema else self._anything()
        bounds = _counts(schema) if self._bounds else {}
        return {"type": "array", **({"items": items} if items else {}), **bounds}


def _any_of(members: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of any of several, each once and flat."""
    flat: list[dict[str, Any]] = []
    for member in members:
        inner = member["anyOf"] if member.keys() == {"anyOf"} else [member]
        flat += [one for one in inner if one not in flat]
    if {} in flat:
        return {}
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema or schema.get("type") == "null":
        return schema
    what = {"description": schema["description"]} if "description" in schema else {}
    bare = {name: value for name, value in schema.items() if name != "description"}
    return {**_any_of([bare, {"type": "null"}]), **what}


def _one_type(kind: str, values: list[Any]) -> dict[str, Any]:
    return {"type": kind} if kind == "null" else {"type": kind, "enum": values}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float) and value.is_integer():
        return "number"
    names = ((str, "string"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _meant(schema: dict[str, Any]) -> str:
    """Tell what type a schema means that names none."""
    if "properties" in schema or "required" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return ""


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _MOST or value != int(value):
        return None
    return int(value)


def _whole_bounds(schema: dict[str, Any]) -> dict[str, int]:
    """Return the bounds of an integer; none where they contradict each other."""
    lows = [_whole(schema.get("minimum")), _whole(schema.get("exclusiveMinimum"))]
    highs = [_whole(schema.get("maximum")), _whole(schema.get("exclusiveMaximum"))]
    lowest = [low + place for place, low in enumerate(lows) if low is not None]
    highest = [high - place for place, high in enumerate(highs) if high is not None]
    if lowest and highest and max(lowest) > min(highest):
        return {}
    found = {"minimum": max(lowest)} if lowest else {}
    return {**found, "maximum": min(highest)} if highest else found


def _counts(schema: dict[str, Any]) -> dict[str, int]:
    """Return how many items an array has; nothing where that contradicts itself, or is more than a grammar bears."""
    least, most = _whole(schema.get("minItems")), _whole(schema.get("maxItems"))
    least = least if least is not None and 0 < least <= _MOST_ITEMS else None
    most = most if most is not None and 0 < most <= _MOST_ITEMS else None
    if least is not None and most is not None and least > most:
        return {}
    found = {"minItems": least} if least is not None else {}
    return {**found, "maxItems": most} if most is not None else found
