"""The visits that are kept for apps whose memory is a State: one for each conversation, found by what was said in it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...messages import Message
    from .visit import Visit

MOST_REPLAYED = 3
"""How many earlier questions are asked again, at most, to give a server a conversation that it does not hold."""

_MOST_KEPT = 16


@dataclass
class Visits:
    """Visits by the conversation that the server holds in them; the least used one is let go."""

    _kept: OrderedDict[str, Visit] = field(default_factory=OrderedDict)

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
