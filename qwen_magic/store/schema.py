"""The database of conversations as a file: how it is opened, its schema and migrations, what can go wrong.

Which turn is in force, and what is written when, is no matter of this module.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from ..errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BUSY_SECONDS = 0.01
"""How long SQLite itself waits for others, deaf to everything: the keeper tries again (see there)."""

_APPLICATION = 0x5157454E  # "QWEN", so that no other program's database is taken for ours

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {_APPLICATION}",
        # AUTOINCREMENT: an id that a kernel still holds is never given again.
        """CREATE TABLE conversation (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            notebook TEXT NOT NULL,
            system TEXT NOT NULL DEFAULT '',
            created_at REAL NOT NULL,
            used_at REAL NOT NULL
        )""",
        # The rows of one place are versions of one turn. An open one has no finish_reason and no place in the order
        # in which turns were finished.
        """CREATE TABLE turn (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            in_force INTEGER NOT NULL DEFAULT 0,
            finished INTEGER,
            prompt TEXT NOT NULL,
            answer TEXT NOT NULL,
            thinking TEXT NOT NULL,
            system TEXT NOT NULL,
            source TEXT NOT NULL,
            cell TEXT NOT NULL,
            target TEXT NOT NULL,
            model TEXT NOT NULL,
            finish_reason TEXT,
            seconds REAL NOT NULL,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            estimated INTEGER NOT NULL,
            asked_at REAL NOT NULL
        )""",
        "CREATE INDEX turn_place ON turn (conversation, place)",
        "CREATE INDEX turn_finished ON turn (conversation, finished)",
        "CREATE UNIQUE INDEX turn_in_force ON turn (conversation, place) WHERE in_force",
        # The search's index is brought up to date from this list by whoever searches (see search): a Python
        # whose SQLite cannot keep the index can still write.
        "CREATE TABLE unindexed (turn INTEGER PRIMARY KEY)",
        """CREATE TRIGGER turn_changed AFTER UPDATE OF in_force, prompt, source, answer ON turn
            BEGIN INSERT OR IGNORE INTO unindexed VALUES (new.id); END""",
        """CREATE TRIGGER turn_added AFTER INSERT ON turn WHEN new.in_force
            BEGIN INSERT OR IGNORE INTO unindexed VALUES (new.id); END""",
        """CREATE TRIGGER turn_deleted AFTER DELETE ON turn
            BEGIN INSERT OR IGNORE INTO unindexed VALUES (old.id); END""",
    ),
    (
        # The version that the turn's place comes back with; all versions of a turn have the same. It is no foreign key:
        # SQLite follows a deep chain of them no further than 1,000 steps.
        "ALTER TABLE turn ADD COLUMN parked_under INTEGER",
        # Whether the turns behind it are parked when it is first answered.
        "ALTER TABLE turn ADD COLUMN branch INTEGER NOT NULL DEFAULT 0",
        # The version that was in force when it was first answered, for an undo.
        "ALTER TABLE turn ADD COLUMN replaced INTEGER",
        "CREATE INDEX turn_parked ON turn (parked_under) WHERE parked_under IS NOT NULL",
        # A new column stands behind the texts of its row: without an index all of them are read to look at it.
        "CREATE INDEX turn_shown ON turn (conversation, place) WHERE in_force AND parked_under IS NULL",
        "DROP TRIGGER turn_changed",
        """CREATE TRIGGER turn_changed AFTER UPDATE OF in_force, parked_under, prompt, source, answer ON turn
            BEGIN INSERT OR IGNORE INTO unindexed VALUES (new.id); END""",
    ),
    (
        # JSON where the prompt is more than its text, and the answer more than one (see message_json); else ''. A part
        # or a field that this version does not know needs a version of its own: this one does not read it.
        "ALTER TABLE turn ADD COLUMN parts TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE turn ADD COLUMN steps TEXT NOT NULL DEFAULT ''",
        # The bytes of images and files, and which column of which turn needs them.
        "CREATE TABLE blob (sha256 TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL)",
        """CREATE TABLE blob_use (
            turn INTEGER NOT NULL REFERENCES turn (id) ON DELETE CASCADE,
            part_of TEXT NOT NULL,
            sha256 TEXT NOT NULL REFERENCES blob (sha256),
            PRIMARY KEY (turn, part_of, sha256)
        ) WITHOUT ROWID""",
        "CREATE INDEX blob_use_sha256 ON blob_use (sha256)",
        """CREATE TRIGGER blob_unused AFTER DELETE ON blob_use
            WHEN NOT EXISTS (SELECT 1 FROM blob_use WHERE sha256 = old.sha256)
            BEGIN DELETE FROM blob WHERE sha256 = old.sha256; END""",
    ),
    (
        # Who waits for the answer of an open turn (see processes): one whose process is gone stays open for ever.
        "ALTER TABLE turn ADD COLUMN process TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX turn_open ON turn (process) WHERE finish_reason IS NULL",
    ),
    ("ALTER TABLE conversation ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",),
)
"""What makes each version of the schema from the one before it; ``PRAGMA user_version`` counts those that were done."""

_AWAY = "Move the file away; a new one is made then."
_FAILURES = (
    ("locked", "is locked by another program", "Close that program, and try again."),
    ("readonly", "cannot be written", "Make the file and its folder writable."),
    ("unable to open", "cannot be opened", "Make the file and its folder readable and writable."),
    ("is full", "cannot be written: the disk is full", "Free some space."),
    ("disk i/o", "cannot be read or written: the disk fails or is full", "Check the disk and its free space."),
    ("not a database", "is not a database", _AWAY),
    ("malformed", "is damaged", _AWAY),
)
"""What SQLite says of a failure, and what we say of it and of what to do."""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the database, and bring its schema up to date.

    Args:
        path: the file, which is made where it is absent, for this user alone; None for one in memory.

    Returns:
        A connection in autocommit mode, for any one thread at a time.

    Raises:
        StoreError: the file is none of ours, or of a newer version.
        sqlite3.Error: it cannot be used.
        OSError: it cannot be made.

    """
    if path is not None:
        make_private(path)
    connection = sqlite3.connect(
        ":memory:" if path is None else path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Bring a new connection's settings, and the database's schema, into the state that the store needs.

    Raises:
        StoreError: the database is none of ours, or of a newer version.

    """
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    _migrate(connection, MIGRATIONS)
    # Not all file systems can do it, and another kernel may be at it this very moment: the mode stays what it is then.
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the database's one write lock; what is done is kept as a whole, or not at all."""
    if connection.in_transaction:  # an interrupt fell between two lines of ours
        connection.rollback()
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        raise


@contextlib.contextmanager
def translated_errors(path: Path | None) -> Iterator[None]:
    """Raise what SQLite or the system raises as a StoreError that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error


def translated(error: sqlite3.Error | OSError, path: Path | None) -> StoreError:
    """Return what SQLite or the system raised as an error that says what to do."""
    if isinstance(error, OSError):
        what = f"the conversations' database {path} cannot be opened ({error.strerror or error})"
        return StoreError(what, hint="Make the file and its folder readable and writable.")
    what, hint = _meaning(error) or (f"cannot be used ({error})", _AWAY)
    return StoreError(f"the conversations' database {path or 'in memory'} {what}", hint=hint)


def is_locked(error: BaseException) -> bool:
    """Whether another program holds what is needed, most often for a moment."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def is_lasting(error: BaseException) -> bool:
    """Whether the file will not be better later: it is damaged, or none of ours."""
    if isinstance(error, StoreError):
        return True
    meaning = _meaning(error) if isinstance(error, sqlite3.Error) else None
    return meaning is not None and meaning[1] == _AWAY


def is_of_the_file(error: BaseException) -> bool:
    """Whether an error says that the file cannot be used, and nothing of what was asked of it."""
    return isinstance(error, OSError) or (isinstance(error, sqlite3.Error) and _meaning(error) is not None)


def _meaning(error: sqlite3.Error) -> tuple[str, str] | None:
    said = str(error).lower()
    return next(((what, hint) for part, what, hint in _FAILURES if part in said), None)


def make_private(path: Path) -> None:
    """Make the file where it is absent, and let nobody but its owner read it and what SQLite lays beside it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file that is there is not opened here: to close it again would drop the locks that this process has on it.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside = path.with_name(path.name + suffix)
        with contextlib.suppress(OSError):
            mode = beside.stat().st_mode
            if mode & 0o077:
                beside.chmod(mode & 0o700)
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(13, "no permission to read and write it", str(path))


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    """Do the migrations that were not done yet, each in a transaction of its own."""
    while (version := _pragma(connection, "user_version")) < len(migrations):
        with transaction(connection):
            if _pragma(connection, "user_version") != version:
                continue  # another kernel did it meanwhile
            if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise _foreign()
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
    if _pragma(connection, "application_id") != _APPLICATION:
        raise _foreign()
    if version > len(migrations):
        what = (
            f"the conversations' database has version {version}, this qwen_magic knows versions up to {len(migrations)}"
        )
        raise StoreError(what, hint="Update qwen_magic: pip install -U qwen-magic.")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _foreign() -> StoreError:
    return StoreError("the file for the conversations is a database of another program", hint=_AWAY)
