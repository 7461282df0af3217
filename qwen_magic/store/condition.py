"""In what condition a database of conversations is, told without changing it."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Condition(NamedTuple):
    """What can be seen of a database from outside.

    Attributes:
        size: its bytes, or None where there is none yet.
        schema: the version of its tables, or None.
        problem: what keeps it from being used, or "".

    """

    size: int | None = None
    schema: int | None = None
    problem: str = ""


def condition(path: Path) -> Condition:
    """Look at a database; a lock is not waited for.

    Args:
        path: its file.

    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        writable = os.access(_nearest(path.parent), os.W_OK)
        return Condition(problem="" if writable else "its folder cannot be written")
    except OSError as error:
        return Condition(problem=f"it cannot be read ({error.strerror})")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        return Condition(size, problem=f"it cannot be opened ({error})")
    try:
        schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        locked = "locked" in str(error)
        return Condition(
            size, problem="another process holds its lock" if locked else f"it cannot be written ({error})"
        )
    except sqlite3.DatabaseError:
        return Condition(size, problem="it is not a database, or it is damaged")
    finally:
        connection.close()
    return Condition(size, schema)


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
