"""The versions of a turn, and the branches that begin with them: what is in force, and what comes back with what.

The rows of one place are the versions of one turn, and at most one of them is chosen. A place is parked as a whole:
all its rows name the version of an earlier turn that it comes back with. In force is a version that is chosen, at a
place that is not parked. Nothing is ever parked under a version that is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..errors import StoreError
from .rows import IN_FORCE, Turn, turns_where

if TYPE_CHECKING:
    import sqlite3


def versions_of(connection: sqlite3.Connection, conversation: int, since: int = 0) -> dict[int, list[int]]:
    """Return the numbers of the finished versions, oldest first, by place from one on, where one is in force."""
    query = (
        "SELECT place, id FROM turn WHERE conversation = ? AND place >= ? AND finished IS NOT NULL AND place IN"  # noqa: S608
        f" (SELECT place FROM turn WHERE conversation = ? AND place >= ? AND {IN_FORCE}) ORDER BY place, id"
    )
    found: dict[int, list[int]] = {}
    for place, version in connection.execute(query, (conversation, since, conversation, since)):
        found.setdefault(place, []).append(version)
    return found


def finish_version(connection: sqlite3.Connection, turn: int) -> None:
    """Note that a turn was finished last.

    With its first answer it is chosen for its place; if it begins a branch, what was behind it is parked. Where its
    place was parked meanwhile, it is chosen there and comes back with it. A later answer chooses nothing: who has gone
    back to another version while this one was continued stays there.
    """
    query = "SELECT finished IS NULL, branch FROM turn WHERE id = ?"
    first, branch = connection.execute(query, (turn,)).fetchone()
    if first:
        replaced = _choose(connection, turn, park=bool(branch))
        connection.execute("UPDATE turn SET replaced = ? WHERE id = ?", (replaced, turn))
    connection.execute(
        "UPDATE turn SET finished = (SELECT coalesce(max(finished), 0) + 1 FROM turn AS other"
        " WHERE other.conversation = turn.conversation) WHERE id = ?",
        (turn,),
    )


def switch_to(connection: sqlite3.Connection, turn: int) -> None:
    """Choose a version, with what followed it; what followed the one before it is parked.

    Raises:
        StoreError: there is no such version.

    """
    if not connection.execute("SELECT 1 FROM turn WHERE id = ? AND finished IS NOT NULL", (turn,)).fetchone():
        raise StoreError("that version does not exist any more", hint="It was deleted in the meantime.")
    _choose(connection, turn, park=True)


def count_up_to(connection: sqlite3.Connection, turn: int) -> int:
    """Return which turn it is, from 1: in force, or in its branch where it is parked or was replaced."""
    query = "SELECT conversation, place, parked_under FROM turn WHERE id = ?"
    counted = 0
    while row := connection.execute(query, (turn,)).fetchone():
        conversation, place, under = row
        before = connection.execute("SELECT place FROM turn WHERE id = ?", (under,)).fetchone() if under else (0,)
        counted += connection.execute(
            "SELECT count(DISTINCT place) FROM turn WHERE conversation = ? AND place > ? AND place <= ?"
            " AND parked_under IS ? AND (in_force OR place = ?)",
            (conversation, before[0] if before else place - 1, place, under, place),
        ).fetchone()[0]
        if not under:
            break
        turn = under
    return counted


def last_finished(connection: sqlite3.Connection, conversation: int) -> Turn | None:
    """Return the turn in force that was finished last, or None."""
    last = turns_where(connection, f"conversation = ? AND {IN_FORCE} ORDER BY finished DESC LIMIT 1", conversation)
    return last[0] if last else None


def undo(connection: sqlite3.Connection, turn: int) -> None:
    """Delete a turn that was finished last; the version that it had replaced comes back with its branch."""
    query = "SELECT conversation, place, replaced FROM turn WHERE id = ?"
    row = connection.execute(query, (turn,)).fetchone()
    if row is None:
        return
    conversation, place, replaced = row
    connection.execute("DELETE FROM turn WHERE id = ?", (turn,))
    query = (
        "SELECT id FROM turn WHERE conversation = ? AND place = ? AND finished IS NOT NULL"
        " ORDER BY id IS ? DESC, finished DESC LIMIT 1"
    )
    if earlier := connection.execute(query, (conversation, place, replaced)).fetchone():
        _choose(connection, earlier[0], park=False)


def delete_versions(connection: sqlite3.Connection, turn: int) -> None:
    """Delete a turn with all its versions, and whatever is parked under them."""
    connection.execute(
        "WITH RECURSIVE place_of (conversation, place) AS (SELECT conversation, place FROM turn WHERE id = ?),"
        " gone (id) AS (SELECT turn.id FROM turn JOIN place_of USING (conversation, place)"
        " UNION SELECT turn.id FROM turn JOIN gone ON turn.parked_under = gone.id)"
        " DELETE FROM turn WHERE id IN (SELECT id FROM gone)",
        (turn,),
    )


def _choose(connection: sqlite3.Connection, turn: int, *, park: bool) -> int | None:
    """Choose a version for its place, and bring back what is parked under it.

    Args:
        connection: the database, in a write.
        turn: the version.
        park: whether what is behind its place is parked under the version before it; else it stays.

    Returns:
        The version that was chosen before it, or, where none was, that was finished last; None without any.

    """
    query = "SELECT conversation, place, parked_under FROM turn WHERE id = ?"
    conversation, place, parked = connection.execute(query, (turn,)).fetchone()
    query = (
        "SELECT id FROM turn WHERE conversation = ? AND place = ? AND finished IS NOT NULL"
        " ORDER BY in_force DESC, finished DESC LIMIT 1"
    )
    row = connection.execute(query, (conversation, place)).fetchone()
    before = cast("int", row[0]) if row else None
    unchoose = "UPDATE turn SET in_force = 0 WHERE conversation = ? AND place = ? AND in_force"
    connection.execute(unchoose, (conversation, place))
    connection.execute("UPDATE turn SET in_force = 1 WHERE id = ?", (turn,))
    if park and before not in {None, turn}:
        behind = "UPDATE turn SET parked_under = ? WHERE conversation = ? AND place > ? AND parked_under IS ?"
        connection.execute(behind, (before, conversation, place, parked))
    connection.execute("UPDATE turn SET parked_under = ? WHERE parked_under = ?", (parked, turn))
    return before
