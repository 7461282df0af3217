"""The writes of the store: each is done to a database in its caller's transaction, and can be done to another later.

So it is given all that it needs as values, and returns the number of what it made, or several.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, cast

from ..errors import StoreError, UsageError
from .rows import (
    conversation_by_id,
    conversation_where,
    insert_turn,
    make_room,
    mark_used,
    next_place,
    place_of,
    write_answer,
)
from .versions import finish_version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ..reply import Reply
    from .rows import Turn


def insert_conversation(
    connection: sqlite3.Connection,
    wanted: str,
    notebook: str,
    existing: bool,  # noqa: FBT001 - a value like the others
) -> int:
    """Begin a conversation, or find the one of that name; a name that is taken gets a number else."""
    if existing and (found := conversation_where(connection, "name = ?", wanted)):
        return found.id
    names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
    free = next(name for name in names if conversation_where(connection, "name = ?", name) is None)
    now = time.time()
    query = "INSERT INTO conversation (name, notebook, created_at, used_at) VALUES (?, ?, ?, ?)"
    return cast("int", connection.execute(query, (free, notebook, now, now)).lastrowid)


def rename_conversation(connection: sqlite3.Connection, conversation: int, wanted: str) -> None:
    """Give a conversation a name that no other has.

    Raises:
        UsageError: it is taken.
        StoreError: the conversation was deleted.

    """
    conversation_by_id(connection, conversation)
    other = conversation_where(connection, "name = ?", wanted)
    if other is not None and other.id != conversation:
        raise UsageError(f"there is already a conversation {wanted!r}", hint="Use another name.")
    connection.execute("UPDATE conversation SET name = ? WHERE id = ?", (wanted, conversation))


def pin_conversation(
    connection: sqlite3.Connection,
    conversation: int,
    pinned: bool,  # noqa: FBT001 - a value like the others
) -> None:
    """Note whether a conversation's user wants it before the others.

    Raises:
        StoreError: the conversation was deleted.

    """
    conversation_by_id(connection, conversation)
    connection.execute("UPDATE conversation SET pinned = ? WHERE id = ?", (pinned, conversation))


def delete_conversation(connection: sqlite3.Connection, conversation: int) -> None:
    """Delete a conversation with its turns."""
    connection.execute("DELETE FROM conversation WHERE id = ?", (conversation,))


def clear_conversation(connection: sqlite3.Connection, conversation: int) -> None:
    """Delete the turns of a conversation."""
    connection.execute("DELETE FROM turn WHERE conversation = ?", (conversation,))


def set_system(connection: sqlite3.Connection, conversation: int, text: str) -> None:
    """Set the system prompt of a conversation.

    Raises:
        StoreError: the conversation was deleted.

    """
    conversation_by_id(connection, conversation)
    connection.execute("UPDATE conversation SET system = ? WHERE id = ?", (text, conversation))


def begin_turn(
    connection: sqlite3.Connection,
    conversation: int,
    turn: Turn,
    replaced: int | None,
    branch: bool,  # noqa: FBT001 - a value like the others
    before: int | None = None,
) -> int:
    """Write an open turn, at the place of another where that one is still there, or before what stands at a place.

    Raises:
        StoreError: the conversation was deleted.

    """
    mark_used(connection, conversation)
    place = None if replaced is None else place_of(connection, conversation, replaced)
    if place is None and before is not None:
        place = before
        make_room(connection, conversation, before)
    return insert_turn(connection, conversation, place or next_place(connection, conversation), turn, branch=branch)


def finish_turn(connection: sqlite3.Connection, turn: int, reply: Reply) -> None:
    """Write the answer of a turn, and choose its first one.

    Raises:
        StoreError: the turn is gone.

    """
    row = connection.execute("SELECT conversation FROM turn WHERE id = ?", (turn,)).fetchone()
    if row is None:
        raise StoreError("the answer cannot be kept: its turn was deleted in the meantime", hint="Ask again.")
    write_answer(connection, turn, reply)
    finish_version(connection, turn)
    mark_used(connection, row[0])


def append_turns(connection: sqlite3.Connection, conversation: int, turns: Sequence[Turn]) -> tuple[int, ...]:
    """Put finished turns at the end of a conversation, and return their numbers.

    Raises:
        StoreError: the conversation was deleted.

    """
    mark_used(connection, conversation)
    numbers = []
    for place, turn in enumerate(turns, next_place(connection, conversation)):
        new = insert_turn(connection, conversation, place, turn, turn.finish_reason or "interrupted")
        finish_version(connection, new)
        numbers.append(new)
    return tuple(numbers)


def drop_turn(connection: sqlite3.Connection, turn: int) -> None:
    """Remove a turn that is open."""
    connection.execute("DELETE FROM turn WHERE id = ? AND finish_reason IS NULL", (turn,))


def take_out(connection: sqlite3.Connection, turn: int) -> None:
    """Take a turn out of force."""
    connection.execute("UPDATE turn SET in_force = 0 WHERE id = ?", (turn,))
