"""How a cell shows several answers at once: in columns that are drawn anew, or one after the other in a terminal."""

from __future__ import annotations

import sys
import time
import uuid
from typing import TYPE_CHECKING, Protocol

from ..rendering.columns import columns_bundle, plain_column
from .first_sign import publish
from .front_end import updates_displays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..rendering.columns import Column

_TICK = 0.25
"""Seconds between two updates, at least."""
_PART = 8
"""An update comes no sooner than after so many times as long as the last one took to draw."""
_BYTES_A_SECOND = 100_000
"""What the updates may send in the long run."""


class CompareDisplay(Protocol):
    """What shows several answers."""

    def draw(self, columns: Sequence[Column], *, final: bool = False) -> None:
        """Show them as they are, where it is time to, or at the end in any case."""


def make_compare_display(shell: InteractiveShell | None) -> CompareDisplay:
    """Choose how answers are shown: in columns in a notebook, else printed."""
    return Columns(publish) if updates_displays(shell) else PrintedColumns()


class Columns:
    """One display that is updated.

    Args:
        publish: sends a mime bundle to a display id, as a new display or an update.
        clock: the time in seconds.

    """

    def __init__(
        self, publish: Callable[[dict[str, str], str, bool], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._publish, self._clock = publish, clock
        self._slot = ""
        self._next = clock()
        self._shown: list[Column] = []

    def draw(self, columns: Sequence[Column], *, final: bool = False) -> None:
        """Show them as they are, where it is time to, or at the end in any case."""
        begun = self._clock()
        if not final and (begun < self._next or list(columns) == self._shown):
            return
        self._shown = list(columns)
        bundle = columns_bundle(columns)
        known, self._slot = bool(self._slot), self._slot or uuid.uuid4().hex
        self._publish(bundle, self._slot, known)
        now = self._clock()
        self._next = now + max(_TICK, _PART * (now - begun), sum(map(len, bundle.values())) / _BYTES_A_SECOND)


class PrintedColumns:
    """Answers that are printed, each when it and those before it are over."""

    def __init__(self) -> None:
        self._printed = 0

    def draw(self, columns: Sequence[Column], *, final: bool = False) -> None:
        """Print those that are over, in order; at the end all."""
        for column in columns[self._printed :]:
            if not (final or column.over):
                return
            self._printed += 1
            sys.stdout.write(f"{plain_column(column)}\n\n")
            sys.stdout.flush()
