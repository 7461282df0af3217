"""Where a prompt stands in a conversation, and the turn that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..messages import Message
    from ..store import Conversation, Store, Turn

_MESSAGES: Callable[[Turn], tuple[Message, ...]] = attrgetter("messages")


@dataclass(frozen=True)
class Position:
    """Where a prompt stands.

    Attributes:
        conversation: its conversation, or None where it begins one, or is asked outside of any.
        name: the name of the conversation, where one was named, or "".
        before: the turns before it that go along, in order.
        replaces: the turn that it takes the place of, or None.
        at: the place at which it is put where it replaces none, before what stands there; None for the end.
        branch: whether the turns after it are set aside with the one that it replaces; else they stay in force.
        cell: the key of the cell that asks, or "".
        alone: whether it is asked outside of any conversation.
        chosen: whether later prompts follow this one.
        anew: whether a new one is begun even if there is one of that name.
        first: whether it begins the conversation, or takes the place of the turn that did.

    """

    conversation: Conversation | None = None
    name: str = ""
    before: tuple[Turn, ...] = ()
    replaces: Turn | None = None
    at: int | None = None
    branch: bool = False
    cell: str = ""
    alone: bool = False
    chosen: bool = False
    anew: bool = False
    first: bool = field(default=False, compare=False)

    @property
    def system(self) -> str:
        """The conversation's system prompt, or ""."""
        return self.conversation.system if self.conversation else ""

    def without_before(self) -> Position:
        """Return the same position for a question that needs nothing of what was said before."""
        return replace(self, before=())

    def last(self, turns: int | None) -> Position:
        """Return the same position where only so many of the earlier turns go along; None for all of them."""
        return self if turns is None else replace(self, before=self.before[-turns:] if turns else ())

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """What was said before."""
        return tuple(chain.from_iterable(map(_MESSAGES, self.before)))


@dataclass
class OpenTurn:
    """A turn whose answer is being written, or can still be continued.

    Attributes:
        id: its id in the store.
        store: where it is.
        conversation: the number of its conversation.
        place: its place there.
        leaves: the turn of the same cell that another conversation loses by it, or None.

    """

    id: int
    store: Store
    conversation: int
    place: int
    leaves: int | None = None
