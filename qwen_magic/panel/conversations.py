"""What the user of a panel does with whole conversations: find, rename, pin, delete and export them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import QwenError, UsageError

if TYPE_CHECKING:
    from ..chat.memory import Memory
    from ..store import Conversation, Store
    from .hub import Hub
    from .listing import FoundConversation, FoundOp
    from .screen import Pages, Screen

MOST_FOUND = 100
"""Conversations that a page lists at once."""
_MOST_TURNS = 60


class Conversations:
    """The conversations that a panel lists. Everything happens on the loop.

    Args:
        memory: the session's conversations.
        hub: the session's answers that stream.
        pages: the pages.
        screen: what the pages show.

    """

    def __init__(self, memory: Memory, hub: Hub, pages: Pages, screen: Screen) -> None:
        self._memory = memory
        self._hub = hub
        self._pages = pages
        self._screen = screen

    def find(self, view: str, words: str) -> None:
        """List the conversations that have some words, on the page that asked for them."""
        self._hub.run(self._find(view, words))

    def rename(self, number: int, name: str) -> None:
        """Give a conversation another name; where it cannot have that, what was typed stays on the page."""
        try:
            self._memory.store.rename(number, name)
        except QwenError as error:
            self._screen.say(str(error), "error", setting="conversation")

    def pin(self, number: int, *, pinned: bool) -> None:
        """Note that a conversation is wanted before the others, or no more."""
        self._memory.store.pin(number, pinned=pinned)

    def delete(self, number: int) -> None:
        """Delete a conversation with all that was said in it.

        Raises:
            UsageError: an answer is being written in it.

        """
        if self._hub.streaming(number):
            raise UsageError(
                "an answer is being written in that conversation", hint="Stop it first, or wait until it ends."
            )
        for answer in [one for one in self._hub.answers if one.conversation == number]:
            self._hub.discard(answer)
        self._memory.store.delete(number)

    def export(self, view: str) -> None:
        """Give a page the conversation that is shown as a file.

        Raises:
            UsageError: there is none yet.

        """
        from ..exports import to_markdown  # noqa: PLC0415 - only where it is asked for

        conversation = self._screen.conversation
        if conversation is None:
            raise UsageError("there is no conversation yet", hint="Ask something first.")
        text = to_markdown(conversation, self._memory.store.turns(conversation.id), marked=False)
        name = "".join(letter if letter.isalnum() or letter in " -_." else "-" for letter in conversation.name)
        self._pages.show_op({"op": "file", "view": view, "name": f"{name}.md", "text": text})

    async def _find(self, view: str, words: str) -> None:
        """Find them in a thread of its own: where words have no limits, as in Chinese, all turns are read."""
        store, number = self._memory.store, self._screen.number
        try:
            found = await asyncio.to_thread(find_conversations, store, view, words, number)
        except QwenError as error:
            self._screen.say(str(error), "error", view=view)
        else:
            self._pages.show_op(found)


def find_conversations(store: Store, view: str, words: str, current: int | None) -> FoundOp:
    """Find the conversations that have all words in their name, or in one of their turns.

    Args:
        store: the conversations.
        view: the page that asks.
        words: words with blanks between them; without any, all conversations are found.
        current: the conversation that is shown, which is listed though it may have no turns yet.

    Returns:
        What the page is told: the pinned ones first, then those whose name has the words, those used last first.

    """
    listed = [one for one in store.conversations() if one.turns or one.id == current or one.pinned]
    wanted = words.casefold().split()
    found = {one.id: (one, "") for one in listed if all(word in one.name.casefold() for word in wanted)}
    if wanted:
        for hit in store.search(words, _MOST_TURNS):
            one, excerpt = found.get(hit.conversation.id, (hit.conversation, ""))
            asked = hit.asked if any(word in hit.asked.casefold() for word in wanted) else ""
            found[one.id] = (one, excerpt or asked or hit.answered)
    rows = sorted(found.values(), key=lambda row: not row[0].pinned)
    return {
        "op": "found",
        "view": view,
        "words": words,
        "conversations": [_row(one, excerpt) for one, excerpt in rows[:MOST_FOUND]],
        "more": max(0, len(rows) - MOST_FOUND),
    }


def _row(conversation: Conversation, excerpt: str) -> FoundConversation:
    used = f"{datetime.fromtimestamp(conversation.used_at):%Y-%m-%d %H:%M}"  # noqa: DTZ006 - the user's own clock
    return {
        "id": conversation.id,
        "name": conversation.name,
        "turns": conversation.turns,
        "pinned": conversation.pinned,
        "used": used,
        "excerpt": excerpt,
    }
