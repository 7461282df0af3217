r"""The tables of a text: Markdown's, and those in fenced blocks of CSV or TSV.

Markdown tables are read as GitHub's Markdown has them (GFM 0.29, section 4.10), those in lists and quotes too. A cell
is its source, without the white space around it and with `\|` as `|`.

A column becomes numbers only where every cell of it is one: 12, -3 (with either minus), 0.5, and 1,203.5 with its
thousands marked. What counts as money or as a percentage in each cell alike, $5 or 12 %, is a number too, without its
sign. Everything else stays text to the letter: 007, 1e5, +1, 1.203,5, numbers of more digits than a float or a 64-bit
integer keeps, and columns with an empty cell or with several currencies.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .fences import find_fences, language_of, split_lines
from .terminal import safe_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .fences import FencedLines

_DELIMITERS = re.compile(r"(?=.*\|)(?!-[ \t])\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*:?-+:?[ \t]*\|?[ \t]*\Z")
_QUOTE = re.compile(r"(?:[ \t]*>)*")
_ITEM = re.compile(r"[ \t]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*")
_OTHER_BLOCK = re.compile(r"(?:[-+*]|\d{1,9}[.)])[ \t]|>|#{1,6}(?:[ \t]|\Z)|([-*_])[ \t]*(?:\1[ \t]*){2,}\Z")
_WHOLE = re.compile(r"(?:0|-?[1-9]\d{0,17})\Z", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+\Z", re.ASCII)
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?\Z", re.ASCII)
_MONEY = r"(?:US|CA|A|NZ|HK|S)?\$|R\$|[€£¥₹₽₩]"
_MINUS = r"[-\u2212]?"
_MEASURED = re.compile(
    rf"(?P<minus>{_MINUS})(?P<before>{_MONEY})?[ \u00a0]?"
    rf"(?P<number>{_MINUS}[\d.,]+)[ \u00a0]?(?P<after>%|{_MONEY})?\Z"
)
_FLOAT_DIGITS = 15
_CODE_INDENT = 4
_SEPARATORS = {"csv": ",;\t", "tsv": "\t"}
_WIDEST = 60
"""Characters of a cell that a table's repr shows."""
_MOST_ROWS = 30
"""Rows that it shows."""


@dataclass(frozen=True, repr=False)
class Table:
    """A table, where pandas is not there to hold it.

    Attributes:
        columns: the names of its columns.
        rows: its rows, each as long as `columns`; text, and numbers where all of a column are.

    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]

    def __repr__(self) -> str:
        lines = [list(map(_shown, row)) for row in (self.columns, *self.rows[:_MOST_ROWS])]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        text.insert(1, "-+-".join("-" * width for width in widths))
        if len(self.rows) > _MOST_ROWS:
            text.append(f"... {len(self.rows)} rows")
        return "\n".join(line.rstrip() for line in text)


def find_tables(text: str) -> list[Table]:
    """Find the tables of a text, in order.

    Args:
        text: Markdown, finished or not.

    Returns:
        The tables, without what would steer a terminal; one that is cut off has the rows that had come.

    """
    lines = split_lines(safe_terminal(text))  # tables are shown by pandas, too, which prints a cell as it is
    tables: list[Table] = []
    start = 0
    for fence in find_fences(lines, indented=True):
        tables += _markdown_tables(lines[start : fence.start])
        tables += _separated_tables(fence)
        start = fence.end
    return [*tables, *_markdown_tables(lines[start:])]


def as_frames(tables: Sequence[Table]) -> list[Any]:
    """Make pandas DataFrames of tables; where pandas cannot be imported, they stay what they are."""
    if not tables:
        return []
    try:
        pandas: Any = import_module("pandas")  # no dependency, and slow to import
    except ImportError:
        return list(tables)
    return [pandas.DataFrame([list(row) for row in table.rows], columns=list(table.columns)) for table in tables]


def _markdown_tables(lines: list[str]) -> Iterator[Table]:
    number = 1
    while number < len(lines):
        header = _header(lines[number - 1], lines[number])
        number += 1
        if header is None:
            continue
        first = number
        while number < len(lines) and _is_row(lines[number], lines[first - 2]):
            number += 1
        rows = [_cells(_split(line)[1]) for line in lines[first:number]]
        yield _table(header, [_fitted(row, len(header)) for row in rows])
        number += 1


def _header(line: str, delimiters: str) -> list[str] | None:
    """Read a table's first line; None where the two lines begin no table."""
    quotes, text = _split(line)
    quotes_below, below = _split(delimiters)
    text = text[_ITEM.match(text).end() :] if _ITEM.match(text) else text  # type: ignore[union-attr]
    if "|" not in text or quotes != quotes_below or not _DELIMITERS.match(below.strip(" \t")):
        return None
    header = _cells(text)
    return header if len(header) == len(_cells(below)) else None


