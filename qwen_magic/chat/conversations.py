"""What is done with whole conversations: find one by its name, copy one into another store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..store import Conversation, Store


def copy(source: Store, conversation: Conversation, store: Store) -> Conversation:
    """Copy a conversation into another store, and return it as it is there."""
    found = store.create(conversation.name, conversation.notebook)
    store.extend(found.id, source.turns(conversation.id))
    store.set_system(found.id, conversation.system)
    if conversation.pinned:
        store.pin(found.id)
    return store.get(found.id)


def named(store: Store, name: str) -> Conversation:
    """Find a conversation by its name.

    Raises:
        UsageError: there is none.

    """
    conversation = store.find(name)
    if conversation is None:
        import difflib  # noqa: PLC0415 - only to help after a mistake

        close = difflib.get_close_matches(name, [one.name for one in store.conversations()], n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(f"there is no conversation {name!r}", hint=f"{hint}%qwen conversation list shows the names.")
    return conversation
