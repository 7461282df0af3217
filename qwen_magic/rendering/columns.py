"""Answers side by side, as HTML that breaks into rows where it is narrow, and as plain text below each other."""

from __future__ import annotations

import html
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..text.terminal import safe_line, safe_terminal
from .footnotes import with_ids
from .html import to_html

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = '<div style="display:flex;flex-wrap:wrap;gap:8px 24px;align-items:flex-start">'
_COLUMN = '<div style="flex:1 1 300px;min-width:0;overflow-wrap:anywhere">'
_HEAD = '<div style="opacity:.7;font-size:90%;border-bottom:1px solid;margin-bottom:4px">'


@dataclass(frozen=True)
class Column:
    """One of the answers.

    Attributes:
        number: which it is, from 1.
        head: who answers, how long it took, or what is waited for.
        text: the answer so far, as it came.
        note: what went wrong, or "".
        over: whether it has ended.

    """

    number: int
    head: str
    text: str = ""
    note: str = ""
    over: bool = False


def columns_html(columns: Sequence[Column]) -> str:
    """Draw answers side by side; nothing in them is live."""
    return f"{_ROW}{''.join(map(_column, columns))}</div>"


def columns_plain(columns: Sequence[Column]) -> str:
    """Write answers below each other."""
    return "\n\n".join(map(plain_column, columns))


def columns_bundle(columns: Sequence[Column]) -> dict[str, str]:
    """Return answers as a notebook shows them: side by side, else as text."""
    return {"text/html": columns_html(columns), "text/plain": columns_plain(columns)}


def plain_column(column: Column) -> str:
    """Write one answer below its head."""
    lines = [f"── {column.number}: {safe_line(column.head)}", safe_terminal(column.text), safe_line(column.note)]
    return "\n".join(filter(None, lines))


def _column(column: Column) -> str:
    head = f"{_HEAD}<b>{column.number}</b> {html.escape(safe_line(column.head))}</div>"
    note = f'<div style="opacity:.8"><em>{html.escape(safe_line(column.note))}</em></div>' if column.note else ""
    name = f"qm-{zlib.crc32(repr(column).encode(errors='replace')):x}"  # several cells stand on a page
    return f"{_COLUMN}{head}{with_ids(to_html(column.text), name)}{note}</div>"
