"""What was read of the database, so that a conversation costs the same to ask in however long it is.

Between two writes, whoever they are by, a question is asked of the database once. Of a conversation's turns only those
are read again that were written since: the rest are the same objects, with all that was made of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar, cast

from .rows import (
    IN_FORCE,
    Conversation,
    Turn,
    conversation_where,
    count_turns,
    turns_where,
    uncounted_conversations,
)
from .versions import versions_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Hashable

_Read = TypeVar("_Read")
_MOST_CONVERSATIONS = 4
"""Those whose turns are held: of the session, and of panels that stay with others."""
_MOST_ONE_BY_ONE = 20
"""How many turns are read one by one; where more are missing, all are read at once."""


_Mark = tuple[int, int]
"""A turn's number, and that of its answer, which is a higher one each time an answer is written (see versions)."""


@dataclass
class _Held:
    """A conversation's turns as they were read.

    Attributes:
        others: how often something else had been done then than to ask and to answer.
        finished: the highest number of their answers.
        turns: the turns by their marks, in the order of their places.
        listed: the same without the marks.

    """

    others: int
    finished: int = -1
    turns: dict[_Mark, Turn] = field(default_factory=dict)
    listed: list[Turn] = field(default_factory=list)


class Reads:
    """What was read over the store's connection; used under its lock, outside of a write."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._stamp: tuple[int, int] = (0, 0)
        self._others = 0
        self._found: dict[Hashable, object] = {}
        self._turns: dict[int, _Held] = {}
        self._counts: dict[int, tuple[int, int, int]] = {}

    def forget(self) -> None:
        """Look again at which turns are in force: something else is done than to ask and to answer."""
        self._others += 1

    def conversation(self, connection: sqlite3.Connection, number: int) -> Conversation | None:
        """Return a conversation by its number, or None where it was deleted."""
        return self._once(connection, ("one", number), lambda: self._look_up(connection, number))

    def find(self, connection: sqlite3.Connection, name: str) -> Conversation | None:
        """Return the conversation of that name, or None."""
        row = connection.execute("SELECT id FROM conversation WHERE name = ?", (name,)).fetchone()
        return self.conversation(connection, row[0]) if row else None

    def conversations(self, connection: sqlite3.Connection) -> list[Conversation]:
        """Return all conversations, the one that was used last first."""
        return self._once(connection, ("all",), lambda: self._read_all(connection)).copy()

    def versions(self, connection: sqlite3.Connection, conversation: int, since: int) -> dict[int, list[int]]:
        """Return the numbers of the finished versions by place; see `versions_of`."""
        question = ("versions", conversation, since)
        found = self._once(connection, question, lambda: versions_of(connection, conversation, since))
        return {place: numbers.copy() for place, numbers in found.items()}

    def turns(self, connection: sqlite3.Connection, conversation: int, last: int | None = None) -> list[Turn]:
        """Return the turns in force of a conversation, in the order of their places: all, or so many last ones."""
        listed = self._held(connection, conversation).listed
        return listed[-last:] if last else listed.copy()

    def _held(self, connection: sqlite3.Connection, conversation: int) -> _Held:
        return self._once(connection, ("turns", conversation), lambda: self._read_on(connection, conversation))

    def _once(self, connection: sqlite3.Connection, question: Hashable, read: Callable[[], _Read]) -> _Read:
        """Return what was read for a question, and read it only if anything was written since."""
        stamp = (connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes)
        if connection is not self._connection:
            self._turns.clear()
            self._counts.clear()
        if connection is not self._connection or stamp[0] != self._stamp[0]:  # another program may have written
            self.forget()
        if connection is not self._connection or stamp != self._stamp:
            self._connection, self._stamp, self._found = connection, stamp, {}
        found = self._found  # what is read may ask, too, and hear of a write: then it is worth nothing to others
        if question not in found:
            found[question] = read()
        return cast("_Read", found[question])

    def _read_all(self, connection: sqlite3.Connection) -> list[Conversation]:
        """Read all conversations; the turns of one are counted only where any was finished since."""
        found = uncounted_conversations(connection)
        known, self._counts = self._counts, {}
        for one, finished in found:
            others, before, count = known.get(one.id, (-1, -1, 0))
            if one.id in self._turns:
                count = len(self._held(connection, one.id).turns)
            elif (others, before) != (self._others, finished):
                count = count_turns(connection, one.id)
            self._counts[one.id] = self._others, finished, count
        return [replace(one, turns=self._counts[one.id][-1]) for one, _ in found]

    def _look_up(self, connection: sqlite3.Connection, number: int) -> Conversation | None:
        """Read a conversation; where its turns are held, the database need not count them."""
        if number not in self._turns:
            return conversation_where(connection, "id = ?", number)
        found = uncounted_conversations(connection, number)
        return replace(found[0][0], turns=len(self._held(connection, number).turns)) if found else None

    def _read_on(self, connection: sqlite3.Connection, conversation: int) -> _Held:
        """Read the turns that were written since they were read, or all where others may have gone or come back."""
        held = self._turns.pop(conversation, None) or _Held(self._others)
        marks = _marks(connection, conversation, held.finished)
        last = next(reversed(held.turns.values())).place if held.turns else 0
        known = held.turns
        if held.others != self._others or (marks and marks[0][0] <= last):
            marks, held = _marks(connection, conversation), _Held(self._others)
        new = self._read(connection, conversation, marks, known)
        held.turns.update(new)
        held.listed += new.values()
        held.finished = max([held.finished, *(number for _, (_, number) in marks)])
        while len(self._turns) >= _MOST_CONVERSATIONS:
            del self._turns[next(iter(self._turns))]
        self._turns[conversation] = held
        return held

    def _read(
        self,
        connection: sqlite3.Connection,
        conversation: int,
        marks: list[tuple[int, _Mark]],
        known: dict[_Mark, Turn],
    ) -> dict[_Mark, Turn]:
        """Return the turns of these places and marks, in order; those that are not held, or have moved, are read."""
        held = {mark: turn for place, mark in marks if (turn := known.get(mark)) and turn.place == place}
        missing = [mark[0] for _, mark in marks if mark not in held]
        if len(missing) <= _MOST_ONE_BY_ONE:
            read = [turn for number in missing for turn in turns_where(connection, "id = ?", number)]
        else:
            read = turns_where(connection, f"conversation = ? AND {IN_FORCE}", conversation)
        new = {turn.id: turn for turn in read}
        return {mark: turn for _, mark in marks if (turn := held.get(mark) or new.get(mark[0]))}


def _marks(connection: sqlite3.Connection, conversation: int, since: int = -1) -> list[tuple[int, _Mark]]:
    """Return the places and marks of the turns in force whose answers have a higher number, in the order of places."""
    which = f"conversation = ? AND {IN_FORCE}{' AND finished > ?' if since >= 0 else ''}"
    values = (conversation, since) if since >= 0 else (conversation,)
    rows = connection.execute(f"SELECT place, id, finished FROM turn WHERE {which} ORDER BY place", values)  # noqa: S608
    return [(place, (number, finished)) for place, number, finished in rows]
