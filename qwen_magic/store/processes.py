"""Which process waits for an answer, and whether it is still there: a turn of one that was killed is not open."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import sqlite3
import time

from .schema import transaction

_LONGEST_ANSWER = 24 * 3600.0
"""Seconds after which nobody waits for an answer, where it cannot be seen whether the process is there."""

_GONE = "gone"
_SAME_SECONDS = 5.0
"""By how much two readings of when a process began differ at most: a machine's clock is set meanwhile."""


def this_process() -> str:
    """Return the name of this process: no other on any machine has it, before or after a restart."""
    return _name(os.getpid())


@functools.lru_cache(maxsize=4)
def _name(number: int) -> str:
    return f"{platform.node()} {number} {_started(number)}"


def close_orphans(connection: sqlite3.Connection) -> None:
    """Mark the open turns that nobody waits for any more as interrupted; what was asked stays in the history.

    Where another program holds the lock, the next who opens the file does it.

    Args:
        connection: the database, in no transaction.

    """
    rows = connection.execute("SELECT process, min(asked_at) FROM turn WHERE finish_reason IS NULL GROUP BY process")
    long_ago = time.time() - _LONGEST_ANSWER
    gone = [
        (process, long_ago if _may_live(process) else float("inf"))
        for process, asked_at in rows.fetchall()
        if asked_at < long_ago or not _may_live(process)
    ]
    if not gone:
        return
    with contextlib.suppress(sqlite3.OperationalError), transaction(connection):
        query = (
            "UPDATE turn SET finish_reason = 'interrupted' WHERE finish_reason IS NULL AND process = ? AND asked_at < ?"
        )
        connection.executemany(query, gone)


def _may_live(process: str) -> bool:
    name, _, began = process.rpartition(" ")
    node, _, number = name.rpartition(" ")
    if node != platform.node() or not number.isdecimal():
        return True  # on another machine, or of an earlier version
    begins = _started(int(number))
    if begins == _GONE or not began or not begins:
        return begins != _GONE
    return abs(float(begins) - float(began)) < _SAME_SECONDS


def _started(number: int) -> str:
    """Return when a process began, in seconds; "" where nobody tells, "gone" where there is none."""
    try:
        import psutil  # noqa: PLC0415 - a kernel has loaded it anyway
    except ImportError:
        return "" if os.name == "nt" else _seen(number)
    try:
        process = psutil.Process(number)
        return _GONE if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return _GONE
    except psutil.Error:
        return ""


def _seen(number: int) -> str:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return _GONE
    except OSError:
        pass
    return ""
