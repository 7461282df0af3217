"""Visits kept for apps whose memory is a State: one for each conversation, found by what was said in it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...events import Reset, TextDelta
from .visit import Visit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...events import Event
    from ...messages import Message
    from .endpoints import Walk

MOST_REPLAYED = 3
"""How many earlier questions are asked again, at most, to give a server a conversation that it does not hold."""

_MOST_KEPT = 16


class Said:
    """What an answer has said so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """Its text, without the thinking."""
        return "".join(self._parts)

    def hear(self, event: Event) -> None:
        """Take an event of the answer."""
        if isinstance(event, TextDelta):
            self._parts.append(event.text)
        elif isinstance(event, Reset):
            self._parts = [event.text]


@dataclass(frozen=True)
class Course:
    """How an app gets to know the conversation.

    Attributes:
        visit: the visit in which it is asked.
        repeated: earlier questions that are asked in it again, first.
        whole: whether all messages are handed over, not the last alone.
        goes_on: whether the visit holds the conversation already.

    """

    visit: Visit
    repeated: tuple[Message, ...] = ()
    whole: bool = True
    goes_on: bool = False


@dataclass
class Visits:
    """Visits by the conversation that the server holds in them; the least used one is let go."""

    _kept: OrderedDict[str, Visit] = field(default_factory=OrderedDict)

    def course(self, walk: Walk, turns: Sequence[Message], app_id: str) -> Course:
        """Choose how the app gets to know these turns, of which the last is asked.

        Args:
            walk: the page's steps.
            turns: the conversation without its system prompt.
            app_id: the server's process: one that was started anew holds nothing of an earlier visit.

        """
        earlier = turns[:-1]
        if not walk.keeps or not earlier:
            return Course(Visit(app_id=app_id))
        kept = self.take(earlier)
        if kept and kept.app_id == app_id:
            return Course(kept, whole=False, goes_on=True)
        questions = tuple(turn for turn in earlier if turn.role == "user")
        if len(questions) > MOST_REPLAYED:
            return Course(Visit(app_id=app_id))
        return Course(Visit(app_id=app_id), questions, whole=False)

    def take(self, turns: Sequence[Message]) -> Visit | None:
        """Take out the visit in which exactly these turns were said, or None."""
        return self._kept.pop(_key(turns), None)

    def keep(self, turns: Sequence[Message], visit: Visit) -> None:
        """Keep a visit for what follows on these turns."""
        self._kept[_key(turns)] = visit
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


def _key(turns: Sequence[Message]) -> str:
    """Name a conversation; white space counts for nothing, since front ends trim it."""
    said = "\x00".join(f"{turn.role}\x01{' '.join(turn.text.split())}" for turn in turns)
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()
