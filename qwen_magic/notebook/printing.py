"""An answer as plain text, as it comes: in a terminal or a console, and where nothing draws Markdown."""

from __future__ import annotations

import sys
import time
import uuid
from typing import TYPE_CHECKING, Protocol

from ..events import Event, Reset, Responder, Status, TextDelta, ThinkingDelta
from ..rendering.last_line import Notes, escape_addressed, one_line
from ..rendering.thoughts import Thoughts
from ..text.bundles import mime_bundle
from ..text.terminal import TerminalFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rendering.unreached import ToldTargets
    from ..reply import Reply
    from ..text.forms import Shaped

_TICK = 0.1
"""Seconds between two prints."""


class PrintDisplay:
    """Show an answer as plain text, where nothing draws Markdown or plain text was asked for.

    Args:
        status: shows what is being waited for, and the thinking.
        clock: the time in seconds.
        told: the targets of which it was said below earlier answers that they were not reached.

    """

    def __init__(
        self, status: StatusLine, clock: Callable[[], float] = time.monotonic, *, told: ToldTargets | None = None
    ) -> None:
        self._status = status
        self._filter = TerminalFilter()
        self._clock = clock
        self._text = ""
        self._gathered: list[str] = []
        self._thoughts = Thoughts(clock)
        self._drawn = -_TICK
        self._notes = Notes(told)

    def on_event(self, event: Event) -> None:
        """Gather text; show a status at once."""
        self._notes.on_event(event)
        match event:
            case TextDelta(text):
                self._end_thinking()
                self._text += text
                self._gathered.append(self._filter.feed(text))
            case Reset(text, thinking):
                self._rethink(thinking)
                self._rewrite(text, thinking)
            case ThinkingDelta(text):
                self._thoughts.add(text)
            case Status(text):
                self._show_status(text)
            case Responder(target):
                self._show_status(f"asking {target}")
        self.tick()

    def tick(self) -> None:
        """Print what has gathered, ten times a second at most."""
        if self._clock() - self._drawn < _TICK:
            return
        if self._gathered:
            self._print()
        elif self._thoughts.running and not self._text:
            self._drawn = self._clock()
            self._status.think(self._thoughts)

    def finish(self, reply: Reply, note: str = "", shaped: Shaped | None = None) -> None:
        """Print the rest, of what is given in the answer's place too, and the last line."""
        if shaped is not None:
            self._complete(shaped.text)
        self._gathered.append(self._filter.close())
        if reply.thinking.strip() != self._thoughts.text.strip():  # an event was missed by an interrupt
            self._rethink(reply.thinking)
        self._end_thinking()
        self._thoughts.stop(reply.thinking_seconds)
        self._print()
        self._status.clear()
        if self._thoughts.size:
            self._status.keep(self._thoughts)
        start = "\n" if self._text and not self._text.endswith("\n") else ""
        sys.stdout.write(start + "".join(f"[{one_line(line)}]\n" for line in self._notes.lines(reply, note)))
        sys.stdout.flush()

    def _complete(self, text: str) -> None:
        """Print what is missing of a text, below what cannot be taken back."""
        if self._text.startswith(text.rstrip()) and not self._text[len(text.rstrip()) :].strip():
            return
        rest = text[len(self._text) :] if text.startswith(self._text) else f"\n\n{text}"
        self._end_thinking()
        self._gathered.append(self._filter.feed(rest))
        self._text = text

    def _end_thinking(self) -> None:
        if not self._thoughts.running:
            return
        if not self._text:
            self._status.think(self._thoughts)
            self._thoughts.stop()
            self._status.end_thinking(self._thoughts)
        self._thoughts.stop()

    def _rethink(self, thinking: str) -> None:
        if thinking.startswith(self._thoughts.text):
            if rest := thinking[len(self._thoughts.text) :]:
                self._thoughts.add(rest)
        else:
            self._thoughts.replace(thinking)

    def _rewrite(self, text: str, thinking: str) -> None:
        if text.startswith(self._text):
            if text:
                self._end_thinking()
            self._gathered.append(self._filter.feed(text[len(self._text) :]))
        else:
            was_thinking = not text and self._text.strip() in thinking
            note = "end of the thinking" if was_thinking else "the server rewrote its answer"
            self._thoughts.stop()  # nothing of it is to be printed above what stands here
            self._gathered += [self._filter.close(), f"\n[{note}]\n", self._filter.feed(text)]
        self._text = text

    def _show_status(self, text: str) -> None:
        if not self._text:
            self._status.show(one_line(text))

    def _print(self) -> None:
        text = "".join(self._gathered)
        self._gathered = []
        self._drawn = self._clock()
        if text:
            self._status.clear()
            sys.stdout.write(text)
            sys.stdout.flush()


