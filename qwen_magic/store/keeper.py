"""Where reads and writes go: to the file, or to a copy in memory for as long as the file cannot be used.

Another program holds the file, the disk is full, the file was damaged: the conversation goes on in memory, whole, and
what was written there is written to the file when it can be. A call waits for others' locks once, and no longer than
the patience that it is given.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, TypeVar

from ..errors import StoreError
from .journal import Journal
from .mirror import Mirror
from .processes import close_orphans
from .schema import connect, is_lasting, is_locked, is_of_the_file, transaction, translated, translated_errors
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from .worker import Call

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a call waits for the locks of other programs."""
_STEP_SECONDS = 0.01
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
"""Seconds between two tries to write what waits; they grow from the first to the longest."""


class Revoked(BaseException):
    """Nobody waits for a write any more that is worth nothing to anybody else: it is taken back."""


class Keeper:
    """The database as it can be used at this moment; all is done on a thread of its own.

    Args:
        path: the file; None for memory alone.
        written_later: called, on the keeper's thread, when what waited has been written.
        patience: seconds that a call waits for the locks of other programs.
        hurried: tells whether the calling thread must not stand still, as an event loop's.

    Attributes:
        trouble: why the file is not used now, and what that means, in one line; "" where all is well.

    Raises:
        StoreError: the file cannot be used at all; one that is only locked can be used later.

    """

    def __init__(
        self,
        path: Path | None,
        written_later: Callable[[], None],
        patience: float = PATIENCE,
        hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path = path
        self.trouble = ""
        self._written_later = written_later
        self._file: sqlite3.Connection | None = None
        self._mirror: Mirror | None = None
        self._journal = Journal()
        self._away = False
        self._lasting = False
        self._closed = False
        self._pause = _FIRST_PAUSE
        self._next_try = 0.0
        self._worker = Worker(self._write_what_waits, patience, hurried)
        try:
            self._worker.run(self._open)
        except BaseException:
            self._worker.stop()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The database that is used now, for tests that look into it."""
        connection = self._mirror.connection if self._away and self._mirror else self._file
        assert connection is not None  # noqa: S101 - a keeper that is not closed
        return connection

    def read(self, job: Callable[..., T], *values: Any) -> T:
        """Read from the database.

        Args:
            job: what reads; it gets the connection and the values.
            values: numbers of conversations and turns among them are those of today (see `Journal`).

        """
        return self._run(lambda _, database: job(database, *self._journal.now(values)))

    def write(
        self,
        job: Callable[..., T],
        *values: Any,
        revocable: bool = False,
        revoke: Callable[[sqlite3.Connection, T], object] | None = None,
    ) -> tuple[T, bool]:
        """Write to the database, all of it or nothing.

        Args:
            job: what writes; it gets the connection, in a transaction, and the values. It is done once more later
                where the file cannot be used now; what it returns then, if a number, stands for what it returns now.
            values: see `read`.
            revocable: whether it is taken back where the caller is interrupted meanwhile.
            revoke: what takes it back where it was done just as the interrupt came; it gets what the job returned.

        Returns:
            What the job returned, and whether it has changed anything.

        """
        done: list[T] = []

        def write(call: Call, database: sqlite3.Connection) -> tuple[T, bool]:
            today = self._journal.now(values)
            before = database.total_changes
            with transaction(database):
                result = job(database, *today)
                if revocable and call.abandoned:
                    raise Revoked
            done.append(result)
            if self._away:
                self._journal.note(job, today, result)
            elif self._mirror:
                self._follow(database)
            return result, database.total_changes != before

        try:
            return self._run(write)
        except KeyboardInterrupt:
            if revoke is not None:
                self._worker.post(lambda _: self.write(revoke, *done) if done else None)
            raise

    def close(self) -> None:
        """Write what waits, if that can be, and close the file."""
        if not self._closed:
            self._worker.run(self._close)
            self._worker.stop()

    def before_fork(self) -> None:
        """Wait for what is being done and close the file, as SQLite demands; memory is copied as it is."""
        self._worker.pause()
        if self.path is not None:
            with contextlib.suppress(sqlite3.Error):
                self._disconnect()

    def after_fork(self, *, child: bool) -> None:
        """Go on; what waits to be written is the parent's to write."""
        if child:
            self._journal.forget()
        self._worker.resume()

    def stop(self) -> None:
        """End the thread; for a store that was forgotten without being closed."""
        self._worker.stop()

    def _run(self, job: Callable[[Call, sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreError("the conversations' database is closed", hint="Load the extension again.")
        return self._worker.run(lambda call: self._do(call, lambda database: job(call, database)))

    def _do(self, call: Call, job: Callable[[sqlite3.Connection], T]) -> T:
        if not self._away:
            try:
                return self._tried(call, job)
            except (sqlite3.Error, OSError) as error:
                if self.path is None or not is_of_the_file(error):
                    raise translated(error, self.path) from error
                self._leave(error)
        assert self._mirror  # noqa: S101 - who is away has one
        with translated_errors(None):
            return job(self._mirror.connection)

    def _tried(self, call: Call, job: Callable[[sqlite3.Connection], T]) -> T:
        """Do a job with the file; try again while another program holds it, and there is time."""
        while True:
            try:
                return job(self._connected())
            except sqlite3.OperationalError as error:
                if not is_locked(error) or not self._worker.in_time(call):
                    raise
            time.sleep(_STEP_SECONDS)  # on the keeper's own thread

    def _connected(self) -> sqlite3.Connection:
        if self._file is None:
            file = connect(self.path)
            try:
                close_orphans(file)
                if self.path is not None:
                    self._mirror = self._mirror or Mirror()
                    self._mirror.watch(file)
            except BaseException:
                file.close()
                raise
            self._file = file
        return self._file

    def _open(self, call: Call) -> None:
        try:
            self._tried(call, lambda _: None)
        except (sqlite3.Error, OSError) as error:
            if self.path is None or not is_locked(error):
                raise translated(error, self.path) from error
            self._leave(error)

    def _follow(self, file: sqlite3.Connection) -> None:
        """Keep the copy up to date; where that fails, it is the next use of the file that tells."""
        assert self._mirror  # noqa: S101 - called where there is one
        with contextlib.suppress(sqlite3.Error):
            self._mirror.follow(file)

    def _leave(self, error: sqlite3.Error | OSError) -> None:
        """Go on with the copy, as near to the file as it can be read."""
        self._mirror = self._mirror or Mirror()
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._mirror.refresh(self._file)
        self._away, self._lasting = True, is_lasting(error)
        self._next_try, self._pause = time.monotonic() + _FIRST_PAUSE, _FIRST_PAUSE
        said = translated(error, self.path)
        after = "for this session only" if self._lasting else "and written to the file as soon as possible"
        self.trouble = f"{said.what}: conversations are kept in memory {after}. {said.hint}"

    def _write_what_waits(self) -> float | None:
        """Go back to the file where that can be; return the seconds until the next try, or None for none."""
        if not self._away or self._lasting or self._closed:
            return None
        if (left := self._next_try - time.monotonic()) > 0:
            return left
        try:
            self._come_back()
        except (sqlite3.Error, OSError, StoreError) as error:
            self._lasting = is_lasting(error)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            self._next_try = time.monotonic() + self._pause
            return None if self._lasting else self._pause
        self._written_later()
        return None

    def _come_back(self) -> None:
        assert self._mirror  # noqa: S101 - who is away has one
        file = self._connected()
        with transaction(file):
            numbers = self._journal.write(file)
        self._journal.settle(numbers)
        self._away, self.trouble = False, ""
        self._mirror.clear()
        self._follow(file)

    def _close(self, call: Call) -> None:
        try:
            if self._away and not self._lasting and self._journal:
                with contextlib.suppress(sqlite3.Error, OSError, StoreError):
                    self._wait_for_file(call)
        finally:
            self._closed = True
            with translated_errors(self.path):
                self._disconnect()
            if self._mirror:
                self._mirror.close()

    def _wait_for_file(self, call: Call) -> None:
        while True:
            try:
                self._come_back()
            except sqlite3.OperationalError as error:
                if not is_locked(error) or not self._worker.in_time(call):
                    raise
                time.sleep(_STEP_SECONDS)
            else:
                return

    def _disconnect(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
