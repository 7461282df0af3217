"""The search through the turns, those in force first: by SQLite's full-text index, or by reading them."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

from .rows import IN_FORCE, SearchHit, conversation_where, turns_where
from .schema import transaction
from .versions import count_up_to

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")
"""What the index takes for one word, as we do."""
_NO_WORD_LIMITS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese: the index takes a whole sentence for one word."""
_AROUND = 80
"""Characters of an excerpt on either side of the word."""

_SHOWN = f"SELECT id FROM turn WHERE {IN_FORCE}"  # noqa: S608
_OTHERS = f"SELECT id FROM turn WHERE finished IS NOT NULL EXCEPT {_SHOWN}"  # noqa: S608
"""Versions that another has replaced, and what is parked; the index has only what is in force."""
_INDEX = "CREATE VIRTUAL TABLE IF NOT EXISTS turn_words USING fts5 (prompt, source, answer)"


def search(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[SearchHit]:
    """Find the turns that have all words, with what stands around them; see `find_turns`."""
    found = []
    for number in find_turns(connection, words, limit):
        # Another kernel may delete it meanwhile.
        conversation = conversation_where(connection, "id = (SELECT conversation FROM turn WHERE id = ?)", number)
        if conversation and (turns := turns_where(connection, "id = ?", number)):
            turn = turns[0]
            in_force = bool(connection.execute(f"SELECT 1 FROM turn WHERE id = ? AND {IN_FORCE}", (number,)).fetchone())  # noqa: S608
            asked, answered = excerpt((turn.source, turn.prompt), words), excerpt((turn.answer,), words)
            place = count_up_to(connection, number)
            found.append(SearchHit(conversation, turn, asked, answered, place, in_force=in_force))
    return found


def find_turns(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[int]:
    """Find the turns that have all words, each at the beginning of a word, or else anywhere.

    Args:
        connection: the database, in no transaction.
        words: what is looked for; upper and lower case are the same.
        limit: the most turns.

    Returns:
        The ids of the turns in force: the best first where the index found them, else the newest first; then those
        of other versions and their branches, the newest first.

    """
    if not words:
        return []
    plain = all(_WORD.fullmatch(word) and not _NO_WORD_LIMITS.search(word) for word in words)
    found = _by_index(connection, words, limit) if plain else []
    begun = bool(found)
    found = found or _by_reading(connection, words, limit, _SHOWN)
    if len(found) < limit:
        found += _by_reading(connection, words, limit - len(found), _OTHERS, begun=begun)
    return found


def excerpt(texts: Sequence[str], words: Sequence[str]) -> str:
    """Cut out what stands around the first word that is found, on one line.

    Args:
        texts: where it is looked for, in this order.
        words: the words.

    Returns:
        The excerpt, with "…" where it was cut.

    """
    hits = ((text, re.search(re.escape(word), text, re.IGNORECASE)) for word in words for text in texts)
    text, start, end = next(
        ((text, hit.start(), hit.end()) for text, hit in hits if hit), (next(filter(None, texts), ""), 0, 0)
    )
    first, last = max(0, start - _AROUND), end + _AROUND
    line = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{line}{'…' if last < len(text) else ''}"


def _by_index(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[int]:
    query = " ".join(f'"{word}"*' for word in words)
    try:
        _bring_up_to_date(connection)
        rows = connection.execute(
            "SELECT rowid FROM turn_words WHERE turn_words MATCH ? ORDER BY rank, rowid DESC LIMIT ?", (query, limit)
        ).fetchall()
    except sqlite3.Error:  # no FTS5, an index that is locked or broken: the turns themselves can be read
        return []
    return [row[0] for row in rows]


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    if not connection.execute("SELECT 1 FROM unindexed LIMIT 1").fetchone():
        return
    with transaction(connection):
        connection.execute(_INDEX)
        connection.execute("DELETE FROM turn_words WHERE rowid IN (SELECT turn FROM unindexed)")
        connection.execute(
            "INSERT INTO turn_words (rowid, prompt, source, answer) SELECT id, prompt, source, answer FROM turn"  # noqa: S608
            f" WHERE {IN_FORCE} AND id IN (SELECT turn FROM unindexed)"
        )
        connection.execute("DELETE FROM unindexed")


def _by_reading(
    connection: sqlite3.Connection, words: Sequence[str], limit: int, which: str, *, begun: bool = False
) -> list[int]:
    """Read the turns; LIKE would know upper and lower case in English alone, and stop at a NUL.

    Args:
        connection: the database.
        words: what is looked for.
        limit: the most turns.
        which: the query of the turns' ids.
        begun: whether a word counts only where it begins one.

    """
    start = r"(?<![^\W_])" if begun else ""
    wanted = [re.compile(start + re.escape(word.casefold())) for word in words]
    found: list[int] = []
    rows = connection.execute(
        f"SELECT id, prompt, source, answer FROM turn WHERE id IN ({which}) ORDER BY asked_at DESC, id DESC"  # noqa: S608
    )
    for turn, *texts in rows:
        whole = "\n".join(texts).casefold()
        if all(word.search(whole) for word in wanted):
            found.append(turn)
            if len(found) >= limit:
                break
    rows.close()
    return found
