"""What a cell's last line says of its conversation: that it is a new one after a restart, or another than before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..text.counts import counted

if TYPE_CHECKING:
    from ..chat.memory import Memory
    from ..chat.position import Position


_STARTED = time.time()
"""When this process began to ask: what was said later is no earlier conversation."""


class Whereabouts:
    """What the user knows of the conversation in which cells ask; what changes is said once.

    Args:
        memory: the conversations.

    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: int | None = None
        self._begun = False

    def asked_in(self, conversation: int | None) -> None:
        """Note the conversation that the user knows the next cell asks in; None for a new one."""
        self._known, self._begun = conversation, True

    def note(self, position: Position, *, anew: bool) -> list[str]:
        """Return what is to be said of where a cell asks, which has named no conversation.

        Args:
            position: where it asks.
            anew: whether the notebook is known to begin anew: recorded answers are looked at, or nobody is there.

        """
        if position.alone:
            return []
        conversation = position.conversation
        begun, self._begun = self._begun, True
        if not begun:
            return [] if conversation or anew else self._earlier()
        if conversation is None:
            return [] if self._known is None else ["in a new conversation now"]
        return [] if conversation.id == self._known else [f"in the conversation {conversation.name!r} now"]

    def _earlier(self) -> list[str]:
        """Tell how to go on with what was said before a restart."""
        try:
            earlier = self._memory.earlier() if self._memory.exists else None
        except StoreError:
            return []
        if earlier is None or earlier.used_at > _STARTED:
            return []
        turns = counted(earlier.turns, "turn")
        return [f"new conversation; %qwen conversation use continues {earlier.name!r} ({turns})"]
