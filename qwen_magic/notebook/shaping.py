"""An answer shown in a form of its own: its code, JSON, page or formulas alone, drawn by the display within."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ..events import Event, Reset, Status, TextDelta
from ..text.counts import counted
from ..text.forms import make_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..reply import Reply
    from ..text.forms import Shaped

_TICK = 0.1
"""Seconds between two counts of what has come."""
_HELD = 0.5
"""Seconds that text is held back which the end will replace. JupyterLab, when it first highlights a language, draws an
update that comes within milliseconds before what it updates, which then stays; an answer that is there at once is so
drawn once."""


class Inner(Protocol):
    """What shows a text in a cell."""

    def on_event(self, event: Event) -> None:
        """Show one event; a delta without text tells that the answer has begun."""

    def tick(self) -> None:
        """Show what has gathered, where it is time to."""

    def finish(self, reply: Reply, note: str = "", shaped: Shaped | None = None) -> None:
        """Show the rest, of what is given in the answer's place, and the last line."""


class ShapedDisplay:
    """Show an answer in a form; while what comes of it is not to be shown, show how much has come.

    Args:
        inner: what draws it.
        form: "code", "json", "html" or "math".
        markdown: whether it draws Markdown, and can replace what it has drawn.
        clock: the time in seconds.

    """

    def __init__(self, inner: Inner, form: str, *, markdown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._name = form
        self._markdown = markdown
        self._clock = clock
        self._form = make_form(form, markdown=markdown)
        self._length = 0
        self._counted = -_TICK
        self._held = ""
        self._begun: float | None = None

    def on_event(self, event: Event) -> None:
        """Show one event."""
        match event:
            case TextDelta(text):
                self._length += len(text)
                self._inner.on_event(TextDelta(self._let_through(self._form.filter.feed(text))))
                self._count()
            case Reset(text, thinking):
                self._form = make_form(self._name, markdown=self._markdown)
                self._length, self._held = len(text), ""
                self._inner.on_event(Reset(self._let_through(self._form.filter.feed(text)), thinking))
                self._count()
            case _:
                self._inner.on_event(event)

    def tick(self) -> None:
        """Show what has gathered, where it is time to."""
        if self._held and (text := self._let_through("")):
            self._inner.on_event(TextDelta(text))
        self._inner.tick()

    def finish(self, reply: Reply, note: str = "") -> None:
        """Show the answer in its form, and below it what was not found, with the note."""
        final = (reply.thinking.strip() and self._form.after_thinking) or self._form.final
        shaped = final(reply.text)
        self._inner.finish(reply, " · ".join(line for line in (shaped.note, note) if line), shaped)

    def _let_through(self, text: str) -> str:
        """Return what of a text is to be drawn already."""
        if not self._form.replaces:
            return text
        if self._begun is None:
            self._begun = self._clock()
        if self._clock() - self._begun < _HELD:
            self._held += text
            return ""
        held, self._held = self._held, ""
        return held + text

    def _count(self) -> None:
        hidden = self._held or self._form.filter.silent
        if hidden and self._length and self._clock() - self._counted >= _TICK:
            self._counted = self._clock()
            self._inner.on_event(Status(f"{self._form.noun}: {counted(self._length, 'character')}", "server"))
