"""What of a queue's messages is progress: more of an answer, a better place, words that are new. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...events import AnswerEvent, End, Reset, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...events import Event

_MOST_SEEN = 10_000


@dataclass
class Progress:
    """Tell progress from signs of life, of which there may be no end.

    A cursor that blinks, a place that goes up and down, and the same words over and over are none.

    Attributes:
        moved: whether there was progress since somebody last set it to false.
        answers: whether something of the answer has come.
        beats: whether heartbeats come.

    """

    moved: bool = False
    answers: bool = False
    beats: bool = False
    _place: int | None = None
    _longest: int = 0
    _seen: set[int] = field(default_factory=set)

    def note(self, events: Sequence[Event], size: int) -> None:
        """Note what was read out of messages.

        Args:
            events: the events.
            size: how long the answer is now, with its thinking.

        """
        for event in events:
            if isinstance(event, AnswerEvent):
                self.answers = True
                if isinstance(event, Reset) and self._is_new(event):
                    self.moved, self._longest = True, size
            elif isinstance(event, End) or (isinstance(event, Status) and event.kind != "queue"):
                self.moved = self.moved or self._is_new(event)
        if size > self._longest:
            self.moved, self._longest = True, size

    def note_place(self, place: int | None) -> None:
        """Note a place in the queue; a better one than ever is progress."""
        if place is not None and (self._place is None or place < self._place):
            self.moved, self._place = True, place

    def _is_new(self, event: Event) -> bool:
        known = hash(event)
        if known in self._seen or len(self._seen) >= _MOST_SEEN:
            return False
        self._seen.add(known)
        return True
