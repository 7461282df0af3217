"""What a cell shows while many rows are asked: the plan's line, the first answer, and one line that is drawn anew."""

from __future__ import annotations

import sys
import time
import uuid
from typing import TYPE_CHECKING, Protocol

from ..rendering.job_line import html_job, plain_job
from ..rendering.last_line import escape, one_line
from ..text.bundles import mime_bundle
from ..text.terminal import safe_line, safe_terminal
from .first_sign import publish
from .front_end import updates_displays

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ..batch.progress import Progress
    from .first_sign import FirstSign

_TICK = 0.5
"""Seconds between two updates, at least."""
_PART = 300
"""An update comes no sooner than after this part of the time that has passed, so that their number stays bounded."""
_PLAIN_TICK, _PLAIN_PART = 10.0, 8
"""The same where each update is a line of its own."""
_LONGEST_ANSWER = 400


class MapDisplay(Protocol):
    """What shows a job."""

    def say(self, lines: list[str]) -> None:
        """Show lines that stay."""

    def say_first(self, prompt: str, answer: str) -> None:
        """Show the first row and its answer."""

    def tick(self, progress: Progress) -> None:
        """Show how far the job is, where it is time to."""

    def finish(self, progress: Progress) -> None:
        """Show how it ended."""


def make_map_display(shell: InteractiveShell | None, first_sign: FirstSign | None = None) -> MapDisplay:
    """Choose how a job is shown: a line drawn anew, in a notebook or a terminal, else plain lines now and then.

    Args:
        shell: the user's shell.
        first_sign: what was shown before; the plan's lines take its place.

    """
    return (
        SlotLine(publish, begun=first_sign.take() if first_sign else "")
        if updates_displays(shell)
        else PrintedLine(redraws=sys.stdout.isatty())
    )


def _first_lines(prompt: str, answer: str) -> list[str]:
    return [f"first row: {_cut(prompt)}", f"→ {_cut(answer)}"]


class _Ticks:
    """Tell when it is time for an update.

    Args:
        least: seconds between two, at least.
        part: the part of the time that has passed, which has to pass anew.
        clock: the time in seconds.

    """

    def __init__(self, least: float, part: int, clock: Callable[[], float]) -> None:
        self._least, self._part, self._clock = least, part, clock
        self._begun = clock()
        self._last = self._begun - least

    def due(self) -> bool:
        now = self._clock()
        if now - self._last < max(self._least, (now - self._begun) / self._part):
            return False
        self._last = now
        return True


class SlotLine:
    """One display that is updated.

    Args:
        publish: sends a mime bundle to a display id, as a new display or an update.
        clock: the time in seconds.
        begun: the display id that the first lines take over, or "".

    """

    def __init__(
        self,
        publish: Callable[[dict[str, str], str, bool], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        begun: str = "",
    ) -> None:
        self._publish, self._begun = publish, begun
        self._ticks = _Ticks(_TICK, _PART, clock)
        self._slot = self._first = ""
        self._shown: dict[str, str] = {}

    def say(self, lines: list[str]) -> None:
        """Show lines that stay."""
        written = "  \n".join(escape(one_line(line)) for line in lines)
        taken, self._begun = self._begun, ""
        self._publish(mime_bundle(written, "\n".join(map(safe_line, lines))), taken or uuid.uuid4().hex, bool(taken))

    def say_first(self, prompt: str, answer: str) -> None:
        """Show the first row and its answer, above the line."""
        lines = _first_lines(prompt, answer)
        written = "  \n".join(escape(one_line(line)) for line in lines)
        known, self._first = bool(self._first), self._first or uuid.uuid4().hex
        self._publish(mime_bundle(written, "\n".join(map(safe_line, lines))), self._first, known)

    def tick(self, progress: Progress) -> None:
        """Show how far the job is, where it is time to."""
        if self._ticks.due():
            self._draw(progress)

    def finish(self, progress: Progress) -> None:
        """Show how it ended."""
        self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        bundle = {"text/html": html_job(progress), "text/plain": plain_job(progress)}
        if bundle == self._shown:
            return
        if not self._first:  # its place is above the line, which may be there before it
            self._first = uuid.uuid4().hex
            self._publish(mime_bundle("", ""), self._first, False)  # noqa: FBT003
        known, self._slot = bool(self._slot), self._slot or uuid.uuid4().hex
        self._publish(bundle, self._slot, known)
        self._shown = bundle


class PrintedLine:
    """A line of a terminal that is written over, or plain lines now and then.

    Args:
        redraws: whether a line can be written over.
        clock: the time in seconds.

    """

    def __init__(self, *, redraws: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._redraws = redraws
        least, part = (_TICK, _PART) if redraws else (_PLAIN_TICK, _PLAIN_PART)
        self._ticks = _Ticks(least, part, clock)
        self._ticks.due()
        self._open = False

    def say(self, lines: list[str]) -> None:
        """Print lines."""
        self._clear()
        sys.stdout.write(safe_terminal("\n".join(map(safe_line, lines))) + "\n")
        sys.stdout.flush()

    def say_first(self, prompt: str, answer: str) -> None:
        """Print the first row and its answer."""
        self.say(_first_lines(prompt, answer))

    def tick(self, progress: Progress) -> None:
        """Print how far the job is, where it is time to."""
        if not self._ticks.due():
            return
        line = plain_job(progress, failures=False)
        if self._redraws:
            self._open = True
            sys.stdout.write(f"\r\x1b[K{line[:150]}")
        else:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def finish(self, progress: Progress) -> None:
        """Print how it ended, and which rows failed."""
        self._clear()
        sys.stdout.write(f"{plain_job(progress)}\n")
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._open:
            self._open = False
            sys.stdout.write("\r\x1b[K")


def _cut(text: str) -> str:
    shown = " ".join(text[: 2 * _LONGEST_ANSWER].split())
    return shown if len(shown) <= _LONGEST_ANSWER else f"{shown[: _LONGEST_ANSWER - 1]}…"
