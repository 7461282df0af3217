"""What the cells of a session said: their sources, and what they put out as text and pictures."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import QwenError, UsageError
from ..text.counts import counted
from .capture import Capture
from .interrupts import heard_later
from .outputs import LIMIT, cut_middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from .failures import Failure
    from .shown_pictures import ShownPicture

MOST_CELLS = 50
_MOST_ENTRIES = 4 * MOST_CELLS
_MOST_PICTURE_BYTES = 40 * 2**20
"""Bytes of the pictures of all cells that are kept."""
_LEAST_SHARE = 200
_MESSAGE = 500
_OURS = re.compile(r"%qwen\b|%(?:re|un)?load_ext\b|%config\s+QwenMagics\b|#|$")
_OUR_CELL = re.compile(r"%%qwen\b")
_MISSING_MAGIC = re.compile(r"magic (?:function )?`%{1,2}(\w+)` not found")
_CLOSE = 0.7
_RUN_AGAIN = "Run the failing cell again, then %qwen fix."
_RUN_OF_BACKTICKS = re.compile("`{3,}")


@dataclass(frozen=True)
class CellText:
    """A cell that was run.

    Attributes:
        execution_count: the number of its In.
        source: what was typed.
        output: its text output; "" for none.
        error: the error that ended it, on one line with its type; "" for none.
        pictures: the pictures that it put out.

    """

    execution_count: int
    source: str
    output: str = ""
    error: str = ""
    pictures: tuple[ShownPicture, ...] = ()


class Cells:
    """The last cells of a session, heard as they run.

    Cells that are nothing but ours are left out: what they said is in the conversation. Of a notebook's cell that was
    run again, the last run counts. Of what ran before the extension was loaded, IPython's history tells the source
    and the result.

    Attributes:
        failure: the last failure of the user's own code, or None.

    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.failure: Failure | None = None
        self._shell = shell
        self._cells: dict[int, CellText | None] = {}  # None where the same cell was run again later
        self._numbers: dict[str, int] = {}  # of the notebook's cells, by their ids
        self._info: Any = None
        self._is_running = False
        self._capture: Capture | None = None

    @property
    def are_ours(self) -> bool:
        """Whether the cell that runs is nothing but ours."""
        return self._is_running and self._info is None

    def watch(self) -> None:
        """Hear every cell from the next one on."""
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def unwatch(self) -> None:
        """Hear no more cells, not even the rest of this one."""
        for event, callback in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            with suppress(ValueError):
                self._shell.events.unregister(event, callback)
        self._close()

    def last(self, n: int, before: int | None = None) -> list[CellText]:
        """Give the last cells.

        Args:
            n: how many, at most `MOST_CELLS`.
            before: only cells before this number; without it, all but the running one.

        Returns:
            The cells in the order in which they ran.

        """
        found: list[CellText] = []
        end = self._newest + (not self._is_running) if before is None else before
        for count in range(end - 1, max(0, end - _MOST_ENTRIES), -1):
            if len(found) >= min(n, MOST_CELLS):
                break
            cell = self.cell(count)
            if cell is not None and self._cells.get(count, cell) is not None and not is_ours(cell.source):
                found.append(cell)
        return found[::-1]

    def cell(self, count: int) -> CellText | None:
        """Give the cell that was In[count], ours too; None where there was none."""
        if cell := self._cells.get(count):
            return cell
        history = self._shell.history_manager
        if history is None or not 0 < count < len(history.input_hist_raw):
            return None
        source = history.input_hist_raw[count]
        return CellText(count, source, cut_middle(str(history.output_hist_reprs.get(count, "")), LIMIT))

    def last_failure(self) -> Failure | None:
        """Give the last cell that failed by the user's own code, or None.

        An answer that failed or was stopped is no failure of a cell, and no more is a cell that the user interrupted.
        What failed before the extension was loaded is told from what Python keeps of the last exception.

        Raises:
            UsageError: Python kept no more than that ``%qwen`` was not known yet.

        """
        if self.failure is not None:
            return self.failure
        error = getattr(sys, "last_value", None)
        if not isinstance(error, Exception) or isinstance(error, QwenError):
            return None
        if wanted_us(error):  # it took the place of what had failed before
            raise UsageError(
                "the error was raised before the extension was loaded, and is not known any more", hint=_RUN_AGAIN
            )
        from .failures import cell_of, describe_failure  # noqa: PLC0415 - a session without an error never needs it

        count = cell_of(self._shell, error)
        cell = self.cell(count) if count else None
        return describe_failure(self._shell, error, cell.source, count) if cell else None

    @property
    def _newest(self) -> int:
        # Whether `execution_count` already counts a running cell depends on IPython's version.
        history = self._shell.history_manager
        return len(history.input_hist_raw) - 1 if history else 0

    def _before(self, info: Any) -> None:
        with suppress(Exception), heard_later():
            if not info.store_history:
                return  # no cell of the user's
            self._close()
            self._is_running = True
            if not is_ours(info.raw_cell):
                self._info, self._capture = info, Capture(self._shell)

    def _after(self, result: Any) -> None:
        with suppress(Exception, KeyboardInterrupt):  # the cell has ended already
            if result is not None and not result.info.store_history:
                return
            capture, info, self._is_running = self._capture, self._info, False
            if capture is None:
                return
            error = (result and (result.error_before_exec or result.error_in_exec)) or capture.shown
            self._close()
            count = (result and result.execution_count) or self._newest
            outputs = capture.outputs
            self._keep(CellText(count, info.raw_cell, outputs.text(), _one_line(error), outputs.pictures()), info)
            if isinstance(error, Exception) and not isinstance(error, QwenError) and not wanted_us(error):
                from .failures import describe_failure  # noqa: PLC0415 - a session without an error never needs it

                self.failure = describe_failure(self._shell, error, info.raw_cell, count)

    def _keep(self, cell: CellText, info: Any) -> None:
        identity = getattr(info, "cell_id", None)
        if identity:
            earlier = self._numbers.pop(identity, None)
            if earlier in self._cells:
                self._cells[earlier] = None
            self._numbers[identity] = cell.execution_count
        self._cells[cell.execution_count] = cell
        kept = [count for count, known in self._cells.items() if known]
        for count in kept[:-MOST_CELLS]:
            del self._cells[count]
        room = _MOST_PICTURE_BYTES
        for count in reversed(kept[-MOST_CELLS:] if cell.pictures else ()):
            known = self._cells[count]
            room -= sum(len(one.data) for one in known.pictures) if known else 0
            if known and known.pictures and room < 0:
                self._cells[count] = replace(known, pictures=())
        while len(self._cells) > _MOST_ENTRIES:
            del self._cells[next(iter(self._cells))]
        while len(self._numbers) > _MOST_ENTRIES:
            del self._numbers[next(iter(self._numbers))]

    def _close(self) -> None:
        if self._capture is not None:
            self._capture.close()
        self._capture = self._info = None


