"""Code into a cell of the notebook: the next one, or this one. It is never run.

A front end can put text below the running cell or in its place, and nowhere else. So that a cell which is run again
makes no second copy of its code, what stands below it is looked up in the notebook's file.
"""

from __future__ import annotations

import difflib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..regular_file import read_regular_file
from ..text.terminal import escaped
from .front_end import next_cell_of, updates_displays
from .identity import cell_key, notebook_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

_HIDDEN = "⚠ the code had invisible or reversing characters; they are written out, such as \\u202e"
_IN_NEXT = "the code is in the next cell; it was not run"
_PERHAPS = "the code is in the next cell; if there is no such cell, copy the code from the answer"
_NOWHERE = "cells cannot be made here: copy the code from the answer"
_THERE = "a cell below already has this code"
_EDITED = "a cell below has this code, which you edited; %qwen code puts the original here"
_LARGEST = 50_000_000
_ALIKE = 0.6
"""How alike a replayed answer's code and a cell below are where the cell is that code, edited."""


class NextCells:
    """Puts code into the cells of a notebook.

    Args:
        shell: the session.

    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._put: dict[tuple[str, str], float] = {}

    def put(self, code: str, *, replayed: bool = False) -> str:
        r"""Put code into the next cell, unless a cell below has it.

        What would show it in another order than it runs is written as ``\u202e``.

        Args:
            code: the code.
            replayed: whether it comes of a recorded answer; then an edited form of it counts as well.

        Returns:
            What is to be said of it.

        """
        written = escaped(code)
        if said := self._stands(written, replayed=replayed):
            return said
        self._put[self._running(), written] = time.time()
        return " · ".join(filter(None, (_said_of_next(self._shell), insert(self._shell, code))))

    def put_once(self, code: str) -> str:
        """Put code that was asked for into the next cell, unless a cell below has just it.

        Returns:
            What is to be said of it, or "".

        """
        written = escaped(code)
        if said := self._stands(written, replayed=False):
            return said
        self._put[self._running(), written] = time.time()
        return insert(self._shell, code)

    def _running(self) -> str:
        """Return what tells the running cell from others."""
        return cell_key(self._shell) or _source(self._shell)

    def _stands(self, code: str, *, replayed: bool) -> str:
        """Say that a cell below has the code, or ""."""
        if not updates_displays(self._shell):
            return ""  # a console: what it ran is gone
        if not (cell_key(self._shell) or notebook_path(self._shell)):
            return ""  # nobody tells which cell this is
        below, saved_at = _cells_below(self._shell)
        if any(source.strip() == code.strip() for source in below):
            return _THERE
        if saved_at < self._put.get((self._running(), code), 0.0):
            return _THERE  # put there since the file was written
        if replayed and any(_is_alike(source, code) for source in below[:1]):
            return _EDITED
        return ""


def _said_of_next(shell: InteractiveShell) -> str:
    """Say where the code is: Colab made no cells for years, and what runs a notebook without a user makes none."""
    match next_cell_of(shell):
        case "made":
            return _IN_NEXT
        case "unsure":
            return _PERHAPS
        case _:
            return _NOWHERE


def insert(shell: InteractiveShell | None, code: str) -> str:
    """Put code into the next cell, whatever stands below; return what is to be said of it, or ""."""
    written = escaped(code)
    if shell is not None:
        shell.set_next_input(written, replace=False)
    return "" if written == code else _HIDDEN


def replace(shell: InteractiveShell | None, code: str, above: str = "") -> str:
    """Let the running cell become code, below a text; return what is to be said of it, or ""."""
    written = escaped(code)
    if shell is not None:
        shell.set_next_input(f"{above}\n\n{written}".lstrip("\n"), replace=True)
    return "" if written == code else _HIDDEN


@dataclass(frozen=True)
class _Cell:
    identity: str
    source: str
    is_code: bool


def _cells_below(shell: InteractiveShell) -> tuple[list[str], float]:
    """Return the sources of the code cells below the running one as the file has them, and when it was written."""
    path = notebook_path(shell)
    if path is None:
        return [], 0.0
    with suppress(OSError, ValueError, TypeError, KeyError):
        data, status = read_regular_file(path, _LARGEST)
        cells = [_read(cell) for cell in json.loads(data)["cells"]]
        key, source = cell_key(shell), _source(shell)
        place = _place([cell.identity == key for cell in cells] if key else [])
        if place is None:
            place = _place([bool(source) and cell.source.strip() == source for cell in cells])
        if place is not None:
            return [cell.source for cell in cells[place + 1 :] if cell.is_code], status.st_mtime
    return [], 0.0


def _read(cell: Any) -> _Cell:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    return _Cell(str(cell.get("id", "")), text, cell["cell_type"] == "code")


def _place(marks: Sequence[bool]) -> int | None:
    """Return the only place that is marked, or None."""
    return marks.index(True) if marks.count(True) == 1 else None


def _source(shell: InteractiveShell) -> str:
    history = shell.history_manager
    return history.input_hist_raw[-1].strip() if history and history.input_hist_raw else ""


def _is_alike(one: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, one.splitlines(), other.splitlines(), autojunk=False).ratio() >= _ALIKE
