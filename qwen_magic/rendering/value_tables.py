"""A value in a shape as a small table, whose rows are written one after the other as they become complete."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..schema.references import resolved
from ..text.terminal import TerminalFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..schema import Shape

_MARKS = re.compile(r"[\\`*_{}\[\]<>#|~$&!^=]")
_LONGEST = 300
"""Characters of a value that a cell of the table shows."""
MOST_ROWS = 200
"""Rows that are shown."""


class ValueTable:
    """Writes one value: a list as its rows, an object as its fields, another value as it is.

    Args:
        shape: the shape that it has.
        markdown: whether it is Markdown, in which nothing of the value may mean anything; else plain text.

    """

    def __init__(self, shape: Shape, *, markdown: bool) -> None:
        self._markdown = markdown
        self._is_list = shape.json_schema.get("type") == "array"
        self._columns = _columns(shape.json_schema)
        self._rows = 0

    def row(self, key: int | str, value: Any) -> str:
        """Write one row of a list, or one field of an object; the table's head before the first."""
        self._rows += 1
        if self._rows > MOST_ROWS:
            return ""
        if not self._is_list:
            return self._head(["field", "value"]) + self._line([key, value])
        if self._rows == 1 and not self._columns and isinstance(value, dict):
            self._columns = [str(name) for name in value]
        if not self._columns:
            return self._head(["value"]) + self._line([value])
        cells = [value.get(name) for name in self._columns] if isinstance(value, dict) else [value]
        return self._head(self._columns) + self._line(cells)

    def whole(self, value: Any) -> str:
        """Write all of a value, with nothing written before."""
        self._rows = 0
        if self._is_list and isinstance(value, list):
            text = "".join(self.row(number, item) for number, item in enumerate(value))
            more = len(value) - MOST_ROWS
            if more > 0:
                text += f"\n… and {more:,} more: .value has all of them\n"
            return text or "(an empty list)\n"
        if isinstance(value, dict):
            return "".join(self.row(name, item) for name, item in value.items()) or "(nothing in it)\n"
        return f"{self._cell(value)}\n"

    def _head(self, names: list[str]) -> str:
        if self._rows > 1:
            return ""
        return self._line(names) + "|" + " --- |" * len(names) + "\n"

    def _line(self, cells: Iterable[Any]) -> str:
        return f"| {' | '.join(map(self._cell, cells))} |\n"

    def _cell(self, value: Any) -> str:
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
        text = " ".join(TerminalFilter().feed(text[: 4 * _LONGEST]).split())
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        return _MARKS.sub(r"\\\g<0>", text) if self._markdown else text.replace("|", "¦")


def _columns(schema: dict[str, Any]) -> list[str]:
    """Return the columns of a list of rows, as far as its schema names them."""
    items = schema.get("items")
    try:
        row = resolved(items, schema) if isinstance(items, dict) else {}
    except LookupError:
        row = {}
    properties = row.get("properties")
    return list(properties) if isinstance(properties, dict) else []