class StatusLine(Protocol):
    """What is shown besides printed text."""

    def show(self, text: str) -> None:
        """Show what is being waited for."""

    def clear(self) -> None:
        """Take that away."""

    def think(self, thoughts: Thoughts) -> None:
        """Show running thinking."""

    def end_thinking(self, thoughts: Thoughts) -> None:
        """Make room for the answer."""

    def keep(self, thoughts: Thoughts) -> None:
        """Bring what stays of the thinking up to date, at the end."""


class TerminalStatus:
    """A line in a terminal that is written over, and thinking printed dim; no line where the output is no terminal."""

    def __init__(self) -> None:
        self._shown = False
        self._filter = TerminalFilter()
        self._printed = 0
        self._last = ""

    def show(self, text: str) -> None:
        """Show what is being waited for."""
        if sys.stdout.isatty() and not self._printed:
            self._shown = True
            sys.stdout.write(f"\r\x1b[K\x1b[2m{text[:100]}…\x1b[0m")
            sys.stdout.flush()

    def clear(self) -> None:
        """Take that away."""
        if self._shown:
            self._shown = False
            sys.stdout.write("\r\x1b[K")

    def think(self, thoughts: Thoughts) -> None:
        """Print what is new of the thinking, dim."""
        if not sys.stdout.isatty():
            return
        text = self._filter.feed(thoughts.since(self._printed))
        if not text:
            return
        self.clear()
        heading = "" if self._printed else "\x1b[2m[thinking]\x1b[0m\n"
        self._printed = thoughts.length
        self._last = text[-1]
        sys.stdout.write(f"{heading}\x1b[2m{text}\x1b[0m")
        sys.stdout.flush()

    def end_thinking(self, thoughts: Thoughts) -> None:
        """Print a blank line; where the thinking was not printed, how long it took."""
        self.clear()
        if not self._printed:
            sys.stdout.write(f"[{thoughts.heading()}]\n")
        else:
            sys.stdout.write("\n" if self._last == "\n" else "\n\n")
        sys.stdout.flush()

    def keep(self, thoughts: Thoughts) -> None:
        """Do nothing: what was printed stays."""


class SlotStatus:
    """Displays of their own above printed text: a status, empty at the end, and the thinking.

    Args:
        publish: sends a mime bundle to a display id, as a new display or an update.

    """

    def __init__(self, publish: Callable[[dict[str, str], str, bool], None]) -> None:
        self._publish = publish
        self._status_id, self._thinking_id = uuid.uuid4().hex, uuid.uuid4().hex
        self._shown: dict[str, dict[str, str]] = {}

    def show(self, text: str) -> None:
        """Show what is being waited for."""
        self._send(self._status_id, mime_bundle(f"*⏳ {escape_addressed(text)}…*", f"{text}…"))

    def clear(self) -> None:
        """Take that away."""
        if self._status_id in self._shown:
            self._send(self._status_id, mime_bundle("", ""))

    def think(self, thoughts: Thoughts) -> None:
        """Show how long the thinking takes."""
        self.show(thoughts.heading())

    def end_thinking(self, thoughts: Thoughts) -> None:
        """Show the thinking, folded."""
        self.clear()
        self._send(self._thinking_id, thoughts.folded())

    def keep(self, thoughts: Thoughts) -> None:
        """Bring the folded thinking up to date; where it was printed as text, there is none."""
        if self._thinking_id in self._shown:
            self._send(self._thinking_id, thoughts.folded())

    def _send(self, display_id: str, data: dict[str, str]) -> None:
        if self._shown.get(display_id) != data:
            sys.stdout.flush()
            self._publish(data, display_id, display_id in self._shown)
            self._shown[display_id] = data
