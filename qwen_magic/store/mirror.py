"""A copy in memory of the conversations that this process writes to, for as long as the file cannot be used.

It has the file's tables and the file's numbers. What is written while it is used alone gets numbers of its own, which
no file reaches.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from .schema import connect, transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

OWN_CONVERSATIONS = 1 << 40
"""The first number that a copy gives to a conversation."""
OWN_TURNS = 1 << 41
"""The first number that a copy gives to a turn; no conversation gets so far."""
_MOST_TURNS = 2_000
"""How many turns are copied at once, of what was not written to: it takes a moment, and memory."""
_BATCH = 500

_EVENTS = (("INSERT", "new"), ("DELETE", "old"), ("UPDATE", "new"))
_WATCHING = (
    "PRAGMA temp_store = MEMORY",
    "CREATE TEMP TABLE changed (turn INTEGER, conversation INTEGER)",
    *(
        f"CREATE TEMP TRIGGER {table}_{event.lower()} AFTER {event} ON main.{table}"  # noqa: S608
        f" BEGIN INSERT INTO changed VALUES ({values.replace('row', row)}); END"
        for table, values in (("turn", "row.id, row.conversation"), ("conversation", "NULL, row.id"))
        for event, row in _EVENTS
    ),
)


class Mirror:
    """The copy; an ordinary database in memory, with the same tables.

    Attributes:
        connection: to the copy.

    """

    def __init__(self) -> None:
        self.connection = connect(None)
        for table, first in (("conversation", OWN_CONVERSATIONS), ("turn", OWN_TURNS)):
            self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, first))
        self._held: set[int] = set()

    def watch(self, file: sqlite3.Connection) -> None:
        """Have a connection note what changes through it, for `follow`."""
        for statement in _WATCHING:
            file.execute(statement)

    def follow(self, file: sqlite3.Connection) -> None:
        """Copy what was changed through a connection since the last time.

        Raises:
            sqlite3.Error: the file cannot be read; the copy is what it was.

        """
        changed = file.execute("SELECT turn, conversation FROM temp.changed").fetchall()
        if not changed:
            return
        file.execute("DELETE FROM temp.changed")
        conversations = {conversation for _, conversation in changed}
        with transaction(self.connection):
            if len(changed) > _MOST_TURNS:  # an import: it is copied where it is needed
                self._forget(conversations)
                return
            for conversation in conversations - self._held:
                self._copy_turns(file, conversation)
            for conversation in conversations & self._held:
                self._copy_conversation(file, conversation)
            turns = {turn for turn, conversation in changed if turn is not None and conversation in self._held}
            self._replace(file, sorted(turns))
        self._held |= conversations

    def refresh(self, file: sqlite3.Connection) -> None:
        """Copy anew what is held, and of the other conversations those that were used last.

        Raises:
            sqlite3.Error: the file cannot be read; the copy is what it was.

        """
        query = (
            "SELECT id, (SELECT count(*) FROM turn WHERE conversation = conversation.id) FROM conversation"
            " ORDER BY used_at DESC"
        )
        copied, turns = set(), 0
        with transaction(self.connection):
            for conversation, count in file.execute(query).fetchall():
                if conversation in self._held or turns + count <= _MOST_TURNS:
                    self._copy_turns(file, conversation)
                    copied.add(conversation)
                    turns += count
        self._held |= copied

    def clear(self) -> None:
        """Hold nothing any more."""
        with transaction(self.connection):
            self.connection.execute("DELETE FROM conversation")
        self._held.clear()

    def close(self) -> None:
        """Let the copy go."""
        self.connection.close()

    def _forget(self, conversations: Iterable[int]) -> None:
        for conversation in conversations:
            self.connection.execute("DELETE FROM conversation WHERE id = ?", (conversation,))
            self._held.discard(conversation)

    def _copy_turns(self, file: sqlite3.Connection, conversation: int) -> None:
        self._copy_conversation(file, conversation)
        self.connection.execute("DELETE FROM turn WHERE conversation = ?", (conversation,))
        rows = file.execute("SELECT id FROM turn WHERE conversation = ?", (conversation,)).fetchall()
        self._replace(file, [turn for (turn,) in rows])

    def _copy_conversation(self, file: sqlite3.Connection, conversation: int) -> None:
        row = file.execute("SELECT * FROM conversation WHERE id = ?", (conversation,)).fetchone()
        if row is None:
            self.connection.execute("DELETE FROM conversation WHERE id = ?", (conversation,))
            return
        # No REPLACE: it would delete the turns. A name may have been another's.
        self.connection.execute(
            "UPDATE conversation SET name = name || ' ' || id WHERE name = ? AND id <> ?", (row[1], row[0])
        )
        values = ", ".join("?" * len(row))
        self.connection.execute(
            f"INSERT INTO conversation VALUES ({values}) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"  # noqa: S608
            " notebook = excluded.notebook, system = excluded.system, used_at = excluded.used_at,"
            " pinned = excluded.pinned",
            row,
        )

    def _replace(self, file: sqlite3.Connection, turns: Sequence[int]) -> None:
        """Copy turns with what they need; all go before the first comes, for one of a place alone is in force."""
        batches = [turns[first : first + _BATCH] for first in range(0, len(turns), _BATCH)]
        for batch in batches:
            self.connection.execute(f"DELETE FROM turn WHERE id IN ({_marks(batch)})", batch)  # noqa: S608
        for batch in batches:
            _copy_rows(file, self.connection, f"turn WHERE id IN ({_marks(batch)})", batch)
            uses = f"blob_use WHERE turn IN ({_marks(batch)})"
            needed = f"blob WHERE sha256 IN (SELECT sha256 FROM {uses})"  # noqa: S608 - made of constants
            _copy_rows(file, self.connection, needed, batch)
            _copy_rows(file, self.connection, uses, batch)


def _copy_rows(source: sqlite3.Connection, copy: sqlite3.Connection, which: str, values: Sequence[int]) -> None:
    table = which.partition(" ")[0]
    rows = source.execute(f"SELECT * FROM {which}", values)  # noqa: S608
    insert = f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(rows.description))})"  # noqa: S608
    while batch := list(itertools.islice(rows, _BATCH)):
        copy.executemany(insert, batch)


def _marks(values: Sequence[int]) -> str:
    return ", ".join("?" * len(values))
