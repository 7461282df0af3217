"""The store: all that can be asked of the conversations' database, and done to it, each in one transaction."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from ..errors import StoreError, UsageError
from ..text.surrogates import mended
from ..watchers import Watchers
from .reads import Reads
from .rows import (
    IN_FORCE,
    Conversation,
    SearchHit,
    Turn,
    checked_name,
    conversation_by_id,
    conversation_where,
    insert_turn,
    mark_used,
    next_place,
    place_of,
    turns_where,
    write_answer,
)
from .schema import connect, transaction, translated_errors
from .search import excerpt, find_turns
from .versions import delete_versions, finish_version, switch_to, undo_last

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..reply import Reply


class Store:
    """The conversations, in one file that several kernels may use at once.

    A turn is written when it is asked, and again when its answer ends: a process that is killed loses no more than
    the open answer. Each turn has a place; a turn that is asked again takes the place of the one before it, which is
    kept as an earlier version. One version of each place is in force at most, and the conversation is made of those.
    Later turns stay in force, or, where it is asked as a branch, are parked: they come back with the earlier version.

    All methods may be called from any thread, and in a forked process.

    Args:
        path: the file; None for memory alone.

    Raises:
        StoreError: the file cannot be used. So do all methods when that shows later.

    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._reads = Reads()
        self._watchers = Watchers()
        with self._reading():
            _STORES.add(self)

    def close(self) -> None:
        """Close the file; nothing can be asked of the store any more."""
        with self._lock, translated_errors(self.path):
            self._closed = True
            self._watchers.clear()
            self._disconnect()

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
        wanted = checked_name(name)
        with self._writing() as connection:
            if existing and (found := conversation_where(connection, "name = ?", wanted)):
                return found
            names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
            free = next(name for name in names if conversation_where(connection, "name = ?", name) is None)
            now = time.time()
            query = "INSERT INTO conversation (name, notebook, created_at, used_at) VALUES (?, ?, ?, ?)"
            cursor = connection.execute(query, (free, mended(notebook), now, now))
            return conversation_by_id(connection, cursor.lastrowid)

    def find(self, name: str) -> Conversation | None:
        """Return the conversation of that name, or None."""
        with self._reading() as connection:
            return self._reads.find(connection, mended(name.strip()))

    def look_up(self, conversation: int) -> Conversation | None:
        """Return a conversation by its number, or None where it was deleted."""
        with self._reading() as connection:
            return self._reads.conversation(connection, conversation)

    def get(self, conversation: int) -> Conversation:
        """Return a conversation by its number.

        Raises:
            StoreError: it was deleted.

        """
        with self._reading() as connection:
            return conversation_by_id(connection, conversation)

    def conversations(self) -> list[Conversation]:
        """Return all conversations, the one that was used last first."""
        with self._reading() as connection:
            return self._reads.conversations(connection)

    def rename(self, conversation: int, name: str) -> None:
        """Give a conversation another name.

        Raises:
            UsageError: that is no name, or it is taken.
            StoreError: the conversation was deleted.

        """
        wanted = checked_name(name)
        with self._writing() as connection:
            conversation_by_id(connection, conversation)
            other = conversation_where(connection, "name = ?", wanted)
            if other is not None and other.id != conversation:
                raise UsageError(f"there is a conversation {wanted!r} already", hint="Take another name.")
            connection.execute("UPDATE conversation SET name = ? WHERE id = ?", (wanted, conversation))

    def delete(self, conversation: int) -> None:
        """Delete a conversation with all that was said in it."""
        with self._writing() as connection:
            self._reads.forget()
            connection.execute("DELETE FROM conversation WHERE id = ?", (conversation,))

    def clear(self, conversation: int) -> None:
        """Delete all that was said in a conversation; it stays, with its system prompt."""
        with self._writing() as connection:
            self._reads.forget()
            connection.execute("DELETE FROM turn WHERE conversation = ?", (conversation,))

    def set_system(self, conversation: int, text: str) -> None:
        """Set the system prompt of a conversation; "" for none.

        Raises:
            StoreError: the conversation was deleted.

        """
        with self._writing() as connection:
            conversation_by_id(connection, conversation)
            connection.execute("UPDATE conversation SET system = ? WHERE id = ?", (mended(text), conversation))

    def turns(self, conversation: int) -> list[Turn]:
        """Return the turns that are in force, in the order of their places; those that did not change are the same."""
        with self._reading() as connection:
            return self._reads.turns(connection, conversation)

    def turn(self, number: int) -> Turn | None:
        """Return a turn by its number, whether or not it is in force; None where it was deleted."""
        return next(iter(self._turns("id = ?", number)), None)

    def conversation_of(self, turn: int) -> Conversation | None:
        """Return the conversation of a turn, or None where it was deleted."""
        with self._reading() as connection:
            return conversation_where(connection, "id = (SELECT conversation FROM turn WHERE id = ?)", turn)

    def turn_of(self, conversation: int, cell: str) -> Turn | None:
        """Return the turn in force that a cell asked, the last one if it asked several; None without one."""
        wanted = mended(cell)
        return (
            next((turn for turn in reversed(self.turns(conversation)) if turn.cell == wanted), None) if cell else None
        )

    def unanswered(self, conversation: int) -> list[Turn]:
        """Return the open turns: of a kernel that is still at it, or that died."""
        return self._turns("conversation = ? AND finish_reason IS NULL ORDER BY id", conversation)

    def begin(self, conversation: int, turn: Turn, replaces: Turn | None = None, *, branch: bool = False) -> int:
        """Write an open turn, which is not in force yet.

        Args:
            conversation: its conversation's number.
            turn: what is asked.
            replaces: the turn whose place it is to take; one that is gone is none.
            branch: whether the turns after it are parked with its first answer, under the version that it replaces.

        Returns:
            The turn's number, for `finish` or `drop`.

        Raises:
            StoreError: the conversation was deleted.

        """
        with self._writing() as connection:
            mark_used(connection, conversation)
            place = place_of(connection, conversation, replaces) or next_place(connection, conversation)
            return insert_turn(connection, conversation, place, turn, branch=branch)

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
        with self._writing() as connection:
            row = connection.execute("SELECT conversation FROM turn WHERE id = ?", (turn,)).fetchone()
            if row is None:
                raise StoreError("the answer has no place any more: its turn was deleted meanwhile", hint="Ask again.")
            write_answer(connection, turn, reply)
            finish_version(connection, turn)
            mark_used(connection, row[0])

    def extend(self, conversation: int, turns: Sequence[Turn]) -> None:
        """Put turns that were finished elsewhere at the end of a conversation, all of them or none.

        Args:
            conversation: its number.
            turns: the turns, in order; one without a finish reason counts as interrupted.

        Raises:
            StoreError: the conversation was deleted.

        """
        with self._writing() as connection:
            mark_used(connection, conversation)
            for place, turn in enumerate(turns, next_place(connection, conversation)):
                new = insert_turn(connection, conversation, place, turn, turn.finish_reason or "interrupted")
                finish_version(connection, new)

    def drop(self, turn: int) -> None:
        """Remove an open turn that came to nothing; what it would have replaced stays. A finished one is left alone."""
        with self._writing() as connection:
            connection.execute("DELETE FROM turn WHERE id = ? AND finish_reason IS NULL", (turn,))

    def remove(self, turn: int) -> None:
        """Take a turn out of force, and put no other in its place; it is kept as an earlier version."""
        with self._writing() as connection:
            self._reads.forget()
            connection.execute("UPDATE turn SET in_force = 0 WHERE id = ?", (turn,))

    def undo(self, conversation: int) -> Turn | None:
        """Delete the turn in force that was finished last; the version that it replaced is in force again.

        What was parked under that version comes back, and what is in force stays.

        Args:
            conversation: its number.

        Returns:
            The turn that was deleted, or None where there was none.

        """
        with self._writing() as connection:
            self._reads.forget()
            return undo_last(connection, conversation)

    def versions(self, conversation: int, since: int = 0) -> dict[int, list[int]]:
        """Return the numbers of the finished versions, oldest first, by place, for the places with one in force.

        Args:
            conversation: its number.
            since: the first place that is wanted.

        """
        with self._reading() as connection:
            return self._reads.versions(connection, conversation, since)

    def switch(self, turn: int) -> None:
        """Put another version of a turn in force, with what followed it; what followed the one before is parked.

        Raises:
            StoreError: there is no such version.

        """
        with self._writing() as connection:
            self._reads.forget()
            switch_to(connection, turn)

    def delete_turn(self, turn: int) -> None:
        """Delete a turn with all its versions and whatever is parked under them; later turns in force stay."""
        with self._writing() as connection:
            self._reads.forget()
            delete_versions(connection, turn)

    def search(self, words: str, limit: int = 20) -> list[SearchHit]:
        """Find the turns in force in which all words occur, in the prompt, its source or the answer.

        Args:
            words: words with blanks between them; nothing in them has a meaning of its own.
            limit: the most turns.

        Returns:
            What was found, the best first.

        """
        wanted = mended(words).split()
        found = []
        with self._reading() as connection:
            for number in find_turns(connection, wanted, limit):
                # Another kernel may delete it meanwhile.
                conversation = self.conversation_of(number)
                turns = turns_where(connection, f"id = ? AND {IN_FORCE}", number)
                if conversation and turns:
                    texts = (turns[0].answer, turns[0].prompt, turns[0].source)
                    found.append(SearchHit(conversation, turns[0], excerpt(texts, wanted)))
        return found

    def _turns(self, which: str, *values: object) -> list[Turn]:
        with self._reading() as connection:
            return turns_where(connection, which, *values)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated_errors(self.path):
            if self._closed:
                raise StoreError("the conversations' database is closed", hint="Load the extension again.")
            if self._connection is None:
                self._connection = connect(self.path)
            yield self._connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            before = connection.total_changes
            with transaction(connection):
                yield connection
            changed = connection.total_changes != before
        if changed:  # a callback may take locks of its own: ours is not held
            self._watchers.tell()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _before_fork(self) -> None:
        """Wait for what is being done and close the file, as SQLite demands; memory is copied as it is."""
        self._lock.acquire()
        if self.path is not None:
            with contextlib.suppress(StoreError), translated_errors(self.path):
                self._disconnect()

    def _after_fork(self) -> None:
        self._lock.release()


_STORES: weakref.WeakSet[Store] = weakref.WeakSet()
_held: dict[int, list[Store]] = {}


def _before_fork() -> None:
    stores = _held[threading.get_ident()] = list(_STORES)
    for store in stores:
        store._before_fork()  # noqa: SLF001 - of this module


def _after_fork() -> None:
    for store in _held.pop(threading.get_ident(), []):
        store._after_fork()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
