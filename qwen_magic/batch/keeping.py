"""Answers kept as they come, in a database that outlives the process: what is asked again finds them there.

One file for all programs of a user; each answer under the hash of all that was sent for it. What a process has kept is
there whatever becomes of it, for it is written before the next row is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import StoreError
from ..store.schema import is_locked, make_private
from ..text.secrets import without_secrets
from ..text.surrogates import mended
from .kept_answer import KeptAnswer
from .whole_files import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

_COLUMNS = tuple(KeptAnswer.__annotations__)
_all_values: Callable[[KeptAnswer], tuple[Any, ...]] = attrgetter(*_COLUMNS)
_OWN = ("text", "thinking")
"""Columns whose texts are each row's own."""
_CREATE = f"""
CREATE TABLE IF NOT EXISTS answer (key BLOB PRIMARY KEY, {", ".join(_COLUMNS)}) WITHOUT ROWID
"""
_WIDTH = len(_COLUMNS) + 1
_VALUES_AT_ONCE = 80 * _WIDTH
"""Values of one statement: SQLite takes 999. Rows go in together, for with each statement the thread that asks is held
up once."""
_AT_ONCE = 500
"""Keys that are looked up in one statement: SQLite takes 999 values."""
_PATIENCE, _HURRIED_PATIENCE = 2.0, 0.05
"""Seconds that other processes' writing is waited for: once, and then only looked at, so that no row waits."""
_READ_ONLY = ("mode=ro", "immutable=1")
"""How a file is read that cannot be written; the latter where nothing can be laid beside it either."""
_LEFT: dict[Path, list[Any]] = {}
"""By files, what could not be written to them: for the next who uses one, as long as this process lives."""
_FULL = re.compile(r"\bfull\b|no space", re.IGNORECASE)
_FAULTS = (sqlite3.Error, OSError, ValueError, OverflowError)
"""What the database raises; the last two of a path or a value that it cannot hold."""


def usual_path() -> Path:
    """Return where the answers of rows are kept: a file of the user's data, the same for all notebooks and programs."""
    import platformdirs  # noqa: PLC0415 - light import

    return Path(platformdirs.user_data_dir("qwen_magic", appauthor=False)) / "rows.sqlite"


