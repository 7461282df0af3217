"""The batches that were sent to services, kept beside the answers: what a restarted kernel finds them by.

What is in a batch is kept before the service is told to begin, so that no moment loses it. No key of a server is in it.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..text.secrets import without_secrets
from ..text.surrogates import mended

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from ..backends.openai.batch_service import BatchState
    from .keeping import Keeping

_CREATE = (
    """CREATE TABLE IF NOT EXISTS batch (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, file TEXT, target TEXT, model TEXT, shape TEXT,
        created REAL, lines INTEGER, done INTEGER, failed INTEGER, status TEXT, taken INTEGER
    )""",
    """CREATE TABLE IF NOT EXISTS batch_line (
        key BLOB, number INTEGER, place INTEGER, prompt TEXT, error TEXT, PRIMARY KEY (key, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS batch_line_place ON batch_line (number, place)",
)
_COLUMNS = "number, id, file, target, model, shape, created, lines, done, failed, status, taken"
_AT_ONCE = 500


@dataclass(frozen=True)
class SentBatch:
    """A batch that was sent to a service.

    Attributes:
        number: its number on this machine.
        id: the service's id, or "" if the service was not told to begin yet.
        file: the service's id of the file of its requests.
        target: the target's name.
        model: the model.
        shape: the shape of its answers as a JSON Schema, or "".
        created: when it was sent, in seconds since the epoch.
        lines: how many requests it has.
        done: how many of them were answered when the service was asked last.
        failed: how many failed.
        status: the last status from the service.
        taken: whether its answers are kept here.

    """

    number: int
    id: str
    file: str
    target: str
    model: str
    shape: str
    created: float
    lines: int
    done: int
    failed: int
    status: str
    taken: bool

    @property
    def name(self) -> str:
        """What it is called: the service's id, or that of its file where the service was not told to begin yet."""
        return self.id or self.file

    def with_state(self, state: BatchState) -> SentBatch:
        """Return it as the service says that it is; its id stays what it was first."""
        done, failed = min(state.done, self.lines), min(state.failed, self.lines)
        return replace(self, id=self.id or state.id, done=done, failed=failed, status=state.status)

    @property
    def line(self) -> str:
        """How much of it is done, in a few words."""
        status = self.status.replace("_", " ")
        return f"{status}, {self.done:,} of {self.lines:,} done" + (f", {self.failed:,} failed" if self.failed else "")


@dataclass(frozen=True)
class SentLine:
    """A request of a batch.

    Attributes:
        key: the request's key.
        prompt: what was asked.
        error: why there is no answer, or "".

    """

    key: bytes
    prompt: str
    error: str = ""


class SentBatches:
    """The batches that were sent.

    Every method raises a StoreError where the database cannot be used: a batch that nobody would find again costs
    money for nothing.

    Args:
        keeping: where answers are kept.

    """

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def add(self, file: str, target: str, model: str, shape: str, lines: Sequence[SentLine]) -> SentBatch:
        """Keep what a file holds that was sent, before its batch is begun."""
        values = ("", file, target, model, shape, time.time(), len(lines), 0, 0, "sent", 0)

        def call(database: sqlite3.Connection) -> SentBatch:
            _prepare(database)
            with _whole(database):
                number = database.execute(
                    "INSERT INTO batch (id, file, target, model, shape, created, lines, done, failed, status, taken)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                ).lastrowid
                database.executemany(
                    "INSERT INTO batch_line VALUES (?, ?, ?, ?, '')",
                    [(line.key, number, place, _plain(line.prompt)) for place, line in enumerate(lines)],
                )
            return _made((number, *values))

        return await self._keeping.use(call)

    async def note(self, batch: SentBatch, state: BatchState) -> SentBatch:
        """Keep what the service said of a batch."""
        now = batch.with_state(state)
        values = (now.id, now.done, now.failed, now.status, now.number)
        changed = "UPDATE batch SET id = ?, done = ?, failed = ?, status = ? WHERE number = ?"
        await self._keeping.use(lambda database: database.execute(changed, values).rowcount)
        return now

    async def taken(self, batch: SentBatch, errors: dict[bytes, str]) -> None:
        """Note that all answers of a batch are kept, and why some requests have none."""
        rows = [(_plain(words), key, batch.number) for key, words in errors.items()]

        def call(database: sqlite3.Connection) -> None:
            with _whole(database):
                database.executemany("UPDATE batch_line SET error = ? WHERE key = ? AND number = ?", rows)
                database.execute("UPDATE batch SET taken = 1 WHERE number = ?", (batch.number,))

        await self._keeping.use(call)

    async def forget(self, batch: SentBatch) -> None:
        """Take a batch out, so that its rows can be asked anew; its answers stay."""

        def call(database: sqlite3.Connection) -> None:
            with _whole(database):
                database.execute("DELETE FROM batch_line WHERE number = ?", (batch.number,))
                database.execute("DELETE FROM batch WHERE number = ?", (batch.number,))

        await self._keeping.use(call)

    async def all(self) -> list[SentBatch]:
        """List all batches, the newest first."""
        return await self._keeping.use(lambda database: _selected(database, "ORDER BY number DESC"))

    async def by_id(self, id_: str) -> SentBatch | None:
        """Find a batch by the service's id, or one that was not begun yet by that of its file."""
        which = "WHERE id = ? OR (id = '' AND file = ?)"
        found = await self._keeping.use(lambda database: _selected(database, which, id_, id_))
        return found[-1] if found else None

    async def lines(self, batch: SentBatch) -> list[SentLine]:
        """List the requests of a batch, in their order."""
        query = "SELECT key, prompt, error FROM batch_line WHERE number = ? ORDER BY place"
        return await self._keeping.use(
            lambda database: [SentLine(*row) for row in database.execute(query, (batch.number,))]
        )

    async def on_their_way(self, keys: Sequence[bytes], target: str) -> dict[int, list[bytes]]:
        """Find which requests are in batches of a target whose answers were not taken yet, by the batches' numbers."""

        def call(database: sqlite3.Connection) -> dict[int, list[bytes]]:
            found: dict[int, list[bytes]] = {}
            if not _is_there(database):
                return found
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                query = (
                    "SELECT key, number FROM batch_line JOIN batch USING (number)"  # noqa: S608 - marks alone
                    f" WHERE NOT taken AND target = ? AND key IN ({','.join('?' * len(some))}) ORDER BY number"
                )
                for key, number in database.execute(query, (target, *some)):
                    found.setdefault(number, []).append(key)
            return found

        return await self._keeping.use(call)


@contextlib.contextmanager
def _whole(database: sqlite3.Connection) -> Iterator[None]:
    """Write all that the block writes, or nothing of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _prepare(database: sqlite3.Connection) -> None:
    for statement in _CREATE:
        database.execute(statement)


def _is_there(database: sqlite3.Connection) -> bool:
    """Tell whether any batch was ever sent; to read what is not there writes nothing."""
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'batch_line'").fetchone() is not None


def _selected(database: sqlite3.Connection, condition: str, *values: Any) -> list[SentBatch]:
    if not _is_there(database):
        return []
    query = f"SELECT {_COLUMNS} FROM batch {condition}"  # noqa: S608 - our own words
    return [_made(row) for row in database.execute(query, values)]


def _made(row: Sequence[Any]) -> SentBatch:
    values: list[Any] = [*row[:-1], bool(row[-1])]
    return SentBatch(*values)


def _plain(text: str) -> str:
    return without_secrets(mended(text))
