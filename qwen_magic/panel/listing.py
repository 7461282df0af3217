"""The part of a panel's protocol that is about its list of conversations; see `protocol`."""

from __future__ import annotations

from typing import Literal, TypedDict


class FoundConversation(TypedDict):
    """A conversation in the list of those that were found.

    Attributes:
        id: its number.
        name: its name.
        turns: how many turns it has.
        pinned: whether its user wants it before the others.
        used: when it was used last, for a reader.
        excerpt: what stands around the words in one of its turns, or "".

    """

    id: int
    name: str
    turns: int
    pinned: bool
    used: str
    excerpt: str


class FoundOp(TypedDict):
    """List the conversations that were found, on the page that asked for them.

    Attributes:
        view: the page.
        words: the words that it asked for.
        conversations: those that were found, in order.
        more: how many more there are.

    """

    op: Literal["found"]
    view: str
    words: str
    conversations: list[FoundConversation]
    more: int


class FindAction(TypedDict):
    """Ask for the conversations that have some words; without any, for all."""

    action: Literal["find"]
    view: str
    words: str


class RenameAction(TypedDict):
    """Give a conversation another name."""

    action: Literal["rename"]
    conversation: int
    name: str


class PinAction(TypedDict):
    """Note that a conversation is wanted before the others, or no more."""

    action: Literal["pin"]
    conversation: int
    pinned: bool


class RemoveAction(TypedDict):
    """Delete a conversation with all that was said in it."""

    action: Literal["remove"]
    conversation: int