class Keeping:
    """The kept answers.

    All methods may be awaited on any loop; the database is used by one thread alone. Where it cannot be written, all
    goes on in memory, and `trouble` tells why.

    Args:
        path: the file; None for memory alone.

    Attributes:
        trouble: why answers are not kept, in one line; "" where they are.
        unread: why it could not be looked up which are kept, in one line; "" where it could.
        locked: whether the trouble is that another program holds the file, which passes.

    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.trouble = self.unread = ""
        self.locked = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="qwen_magic_rows")
        self._why = ""
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[Any] = []
        self._unwritten: list[Any] = _LEFT.pop(path, []) if path is not None else []
        self._group: list[asyncio.Future[None]] = []
        self._writing: asyncio.Task[None] | None = None

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, KeptAnswer]:
        """Look answers up.

        Args:
            keys: the hashes of what is asked.

        Returns:
            The answers that are there, by their keys.

        """
        found = await self._on_thread(self._known, keys)
        if found is None and self.path is not None and self.path.exists():
            self.unread = f"what is kept cannot be read ({self._why}): rows that are known are asked again"
        return {**(found or {}), **self._left(set(keys))}

    async def keep(self, key: bytes, answer: KeptAnswer) -> None:
        """Keep an answer; return when it is written. Those that come together are written together."""
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        self._group.append(written)
        self._waiting += (key, *_values(answer))  # made here: two threads that both run Python wait for each other
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_groups())
        await written

    async def finish(self) -> None:
        """Wait until all that was given is written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def forget(self, keys: Iterable[bytes]) -> None:
        """Take answers out again."""
        await self._on_thread(self._forget, list(keys))

    async def use(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Call with the database, on its thread.

        Raises:
            StoreError: it cannot be written or read.

        """
        found = await self._on_thread(lambda: (call(self._database()),))
        if found is None:
            what = f"{self.path or 'the memory'} cannot be used ({self._why})"
            full = "Make room there." if _FULL.search(self._why) else "Name another file with keep=."
            raise StoreError(what, hint="Try again." if self.locked else full)
        return found[0]

    def close(self) -> None:
        """Write what waits, and close the file."""
        with contextlib.suppress(RuntimeError):  # closed already
            self._thread.submit(self._close)
            self._thread.shutdown(wait=True)

    async def _on_thread(self, call: Callable[..., T], *values: Any) -> T | None:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._tried, call, *values)

    def _tried(self, call: Callable[..., T], *values: Any) -> T | None:
        """Call with the database; where it fails, note why and go on without."""
        try:
            found = call(*values)
        except _FAULTS as error:
            if not self.trouble and self._connection is not None:
                self._wait_at_most(_HURRIED_PATIENCE)
            self.locked = isinstance(error, sqlite3.Error) and is_locked(error)
            self._why = reason(error) if isinstance(error, OSError) else str(error)
            self.trouble = f"the answers are not kept ({self._why}): they are only in the result"
            return None
        return found

    def _wait_at_most(self, seconds: float) -> None:
        with contextlib.suppress(sqlite3.Error):
            assert self._connection is not None  # noqa: S101 - called where there is one
            self._connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._opened()
            except _FAULTS:
                if (readable := self._readable()) is None:
                    raise
                self._connection = readable
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        if self.path is not None:
            make_private(self.path)
        name = ":memory:" if self.path is None else str(self.path)
        patience = _HURRIED_PATIENCE if self.trouble else _PATIENCE
        connection = sqlite3.connect(name, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_CREATE)
        except BaseException:
            connection.close()
            raise
        return connection

    def _readable(self) -> sqlite3.Connection | None:
        """Open a file that can be read alone, so that what is known is not asked again; None where it cannot be."""
        if self.path is None or os.access(self.path, os.W_OK) or not self.path.exists():
            return None
        for how in _READ_ONLY:
            name = f"{self.path.absolute().as_uri()}?{how}"
            connection = sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("SELECT 1 FROM answer LIMIT 1")
            except sqlite3.Error:
                connection.close()
            else:
                return connection
        return None

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, KeptAnswer]:
        database, found = self._database(), {}
        targets: dict[str, str] = {}  # one text for all rows that have the same
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, {', '.join(_COLUMNS)} FROM answer WHERE key IN ({marks})"  # noqa: S608 - our own names
            for key, text, thinking, target, model, *rest in database.execute(query, some):
                target, model = targets.setdefault(target, target), targets.setdefault(model, model)  # noqa: PLW2901
                rest[3] = bool(rest[3])
                found[key] = KeptAnswer(text, thinking, target, model, *rest)
        return found

    def _left(self, keys: set[bytes]) -> dict[bytes, KeptAnswer]:
        """Find what could not be written until now."""
        values = self._unwritten
        places = (place for place in range(0, len(values), _WIDTH) if values[place] in keys)
        return {values[place]: KeptAnswer(*values[place + 1 : place + _WIDTH]) for place in places}

    async def _write_groups(self) -> None:
        while self._group:
            group, self._group = self._group, []
            waiting, self._waiting = self._waiting, []
            try:
                if await self._on_thread(self._write, waiting) is None:
                    self._unwritten += waiting  # tried again with the next
            finally:  # whatever it is that happened, nobody is left waiting
                for written in group:
                    if not written.done():  # who waited may have been cancelled
                        written.set_result(None)

    def _write(self, waiting: list[Any]) -> bool:
        values, database = [*self._unwritten, *waiting], self._database()
        try:
            if len(values) > _VALUES_AT_ONCE:
                database.execute("BEGIN IMMEDIATE")
            for start in range(0, len(values), _VALUES_AT_ONCE):
                some = values[start : start + _VALUES_AT_ONCE]
                database.execute(_insert(len(some) // _WIDTH), some)
            if database.in_transaction:
                database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        if self.trouble:
            self.trouble, self.locked = "", False
            self._wait_at_most(_PATIENCE)
        self._unwritten.clear()
        return True

    def _forget(self, keys: list[bytes]) -> None:
        self._database().executemany("DELETE FROM answer WHERE key = ?", [(key,) for key in keys])

    def _close(self) -> None:
        if self._unwritten:
            self._tried(self._write, [])
        if self._unwritten and self.path is not None:
            _LEFT.setdefault(self.path, []).extend(self._unwritten)
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@functools.lru_cache(maxsize=80)
def _insert(rows: int) -> str:
    row = f"({','.join('?' * _WIDTH)})"
    return f"INSERT OR REPLACE INTO answer VALUES {','.join([row] * rows)}"  # noqa: S608 - our own


def _values(answer: KeptAnswer) -> list[Any]:
    """List an answer's values as they may be kept."""
    return [
        value if not value or not isinstance(value, str) else (_own if name in _OWN else _known)(value)
        for name, value in zip(_COLUMNS, _all_values(answer), strict=True)
    ]


def _own(value: str) -> str:
    return without_secrets(mended(value))


@functools.lru_cache(maxsize=64)
def _known(value: str) -> str:
    """Return what most rows have as it may be kept: looking for secrets costs more than all else that is done here."""
    return _own(value)
