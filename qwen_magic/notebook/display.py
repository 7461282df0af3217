"""The progressive output of a cell: an answer costs what it is long.

A finished run of Markdown blocks becomes a display of its own that is never sent again; only the open tail is
updated, at most ten times a second, and never for more bytes than a budget that grows with the answer.
"""

from __future__ import annotations

import re
import sys
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .. import events
from ..events import Event, Reset, Status, TextDelta, ThinkingDelta
from ..text.markdown import BlockSplitter
from ..text.math import dollar_math
from ..text.safe import safe_markdown
from ..text.terminal import TerminalFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ..messages import Reply

TICK = 0.1
"""Seconds between two updates of the open tail."""

_OVERHEAD = 900
"""Bytes of a message on IOPub besides its text, with headers and parent header; measured."""
_MEASURABLE = 0.05
"""Seconds of writing below which a speed says nothing."""
_FREE_BYTES = 300_000
_BYTES_FOR_ONE = 48
"""Wire bytes that are allowed for each byte of the answer: 100,000 characters cost at most 5.1 MB."""


class Display(Protocol):
    """What shows an answer in a cell."""

    def take(self, event: Event) -> None:
        """Show one event, at once or at the next tick."""

    def tick(self) -> None:
        """Show what has gathered, where it is time to."""

    def finish(self, reply: Reply, note: str = "") -> None:
        """Show the rest, and last the line that names target, seconds and speed."""


def make_display(shell: InteractiveShell | None, form: str) -> Display:
    """Choose how to show an answer: displays where a front end draws Markdown, else plain printing."""
    has_front_end = getattr(shell, "kernel", None) is not None
    if has_front_end and form == "markdown":
        return MarkdownDisplay(_publish)
    return PrintDisplay(_SlotStatus(_publish) if has_front_end else _TerminalStatus())


def _publish(data: dict[str, str], display_id: str, update: bool) -> None:  # noqa: FBT001 - IPython's own form
    from IPython.display import publish_display_data  # noqa: PLC0415 - only in a notebook

    publish_display_data(data, metadata={}, transient={"display_id": display_id}, update=update)  # type: ignore[no-untyped-call]


@dataclass
class _Slot:
    """One display of the cell, and what it shows."""

    display_id: str
    shown: str = ""


