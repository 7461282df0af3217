"""The store: all that can be asked of the conversations' database, and done to it, each in one transaction."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, TypeVar

from ..text.secrets import without_secrets
from ..text.surrogates import mended
from ..watchers import Watchers
from .keeper import PATIENCE, Keeper
from .operations import (
    append_turns,
    begin_turn,
    clear_conversation,
    delete_conversation,
    drop_turn,
    finish_turn,
    insert_conversation,
    pin_conversation,
    rename_conversation,
    set_system,
    take_out,
)
from .reads import Reads
from .rows import (
    Conversation,
    SearchHit,
    Turn,
    checked_name,
    conversation_by_id,
    conversation_where,
    turns_where,
)
from .search import search
from .versions import delete_versions, last_finished, switch_to, undo

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..reply import Reply

T = TypeVar("T")


class Store:
    """The conversations, in one file that several kernels may use at once.

    A turn is written when it is asked, and again when its answer ends: a process that is killed loses no more than
    the open answer. Each turn has a place; a turn that is asked again takes the place of the one before it, which is
    kept as an earlier version. One version of each place is in force at most, and the conversation is made of those.
    Later turns stay in force, or, where it is asked as a branch, are parked: they come back with the earlier version.

    All methods may be called from any thread, and in a forked process; a thread that waits for one can be interrupted
    at once. Where the file cannot be used for a while, or was damaged, all goes on in memory, and is written when it
    can be: `trouble` tells.

    Args:
        path: the file; None for memory alone.
        patience: seconds that a call waits for the locks of other programs, before it goes on in memory.
        hurried: tells whether the calling thread must not stand still, as an event loop's: it waits for a moment only.

    Raises:
        StoreError: the file cannot be used at all.

    """

    def __init__(
        self, path: Path | None, *, patience: float = PATIENCE, hurried: Callable[[], bool] = lambda: False
    ) -> None:
        self.path = path
        self._reads = Reads()
        self._watchers = Watchers()
        self._keeper = Keeper(path, self._watchers.tell, patience, hurried)
        weakref.finalize(self, self._keeper.stop).atexit = False
        _STORES.add(self)

    @property
    def trouble(self) -> str:
        """Why the file is not used now, and what that means, in one line; "" where all is well."""
        return self._keeper.trouble

    def close(self) -> None:
        """Write what waits, if that can be, and close the file; nothing can be asked of the store any more."""
        self._watchers.clear()
        self._keeper.close()

    def watch(self, callback: Callable[[], None]) -> None:
        """Call a callback after each write of this process that changed something, in the thread that wrote."""
        self._watchers.add(callback)

    def unwatch(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers.remove(callback)

    def create(self, name: str, notebook: str = "", *, existing: bool = False) -> Conversation:
        """Begin a conversation.

        Args:
            name: its name; one that is taken gets -2, -3 and so on.
            notebook: the path of the notebook that it belongs to, or "".
            existing: whether the one of that name is returned where it is there.

        Returns:
            The conversation.

        Raises:
            UsageError: that is no name.

        """
        number = self._write(insert_conversation, checked_name(name), mended(notebook), existing, revocable=True)
        return self.get(number)

    def find(self, name: str) -> Conversation | None:
        """Return the conversation of that name, or None."""
        return self._keeper.read(self._reads.find, mended(name.strip()))

    def look_up(self, conversation: int) -> Conversation | None:
        """Return a conversation by its number, or None where it was deleted."""
        return self._keeper.read(self._reads.conversation, conversation)

    def get(self, conversation: int) -> Conversation:
        """Return a conversation by its number.

        Raises:
            StoreError: it was deleted.

        """
        return self._keeper.read(conversation_by_id, conversation)

    def conversations(self) -> list[Conversation]:
        """Return all conversations, the one that was used last first."""
        return self._keeper.read(self._reads.conversations)

    def rename(self, conversation: int, name: str) -> None:
        """Give a conversation another name.

        Raises:
            UsageError: that is no name, or it is taken.
            StoreError: the conversation was deleted.

        """
        self._write(rename_conversation, conversation, checked_name(name))

    def pin(self, conversation: int, *, pinned: bool = True) -> None:
        """Note that a conversation's user wants it before the others in a list, or no more.

        Raises:
            StoreError: the conversation was deleted.

        """
        self._write(pin_conversation, conversation, pinned)

    def delete(self, conversation: int) -> None:
        """Delete a conversation with all that was said in it."""
        self._rearrange(delete_conversation, conversation)

    def clear(self, conversation: int) -> None:
        """Delete all that was said in a conversation; it stays, with its system prompt."""
        self._rearrange(clear_conversation, conversation)

    def set_system(self, conversation: int, text: str) -> None:
        """Set the system prompt of a conversation, without what is secret in it; "" for none.

        Raises:
            StoreError: the conversation was deleted.

        """
        self._write(set_system, conversation, mended(without_secrets(text)))

    def turns(self, conversation: int, last: int | None = None) -> list[Turn]:
        """Return the turns that are in force, in the order of their places; those that did not change are the same.

        Args:
            conversation: its number.
            last: how many are wanted, from the end; None for all.

        """
        return self._keeper.read(self._reads.turns, conversation, last)

    def turn(self, number: int) -> Turn | None:
        """Return a turn by its number, whether or not it is in force; None where it was deleted."""
        return next(iter(self._turns("id = ?", number)), None)

    def conversation_of(self, turn: int) -> Conversation | None:
        """Return the conversation of a turn, or None where it was deleted."""
        return self._keeper.read(conversation_where, "id = (SELECT conversation FROM turn WHERE id = ?)", turn)

    def turn_of(self, conversation: int, cell: str) -> Turn | None:
        """Return the turn in force that a cell asked, the last one if it asked several; None without one."""
        wanted = mended(cell)
        return (
            next((turn for turn in reversed(self.turns(conversation)) if turn.cell == wanted), None) if cell else None
        )

    def unanswered(self, conversation: int) -> list[Turn]:
        """Return the turns without an answer: open ones, and those of kernels that died, which are "interrupted"."""
        return self._turns("conversation = ? AND finished IS NULL ORDER BY id", conversation)

    def begin(
        self,
        conversation: int,
        turn: Turn,
        replaces: Turn | None = None,
        *,
        branch: bool = False,
        before: int | None = None,
    ) -> int:
        """Write an open turn, which is not in force yet.

        Args:
            conversation: its conversation's number.
            turn: what is asked.
            replaces: the turn whose place it is to take; one that is gone is none.
            branch: whether the turns after it are parked with its first answer, under the version that it replaces.
            before: the place at which it is put where it replaces none, before what stands there; None for the end.

        Returns:
            The turn's number, for `finish` or `drop`.

        Raises:
            StoreError: the conversation was deleted.

        """
        replaced = replaces.id if replaces else None
        if before is not None:
            self._reads.forget()
        values = conversation, turn, replaced, branch, before
        return self._write(begin_turn, *values, revocable=True, revoke=drop_turn)

    def finish(self, turn: int, reply: Reply) -> None:
        """Write the answer of a turn, and with the first one choose it; the one in its place is kept as a version.

        Args:
            turn: the number that `begin` returned. A turn that was finished before, and continued, gets the new
                answer, and is in force or not as before. Where an earlier turn's version was changed meanwhile, the
                answer belongs to what it followed, and comes back with it.
            reply: how it ended.

        Raises:
            StoreError: the turn is gone.

        """
        self._write(finish_turn, turn, reply)

    def extend(self, conversation: int, turns: Sequence[Turn]) -> None:
        """Put turns that were finished elsewhere at the end of a conversation, all of them or none.

        Args:
            conversation: its number.
            turns: the turns, in order; one without a finish reason counts as interrupted.

        Raises:
            StoreError: the conversation was deleted.

        """
        self._write(append_turns, conversation, tuple(turns))

    def drop(self, turn: int) -> None:
        """Remove an open turn that came to nothing; what it would have replaced stays. A finished one is left alone."""
        self._write(drop_turn, turn)

    def remove(self, turn: int) -> None:
        """Take a turn out of force, and put no other in its place; it is kept as an earlier version."""
        self._rearrange(take_out, turn)

    def undo(self, conversation: int) -> Turn | None:
        """Delete the turn in force that was finished last; the version that it replaced is in force again.

        What was parked under that version comes back, and what is in force stays.

        Args:
            conversation: its number.

        Returns:
            The turn that was deleted, or None where there was none.

        """
        last = self._keeper.read(last_finished, conversation)
        if last:
            self._rearrange(undo, last.id)
        return last

    def versions(self, conversation: int, since: int = 0) -> dict[int, list[int]]:
        """Return the numbers of the finished versions, oldest first, by place, for the places with one in force.

        Args:
            conversation: its number.
            since: the first place that is wanted.

        """
        return self._keeper.read(self._reads.versions, conversation, since)

    def switch(self, turn: int) -> None:
        """Put another version of a turn in force, with what followed it; what followed the one before is parked.

        Raises:
            StoreError: there is no such version.

        """
        self._rearrange(switch_to, turn)

    def delete_turn(self, turn: int) -> None:
        """Delete a turn with all its versions and whatever is parked under them; later turns in force stay."""
        self._rearrange(delete_versions, turn)

    def search(self, words: str, limit: int = 20) -> list[SearchHit]:
        """Find the turns in which all words occur, in the prompt, its source or the answer; other versions, too.

        Args:
            words: words with blanks between them; nothing in them has a meaning of its own.
            limit: the most turns.

        Returns:
            What was found: what is in force, the best first; then other versions.

        """
        return self._keeper.read(search, mended(words).split(), limit)

    def _turns(self, which: str, *values: object) -> list[Turn]:
        return self._keeper.read(turns_where, which, *values)

    def _rearrange(self, job: Callable[..., None], number: int) -> None:
        """Write what is more than to ask and to answer: which turns are in force is read again."""

        def rearranged(connection: sqlite3.Connection, number: int) -> None:
            self._reads.forget()
            job(connection, number)

        self._write(rearranged, number)

    def _write(
        self,
        job: Callable[..., T],
        *values: object,
        revocable: bool = False,
        revoke: Callable[[sqlite3.Connection, T], object] | None = None,
    ) -> T:
        result, changed = self._keeper.write(job, *values, revocable=revocable, revoke=revoke)
        if changed:
            self._watchers.tell()
        return result


_STORES: weakref.WeakSet[Store] = weakref.WeakSet()
_held: dict[int, list[Store]] = {}


def _before_fork() -> None:
    stores = _held[threading.get_ident()] = list(_STORES)
    for store in stores:
        store._keeper.before_fork()  # noqa: SLF001 - of this module


def _after_fork(*, child: bool) -> None:
    for store in _held.pop(threading.get_ident(), []):
        store._keeper.after_fork(child=child)  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(child=False),
        after_in_child=lambda: _after_fork(child=True),
    )
