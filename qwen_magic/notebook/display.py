"""The progressive output of a cell: an answer costs what it is long.

A finished run of Markdown blocks becomes a display of its own that is never sent again; only the open tail is
updated, at most ten times a second, and never for more bytes than a budget that grows with the answer. Thinking is
a block above it: its end while it goes on, all of it once, when the answer starts.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ..events import Event, Reset, Responder, Status, TextDelta, ThinkingDelta
from ..rendering.last_line import Notes, escape_addressed
from ..rendering.thoughts import Thoughts
from ..text.bundles import mime_bundle
from ..text.frames import frame
from ..text.markdown import BlockSplitter
from ..text.shown import shown_markdown
from .first_sign import publish
from .front_end import updates_displays
from .printing import PrintDisplay, SlotStatus, TerminalStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ..rendering.unreached import ToldTargets
    from ..reply import Reply
    from ..schema import Shape
    from ..text.forms import Shaped
    from .first_sign import FirstSign

TICK = 0.1
"""Seconds between two updates of the open tail."""

_THINKING_TICK = 0.2
"""Seconds between two updates of running thinking."""
_OVERHEAD = 900
"""Bytes of a message on IOPub besides its text, with headers and parent header; measured."""
_OTHER = "\0"
"""The mark of a display that shows what is not ours."""
_FREE_BYTES = 300_000
_BYTES_FOR_ONE = 48
"""Wire bytes that are allowed for each byte of the answer: 100,000 characters cost at most 5.1 MB."""
_FOLDED_BYTES = 3
"""About what a byte of thinking costs when it is folded, escaped and as plain text."""


class Display(Protocol):
    """What shows an answer in a cell."""

    def on_event(self, event: Event) -> None:
        """Show one event, at once or at the next tick."""

    def tick(self) -> None:
        """Show what has gathered, where it is time to."""

    def finish(self, reply: Reply, note: str = "") -> None:
        """Show the rest, and last the line that names target, seconds and speed."""


def make_display(
    shell: InteractiveShell | None,
    form: str,
    first_sign: FirstSign | None = None,
    shape: Shape | None = None,
    told: ToldTargets | None = None,
) -> Display:
    """Choose how to show an answer: displays where a front end draws Markdown and updates it, else plain printing.

    Args:
        shell: the shell whose cell it is, or None.
        form: one of `FORMATS` in `notebook.choices`.
        first_sign: what was shown before; a display of Markdown goes on with it.
        shape: the shape that the answer is to have, or None.
        told: the targets of which it was said below earlier answers that they were not reached.

    Returns:
        A display for one answer.

    """
    redraws = updates_displays(shell)
    if first_sign and form == "text":
        first_sign.clear(publish)
    if form == "text" or not redraws:
        status = SlotStatus(publish) if redraws else TerminalStatus()
        inner: MarkdownDisplay | PrintDisplay = PrintDisplay(status, told=told)
    else:
        inner = MarkdownDisplay(publish, first=first_sign.take() if first_sign else "", told=told)
    if form in ("markdown", "text"):
        if shape is None:
            return inner
        from .value_display import ValueDisplay  # noqa: PLC0415 - only where one was asked for

        return ValueDisplay(inner, shape, markdown=isinstance(inner, MarkdownDisplay))
    from .shaping import ShapedDisplay  # noqa: PLC0415 - only for what is not shown whole

    return ShapedDisplay(inner, form, markdown=redraws)


@dataclass
class _Slot:
    """One display of the cell, and the mark of what it shows."""

    display_id: str
    shown: str = ""


@dataclass(frozen=True)
class _SlotContent:
    """Something to be shown in a slot.

    Attributes:
        mark: what differs where it shows something else.
        bundle: makes its mime bundle.

    """

    mark: str
    bundle: Callable[[], dict[str, str]]


class MarkdownDisplay:
    """Show an answer as Markdown, block by block.

    Args:
        publish: sends a mime bundle to a display id, as a new display or an update.
        clock: the time in seconds.
        first: the id of a display that is there already, or "".
        told: the targets of which it was said below earlier answers that they were not reached.

    """

    def __init__(
        self,
        publish: Callable[[dict[str, str], str, bool], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        first: str = "",
        told: ToldTargets | None = None,
    ) -> None:
        self._publish = publish
        self._clock = clock
        self._slots = [_Slot(first, _OTHER)] if first else []
        self._splitter = BlockSplitter()
        self._runs: list[str] = []
        self._thoughts = Thoughts(clock)
        self._folded: _SlotContent | None = None
        self._pages: tuple[str, ...] = ()
        self._status = ""
        self._notes = Notes(told)
        self._dirty = False
        self._drawn = -_THINKING_TICK
        self._length = 0
        self.sent_bytes = 0

    def on_event(self, event: Event) -> None:
        """Show one event; a finished run at once, the rest at a tick."""
        self._notes.on_event(event)
        match event:
            case TextDelta(text):
                self._thoughts.stop()
                self._answer(text)
            case Reset(text, thinking):
                self._status = ""
                self._splitter, self._runs, self._length = BlockSplitter(), [], 0
                if thinking != self._thoughts.text:
                    self._folded = None
                    self._thoughts.replace(thinking)
                self._answer(text)
            case ThinkingDelta(text):
                self._thoughts.add(text)
                self._set_status("thinking" if self._length else "")
            case Status(text):
                self._set_status(text)
            case Responder(target) if not self._length:
                self._set_status(f"asking {target}")
        self.tick()

    def tick(self) -> None:
        """Draw what is open if it changed, its time has come and the budget allows."""
        thinking = self._thoughts.running and not self._length  # its seconds count on by themselves
        wait = _THINKING_TICK if thinking and not self._status else TICK
        if (self._dirty or thinking) and self._clock() - self._drawn >= wait and self._affordable():
            self._draw()

    def finish(self, reply: Reply, note: str = "", shaped: Shaped | None = None) -> None:
        """Draw the whole answer, or in its place what is given, without a status, and the last line."""
        self._status = ""
        text = reply.text if shaped is None else shaped.text
        if text != "".join(self._runs) + self._splitter.tail:  # or an event was missed by an interrupt
            self._splitter, self._runs = BlockSplitter(), []
            self._grow(text)
        self._pages = () if shaped is None else shaped.pages
        if reply.thinking.strip() != self._thoughts.text.strip():
            self._thoughts.replace(reply.thinking)
        self._thoughts.stop(reply.thinking_seconds)
        self._draw(final=True)
        slot = next((slot for slot in self._slots if not slot.shown), None)
        self._send(slot or self._new_slot(), self._notes.bundle(reply, note), new=slot is None)

    def _answer(self, text: str) -> None:
        if text:
            self._status = ""
            self._thoughts.stop()
        self._grow(text)

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
        if self._thoughts.size and self._folded is None:
            cost += _FOLDED_BYTES * self._thoughts.size if self._length else len(self._thoughts.opened().encode())
        return self.sent_bytes + cost <= _FREE_BYTES + _BYTES_FOR_ONE * (self._length + self._thoughts.size)

    def _draw(self, *, final: bool = False) -> None:
        """Bring the slots to what they should show: the thinking, the runs, the tail, the status, then nothing."""
        self._dirty, self._drawn = False, self._clock()
        tail = self._splitter.tail
        parts = self._thinking_parts(final=final)
        parts += [_answer_part(run, closed=True) for run in self._runs]
        if tail.strip():
            parts.append(_answer_part(tail, closed=final))
        parts += map(_page_part, self._pages)
        if self._status:
            parts.append(_markdown_part(f"*⏳ {escape_addressed(self._status)}…*"))
        for place, part in enumerate(parts):
            self._fill(place, part)
        for slot in self._slots[len(parts) :]:
            if slot.shown:
                self._send(slot, mime_bundle("", ""))

    def _thinking_parts(self, *, final: bool) -> list[_SlotContent]:
        """Give the block of the thinking, if there is any: open, or as it was folded when the answer began.

        What is thought after that is put into it at the end, for the whole is not to be sent time and again.
        """
        if not self._thoughts.size:
            return []
        if not self._length and not final:
            return [_markdown_part(self._thoughts.opened())]
        if self._folded is None or final:
            mark = f"{self._thoughts.heading()}\0{self._thoughts.size}"
            self._folded = _SlotContent(mark, self._thoughts.folded)
        return [self._folded]

    def _fill(self, place: int, part: _SlotContent) -> None:
        if place >= len(self._slots):
            self._send(self._new_slot(), part.bundle(), new=True, mark=part.mark)
        elif self._slots[place].shown != part.mark:
            self._send(self._slots[place], part.bundle(), mark=part.mark)

    def _new_slot(self) -> _Slot:
        slot = _Slot(uuid.uuid4().hex)
        self._slots.append(slot)
        return slot

    def _send(self, slot: _Slot, data: dict[str, str], *, new: bool = False, mark: str = "") -> None:
        self.sent_bytes += _OVERHEAD + sum(len(text.encode(errors="replace")) for text in data.values())
        self._publish(data, slot.display_id, not new)
        slot.shown = mark


def _answer_part(source: str, *, closed: bool) -> _SlotContent:
    return _SlotContent(f"{source}\0{closed}", partial(_answer_bundle, source, closed=closed))


def _answer_bundle(source: str, *, closed: bool) -> dict[str, str]:
    """Make a piece of the answer safe; with plain text, once it is closed."""
    markdown = shown_markdown(source, growing=not closed)
    return mime_bundle(markdown, source.strip("\n")) if closed else {"text/markdown": markdown}


def _page_part(page: str) -> _SlotContent:
    return _SlotContent(f"{page}\0frame", lambda: {"text/html": frame(page), "text/plain": "[the page, in a frame]"})


def _markdown_part(markdown: str) -> _SlotContent:
    return _SlotContent(markdown, lambda: {"text/markdown": markdown})
