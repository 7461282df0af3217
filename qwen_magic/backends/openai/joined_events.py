"""Events that came together, in which deltas of one kind that follow each other are one; without I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...events import TextDelta, ThinkingDelta

if TYPE_CHECKING:
    from ...events import Event


class JoinedEvents:
    """Events of one read, in which deltas of one kind that follow each other are one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._texts: list[str] = []
        self._kind: type[TextDelta | ThinkingDelta] = TextDelta

    def add_text(self, text: str) -> None:
        """Add more of the answer's text."""
        if self._kind is not TextDelta:
            self._flush(TextDelta)
        self._texts.append(text)

    def add(self, events: list[Event]) -> None:
        """Add events in their order."""
        for event in events:
            if isinstance(event, (TextDelta, ThinkingDelta)):
                if type(event) is not self._kind:
                    self._flush(type(event))
                self._texts.append(event.text)
            else:
                self._flush(self._kind)
                self._events.append(event)

    def events(self) -> list[Event]:
        """Give all of them."""
        self._flush(self._kind)
        return self._events

    def _flush(self, kind: type[TextDelta | ThinkingDelta]) -> None:
        if text := "".join(self._texts):
            self._events.append(self._kind(text))
        self._texts, self._kind = [], kind