def wanted_us(error: BaseException) -> bool:
    """Tell whether a cell failed because ``%qwen`` was not loaded, or was misspelt."""
    missing = _MISSING_MAGIC.search(str(error)) if type(error).__name__ == "UsageError" else None
    if missing is None:
        return False
    import difflib  # noqa: PLC0415 - loading the extension stays light

    return bool(difflib.get_close_matches(missing[1], ["qwen"], cutoff=_CLOSE))


def is_ours(source: str) -> bool:
    """Tell whether a cell has nothing but our magics, and what loads and sets them."""
    for line in map(str.strip, source.splitlines()):
        if _OUR_CELL.match(line):  # comments may stand above it, and all below is the prompt
            return True
        if not _OURS.match(line):
            return False
    return True


def as_text(cells: Sequence[CellText], budget: int) -> str:
    """Write cells for a model.

    Args:
        cells: the cells, in their order.
        budget: characters that the text may have, about.

    Returns:
        Each cell's number, source and output, in fences; notes tell what was left out: the earliest cells, and the
        middle of long sources and outputs. "" for no cells.

    """
    most = max(1, budget // _LEAST_SHARE)
    kept = cells[-most:]
    texts = [_cell_text(cell, share) for cell, share in zip(kept, _shares(kept, budget), strict=True)]
    if len(kept) < len(cells):
        number = len(cells) - len(kept)
        texts.insert(0, f"[... {counted(number, 'earlier cell')} left out ...]")
    return "\n\n".join(texts)


def fenced(code: str, language: str = "") -> str:
    """Put a text into a fence that nothing in it can close."""
    longest = max((len(run) for run in _RUN_OF_BACKTICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.strip(chr(10))}\n{fence}"


def _shares(cells: Sequence[CellText], budget: int) -> list[int]:
    """Share a budget out: what a short cell does not need is for the others."""
    sizes = [len(_cell_text(cell)) for cell in cells]
    shares = [0] * len(sizes)
    left = budget
    for done, index in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[index] = min(sizes[index], left // (len(sizes) - done))
        left -= shares[index]
    return shares


def _cell_text(cell: CellText, limit: int | None = None) -> str:
    source, output = cell.source.strip("\n"), "\n".join(part for part in (cell.output, cell.error) if part)
    if limit is not None and (surplus := len(_cell_text(cell)) - limit) > 0:
        # The output gives way first, down to a third of the room.
        output_room = max(limit // 3, len(output) - surplus)
        source_room = max(limit // 3, limit - min(output_room, len(output)))
        source, output = cut_middle(source, source_room), cut_middle(output, output_room)
    text = f"In[{cell.execution_count}]:\n{fenced(source, 'python')}"
    return f"{text}\nOutput:\n{fenced(output)}" if output else text


def _one_line(error: BaseException | None) -> str:
    if error is None:
        return ""
    try:
        message = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    except Exception:  # noqa: BLE001 - an exception of the user's own may do anything
        message = ""
    return f"{type(error).__name__}: {message}"[:_MESSAGE].removesuffix(": ")