class MarkdownDisplay:
    """Show an answer as Markdown, block by block.

    Args:
        publish: sends a mime bundle to a display id, as a new display or an update.
        clock: the time in seconds.

    """

    def __init__(
        self, publish: Callable[[dict[str, str], str, bool], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._publish = publish
        self._clock = clock
        self._slots: list[_Slot] = []
        self._splitter = BlockSplitter()
        self._runs: list[str] = []
        self._status = ""
        self._notes = _Notes()
        self._dirty = False
        self._drawn = -TICK
        self._length = 0
        self.sent_bytes = 0

    def take(self, event: Event) -> None:
        """Show one event; a finished run at once, the rest at a tick."""
        self._notes.take(event)
        match event:
            case TextDelta(text):
                self._status = ""
                self._grow(text)
            case Reset(text):
                self._splitter, self._runs, self._length = BlockSplitter(), [], 0
                self._grow(text)
            case ThinkingDelta():
                self._set_status("thinking")
            case Status(text):
                self._set_status(text)
            case events.Target(target) if not self._length:
                self._set_status(f"asking {target}")
        self.tick()

    def tick(self) -> None:
        """Draw the open tail if it changed, its time has come and the budget allows."""
        if self._dirty and self._clock() - self._drawn >= TICK and self._affordable():
            self._draw()

    def finish(self, reply: Reply, note: str = "") -> None:
        """Draw the whole answer, without a status, and the last line."""
        self._status = ""
        if reply.text != "".join(self._runs) + self._splitter.tail:  # an event was missed by an interrupt
            self._splitter, self._runs = BlockSplitter(), []
            self._grow(reply.text)
        self._draw(final=True)
        lines = [line for line in (*self._notes.lines, last_line(reply), note) if line]
        slot = next((slot for slot in self._slots if not slot.shown), None)
        written = "  \n".join(f"*{escape(line)}*" for line in lines)
        self._send(slot or self._new_slot(), written, "\n".join(lines), new=slot is None)

    def _grow(self, text: str) -> None:
        self._length += len(text.encode(errors="replace"))
        runs = self._splitter.feed(text)
        self._runs += runs
        self._dirty = True
        if runs:
            self._draw()

    def _set_status(self, text: str) -> None:
        self._status = text
        self._dirty = True

    def _affordable(self) -> bool:
        cost = _OVERHEAD + len(self._splitter.tail.encode(errors="replace"))
        return self.sent_bytes + cost <= _FREE_BYTES + _BYTES_FOR_ONE * self._length

    def _draw(self, *, final: bool = False) -> None:
        """Bring the slots to what they should show: the runs, the tail, the status, then nothing."""
        self._dirty, self._drawn = False, self._clock()
        tail = self._splitter.tail
        wanted = [*self._runs, *([tail] if tail.strip() else [])]
        closed = len(wanted) if final else len(self._runs)
        for place, source in enumerate(wanted):
            self._fill(place, source, closed=place < closed)
        rest = [f"*⏳ {escape(self._status)}…*"] if self._status else []
        for place, source in enumerate(rest, len(wanted)):
            self._fill(place, source, closed=False, trusted=True)
        for slot in self._slots[len(wanted) + len(rest) :]:
            if slot.shown:
                self._send(slot, "", "")

    def _fill(self, place: int, source: str, *, closed: bool, trusted: bool = False) -> None:
        mark = f"{source}\0{closed}"
        if place < len(self._slots):
            if self._slots[place].shown == mark:
                return
            slot, new = self._slots[place], False
        else:
            slot, new = self._new_slot(), True
        plain = source.strip("\n") if closed else None
        self._send(slot, source if trusted else safe_markdown(dollar_math(source)), plain, new=new, mark=mark)

    def _new_slot(self) -> _Slot:
        slot = _Slot(uuid.uuid4().hex)
        self._slots.append(slot)
        return slot

    def _send(self, slot: _Slot, markdown: str, plain: str | None, *, new: bool = False, mark: str = "") -> None:
        data = {"text/markdown": markdown}
        if plain is not None:
            data["text/plain"] = plain
        self.sent_bytes += _OVERHEAD + sum(len(text.encode(errors="replace")) for text in data.values())
        self._publish(data, slot.display_id, not new)
        slot.shown = mark


class _Notes:
    """What stays to be read below an answer: which targets failed before, and what this one did not take."""

    def __init__(self) -> None:
        self._failed: list[str] = []
        self._warnings: list[str] = []

    @property
    def lines(self) -> list[str]:
        return [*self._failed, *self._warnings]

    def take(self, event: Event) -> None:
        match event:
            case events.Target():
                self._warnings = []  # they were the last target's
            case Status(text, "failover", target):
                self._failed.append(f"{target}: {text}")
            case Status(text, "warning"):
                self._warnings.append(text)


class PrintDisplay:
    """Show an answer as plain text, where nothing draws Markdown or plain text was asked for.

    Args:
        status: the line that shows what is being waited for.

    """

    def __init__(self, status: _StatusLine, clock: Callable[[], float] = time.monotonic) -> None:
        self._status = status
        self._filter = TerminalFilter()
        self._clock = clock
        self._text = ""
        self._gathered: list[str] = []
        self._drawn = -TICK
        self._notes = _Notes()

    def take(self, event: Event) -> None:
        """Gather text; show a status at once."""
        self._notes.take(event)
        match event:
            case TextDelta(text):
                self._text += text
                self._gathered.append(self._filter.feed(text))
            case Reset(text):
                self._rewrite(text)
            case ThinkingDelta():
                self._show_status("thinking")
            case Status(text):
                self._show_status(text)
            case events.Target(target):
                self._show_status(f"asking {target}")
        self.tick()

    def tick(self) -> None:
        """Print what has gathered, ten times a second at most."""
        if self._gathered and self._clock() - self._drawn >= TICK:
            self._print()

    def finish(self, reply: Reply, note: str = "") -> None:
        """Print the rest and the last line."""
        self._gathered.append(self._filter.close())
        self._print()
        self._status.clear()
        lines = [line for line in (*self._notes.lines, last_line(reply), note) if line]
        start = "\n" if self._text and not self._text.endswith("\n") else ""
        sys.stdout.write(start + "".join(f"[{_one_line(line)}]\n" for line in lines))
        sys.stdout.flush()

    def _rewrite(self, text: str) -> None:
        if text.startswith(self._text):
            self._gathered.append(self._filter.feed(text[len(self._text) :]))
        else:
            note = "\n[the server rewrote its answer]\n" if self._text else ""
            self._gathered += [self._filter.close(), note, self._filter.feed(text)]
        self._text = text

    def _show_status(self, text: str) -> None:
        if not self._text:
            self._status.show(_one_line(text))

    def _print(self) -> None:
        text = "".join(self._gathered)
        self._gathered = []
        self._drawn = self._clock()
        if text:
            self._status.clear()
            sys.stdout.write(text)
            sys.stdout.flush()


class _StatusLine(Protocol):
    def show(self, text: str) -> None: ...
    def clear(self) -> None: ...


class _TerminalStatus:
    """A line in a terminal that is written over; nothing where the output is no terminal."""

    def __init__(self) -> None:
        self._shown = False

    def show(self, text: str) -> None:
        if sys.stdout.isatty():
            self._shown = True
            sys.stdout.write(f"\r\x1b[K\x1b[2m{text[:100]}…\x1b[0m")
            sys.stdout.flush()

    def clear(self) -> None:
        if self._shown:
            self._shown = False
            sys.stdout.write("\r\x1b[K")


class _SlotStatus:
    """A display of its own above printed text, empty at the end."""

    def __init__(self, publish: Callable[[dict[str, str], str, bool], None]) -> None:
        self._publish = publish
        self._display_id = uuid.uuid4().hex
        self._made = False
        self._shown = False

    def show(self, text: str) -> None:
        self._send({"text/markdown": f"*⏳ {escape(text)}…*", "text/plain": f"{text}…"})
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            self._send({"text/markdown": "", "text/plain": ""})
            self._shown = False

    def _send(self, data: dict[str, str]) -> None:
        self._publish(data, self._display_id, self._made)
        self._made = True


def last_line(reply: Reply) -> str:
    """Tell who answered, how long it took and how fast, and how it ended if not by itself."""
    model = reply.model if reply.model and reply.model.lower() not in reply.target.lower() else ""
    parts = [reply.target, model, f"{reply.seconds:.1f} s", _speed(reply)]
    match reply.finish_reason:
        case "interrupted":
            parts.insert(0, "■ interrupted, what had come is kept" if reply.text else "■ interrupted")
        case "error":
            parts.insert(0, "⚠ broken off, what had come is kept" if reply.text else "⚠ no answer")
        case "length":
            parts.insert(0, "cut at the token limit")
    return " · ".join(part for part in parts if part)


def _speed(reply: Reply) -> str:
    if not reply.text:
        return ""
    tokens = reply.usage.completion_tokens
    count, unit = (tokens, "tokens") if tokens else (len(reply.text), "characters")
    writing = reply.seconds - (reply.first_token_seconds or 0.0)
    return f"{count} {unit}" + (f", {count / writing:.0f} a second" if writing >= _MEASURABLE else "")


def escape(text: str) -> str:
    """Write a plain text so that Markdown shows it as it is, on one line."""
    return re.sub(r"[\\`*_{}\[\]<>#|~$&!@]", lambda match: f"&#{ord(match.group())};", _one_line(text))


def _one_line(text: Any) -> str:
    return " ".join(TerminalFilter().feed(str(text)).split())
