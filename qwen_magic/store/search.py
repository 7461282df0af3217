"""The search through the turns in force: by SQLite's full-text index, or by reading them."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

from .rows import IN_FORCE, SearchHit, conversation_where, turns_where
from .schema import transaction

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

_INDEX = "CREATE VIRTUAL TABLE IF NOT EXISTS turn_words USING fts5 (prompt, source, answer)"


def search(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[SearchHit]:
    """Find the turns in force that have all words, with what stands around them; see `find_turns`."""
    found = []
    for number in find_turns(connection, words, limit):
        # Another kernel may delete it meanwhile.
        conversation = conversation_where(connection, "id = (SELECT conversation FROM turn WHERE id = ?)", number)
        turns = turns_where(connection, f"id = ? AND {IN_FORCE}", number)
        if conversation and turns:
            texts = (turns[0].answer, turns[0].prompt, turns[0].source)
            found.append(SearchHit(conversation, turns[0], excerpt(texts, words)))
    return found


def find_turns(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[int]:
    """Find the turns in force that have all words, each at the beginning of a word, or else anywhere.

    Args:
        connection: the database, in no transaction.
        words: what is looked for; upper and lower case are the same.
        limit: the most turns.

    Returns:
        The turns' ids: the best first where the index found them, else the newest first.

    """
    if not words:
        return []
    found: list[int] = []
    if all(_WORD.fullmatch(word) and not _NO_WORD_LIMITS.search(word) for word in words):
        found = _by_index(connection, words, limit)
    return found or _by_reading(connection, words, limit)


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


def _by_reading(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[int]:
    """Read the turns; LIKE would know upper and lower case in English alone, and stop at a NUL."""
    folded = [word.casefold() for word in words]
    found: list[int] = []
    rows = connection.execute(
        f"SELECT id, prompt, source, answer FROM turn WHERE {IN_FORCE} ORDER BY asked_at DESC, id DESC"  # noqa: S608
    )
    for turn, *texts in rows:
        whole = "\n".join(texts).casefold()
        if all(word in whole for word in folded):
            found.append(turn)
            if len(found) >= limit:
                break
    rows.close()
    return found
