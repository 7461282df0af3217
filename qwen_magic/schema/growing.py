"""The rows of a list, or the fields of an object, each as soon as it is complete in a text that grows; no I/O."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .shape import Shape

_MARK = re.compile(r'["\[\]{},]')
_IN_TEXT = re.compile(r'["\\]')
_KEY = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)


class GrowingValue:
    """Finds the complete parts of a value while its text comes; each character is looked at once.

    Args:
        shape: the shape that the value is to have.

    """

    def __init__(self, shape: Shape) -> None:
        self._is_list = shape.json_schema.get("type") == "array"
        self._fields = shape.fields
        items = shape.json_schema.get("items")
        self._rows = isinstance(items, dict) and ("properties" in items or "$ref" in items)
        self._begun = False
        self._over = not (self._is_list or self._fields)
        self._pieces: list[str] = []
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self._count = 0

    def feed(self, text: str) -> list[tuple[int | str, Any]]:
        """Take in more of the text; return the parts that it completes, each with its number or name."""
        if self._over or not text:
            return []
        if not self._begun:
            _, self._begun, text = _partition(text, "[" if self._is_list else "{")
        found: list[tuple[int | str, Any]] = []
        start = place = 0
        while not self._over and place < len(text):
            if self._escaped:
                self._escaped, place = False, place + 1
                continue
            match = (_IN_TEXT if self._in_text else _MARK).search(text, place)
            if match is None:
                break
            place = match.end()
            if self._closes(match[0]):
                found += self._part("".join((*self._pieces, text[start : match.start()])))
                self._pieces, start = [], place
        if self._begun:
            self._pieces.append(text[start:])
        return found

    def _closes(self, mark: str) -> bool:
        """Take in one mark; tell whether a part ends before it."""
        if self._in_text:
            self._escaped = mark == "\\"
            self._in_text = mark != '"'
        elif mark == '"':
            self._in_text = True
        elif mark in "[{":
            self._depth += 1
        elif mark in "]}":
            self._depth -= 1
            self._over = self._depth < 0
        return self._over or (mark == "," and not self._in_text and self._depth == 0)

    def _part(self, text: str) -> list[tuple[int | str, Any]]:
        key: int | str = self._count
        if not self._is_list:
            match = _KEY.match(text)
            if match is None:
                return []
            key, text = json.loads(match[1], strict=False), text[match.end() :]
        try:
            value = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return []
        if (self._rows and not isinstance(value, dict)) or (self._fields and key not in self._fields):
            return []
        self._count += 1
        return [(key, value)]


def _partition(text: str, mark: str) -> tuple[str, bool, str]:
    before, found, rest = text.partition(mark)
    return before, bool(found), rest
