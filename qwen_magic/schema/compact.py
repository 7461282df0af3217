"""A schema in the compact form in which it stands in a prompt: a model reads it in a third of the tokens."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from .references import resolved

_INDENT = "  "
_DEEPEST = 12
_NAMES = {"null": "null", "string": "string", "integer": "integer", "number": "number", "boolean": "true or false"}
_FORMATS = {"date": "date as YYYY-MM-DD", "date-time": "time as YYYY-MM-DDTHH:MM:SS", "time": "time as HH:MM:SS"}


def compact(schema: dict[str, Any]) -> str:
    """Write a schema in a few words, as one would write a value of it.

    Args:
        schema: a JSON Schema.

    """
    return _written(json.dumps(schema))


@lru_cache(maxsize=64)
def _written(text: str) -> str:
    root = json.loads(text)
    return _Writer(root).write(root, "", ())


class _Writer:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def write(self, schema: Any, indent: str, open_: tuple[str, ...]) -> str:  # noqa: PLR0911 - a table
        if not isinstance(schema, dict):
            return "any value"
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.rpartition("/")[2]
            if reference in open_ or len(open_) > _DEEPEST:
                return f"another {name}"
            open_ = (*open_, reference)
            try:
                schema = resolved(schema, self._root)
            except LookupError:
                return "any value"
        parts = [part for part in schema.get("allOf", ()) if isinstance(part, dict)]
        if parts and "properties" not in schema:
            return " and ".join(self.write(part, indent, open_) for part in parts)
        for name in ("anyOf", "oneOf"):
            if members := schema.get(name):
                return " or ".join(dict.fromkeys(self.write(member, indent, open_) for member in members))
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            return " or ".join(json.dumps(value, ensure_ascii=False) for value in values)
        kinds = schema.get("type", "object" if "properties" in schema else "")
        listed = kinds if isinstance(kinds, list) else [kinds]
        return " or ".join(self._one(schema, kind, indent, open_) for kind in listed)

    def _one(self, schema: dict[str, Any], kind: str, indent: str, open_: tuple[str, ...]) -> str:
        if kind == "object" and schema.get("properties"):
            return self._object(schema, indent, open_)
        if kind == "object":
            inner = schema.get("additionalProperties")
            return f'{{"...": {self.write(inner, indent, open_)}, ...}}' if isinstance(inner, dict) else "{...}"
        if kind == "array":
            first = schema.get("prefixItems")
            if isinstance(first, list):
                return f"[{', '.join(self.write(item, indent, open_) for item in first)}]"
            return f"[{self.write(schema.get('items', {}), indent, open_)}, ...]"
        return _FORMATS.get(str(schema.get("format")), _NAMES.get(kind, "any value")) + _bounds(schema)

    def _object(self, schema: dict[str, Any], indent: str, open_: tuple[str, ...]) -> str:
        inner, lines = indent + _INDENT, []
        needed = schema.get("required", ())
        for name, part in schema["properties"].items():
            written = self.write(part, inner, open_)
            if name not in needed and not written.endswith("null"):
                written += " or null"
            what = self._what(part)
            lines.append(f"{inner}{json.dumps(name, ensure_ascii=False)}: {written}{f'  ({what})' if what else ''}")
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"

    def _what(self, schema: Any) -> str:
        what = schema.get("description") if isinstance(schema, dict) else None
        if what is None and isinstance(schema, dict):
            what = next((self._what(member) for member in schema.get("anyOf", ()) if self._what(member)), None)
        return " ".join(what.split()) if isinstance(what, str) else ""


def _bounds(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        if low > high:
            return ""
        return f" from {low} to {high}"
    return f" from {low}" if low is not None else f" up to {high}" if high is not None else ""