def _is_row(line: str, header: str) -> bool:
    quotes, text = _split(line)
    header_quotes, header_text = _split(header)
    item = _ITEM.match(header_text)
    content = item.end() if item else 0
    word = text.lstrip(" \t")
    indent = len(text) - len(word)
    in_item = bool(item and item[0].strip())
    if not word or quotes != header_quotes or _OTHER_BLOCK.match(word):
        return False
    return indent < content + _CODE_INDENT and not (in_item and indent < content)


def _split(line: str) -> tuple[int, str]:
    """Part a line into the quotes that it stands in, and the rest."""
    match = _QUOTE.match(line)
    end = match.end() if match else 0
    return line.count(">", 0, end), line[end:]


def _cells(row: str) -> list[str]:
    r"""Split a row at its pipes; one after a backslash is part of a cell."""
    cells = [""]
    for part in re.split(r"(\\\||\|)", row.strip(" \t")):
        if part == "|":
            cells.append("")
        else:
            cells[-1] += "|" if part == "\\|" else part
    if not cells[0]:
        cells = cells[1:]
    if cells and not cells[-1]:
        cells = cells[:-1]
    return [cell.strip() for cell in cells]


def _fitted(row: list[str], width: int) -> list[str]:
    return [*row, *[""] * (width - len(row))][:width]


def _separated_tables(fence: FencedLines) -> Iterator[Table]:
    """Read a fenced block of CSV or TSV."""
    separators = _SEPARATORS.get(language_of(fence.opening.info))
    lines = [line for line in fence.content if line.strip()]
    if separators is None or not lines:
        return
    separator = next((mark for mark in separators if mark in lines[0]), separators[0])
    text = "\n".join(fence.content)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True) if any(row)]
    except csv.Error:
        return
    if not rows:
        return
    width = max(map(len, rows))
    names = [*rows[0], *(f"column {number + 1}" for number in range(len(rows[0]), width))]
    yield _table([name.strip() for name in names], [_fitted([cell.strip() for cell in row], width) for row in rows[1:]])


def _table(header: list[str], rows: list[list[str]]) -> Table:
    columns = [_typed([row[place] for row in rows]) for place in range(len(header))]
    return Table(tuple(header), tuple(zip(*columns, strict=True)))


def _typed(cells: list[str]) -> Sequence[str | int | float]:
    """Make numbers of a column's cells if each can be nothing else."""
    cells, written = _without_signs(cells), cells
    if all(map(_WHOLE.match, cells)):
        return [int(cell) for cell in cells]
    return [float(cell) for cell in cells] if all(map(_is_float, cells)) else written


def _without_signs(cells: list[str]) -> list[str]:
    """Leave out the signs of money, percent and thousands where all cells have the same; else change nothing."""
    numbers, signs = [], set()
    for cell in cells:
        found = _MEASURED.match(cell)
        if found is None:
            return cells
        signs.add(f"{found['before'] or ''}{found['after'] or ''}")
        number = (found["minus"] + found["number"]).replace("\u2212", "-")  # the minus sign that typesetters use
        numbers.append(number.replace(",", "") if _THOUSANDS.match(number) else number)
    return numbers if len(signs) == 1 else cells


def _is_float(cell: str) -> bool:
    return bool(_WHOLE.match(cell) or _DECIMAL.match(cell)) and sum(map(str.isdigit, cell)) <= _FLOAT_DIGITS


def _shown(cell: object) -> str:
    text = " ".join(str(cell).split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
