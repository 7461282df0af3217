"""The file beside a notebook that keeps its recorded answers: one line an answer, made for git.

Several kernels may write one file. Whoever reads or writes it holds a lock, which lies in the user's cache, not beside
the notebook. An answer is added by one write; everything else is a new file that takes the old one's place. So a
crash costs at most the answer that was being written, and what cannot be read stays in the file as it is.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ReplayError
from ..regular_file import read_regular_file
from ..text.terminal import safe_line
from .recorded import RecordedAnswer, UnreadableLine, read_line, to_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_LOCK_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.005
_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows would write "\r\n" for "\n"
_NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)  # a pipe waits for who reads it
_MOST_BYTES = 512 * 10**6
_MOST_WARNINGS = 3
"""Lines of a file that are told of one by one; of more the first and their number are told."""
_HINT = "Make it writable, or turn replay off with %qwen replay off."


class ReplayFile:
    """The recorded answers of a notebook.

    Args:
        path: the file that is read and written; it need not be there.
        others: files that are read too, for answers that it does not have.
        refusal: why nothing may be written, or "".

    Attributes:
        path: the file that is written.
        others: the files that are only read.
        refusal: why nothing may be written, or "".

    """

    def __init__(self, path: Path, others: Sequence[Path] = (), refusal: str = "") -> None:
        self.path = path
        self.refusal = refusal
        self.others = tuple(other for other in others if other != path)
        self._own = _KnownFile(path)
        self._files = (self._own, *map(_KnownFile, self.others))
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return safe_line(f"<ReplayFile {self.path.name}>")

    def find(self, key: str) -> RecordedAnswer | None:
        """Find a recorded answer; a file is read again only where it has changed."""
        with self._lock:
            return _find(self._files, key)

    def entries(self) -> list[RecordedAnswer]:
        """Return the answers of its own file, in their order there."""
        with self._lock:
            self._own.refresh()
            return list(self._own.entries.values())

    def record(self, recorded: RecordedAnswer) -> RecordedAnswer | None:
        """Keep an answer: in the place of the one with its key, else at the end.

        Returns:
            The answer that was found by its key until here, or None.

        Raises:
            ReplayError: the file cannot be written, or may not.

        """
        return self.record_all([recorded])[0]

    def record_all(self, recorded: Sequence[RecordedAnswer]) -> list[RecordedAnswer | None]:
        """Keep answers, each as `record` does, in one go.

        Args:
            recorded: the answers, of different keys.

        Returns:
            For each the answer that was found by its key until here, or None.

        Raises:
            ReplayError: the file cannot be written.

        """
        if not recorded:
            return []
        with self._lock:
            others = [
                _find(self._files[1:], one.key) for one in recorded
            ]  # first, so that no two locks are held at once
            with self._writing():
                self._own.load()
                known = self._own.entries
                before = [known.get(one.key, other) for one, other in zip(recorded, others, strict=True)]
                changed = {one.key: to_line(one) for one in recorded if one.key in known}
                new = [to_line(one) for one in recorded if one.key not in known]
                if changed:
                    _rewrite(self.path, self._own.with_lines(changed, new))
                else:
                    _append(self.path, b"\n".join(new), begin=bool(self._own.lines[-1]))
                self._own.load()
            return before

    def prune(self, keep: Collection[str]) -> list[RecordedAnswer]:
        """Take all answers out of its own file but some, and the lines that a crash cut short.

        Args:
            keep: the keys of the answers that stay.

        Returns:
            The answers that were taken out.

        Raises:
            ReplayError: the file cannot be written.

        """
        with self._lock, self._writing():
            self._own.load()
            removed = [recorded for key, recorded in self._own.entries.items() if key not in keep]
            lines = [line for line in self._own.lines if self._own.stays(line, keep)]
            if lines != self._own.lines:
                _rewrite(self.path, lines)
                self._own.load()
            return removed

    def pop_warnings(self) -> list[str]:
        """Return what could not be read and was not returned yet, one line each."""
        with self._lock:
            warnings = [warning for file in self._files for warning in file.warnings]
            for file in self._files:
                file.warnings.clear()
            return warnings

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the file's lock, and say in one line why it could not be written."""
        if self.refusal:
            raise ReplayError(self.refusal)
        try:
            with _locked(self.path):
                yield
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ReplayError(f"{self.path.name} cannot be written ({why})", hint=_HINT) from error


class _KnownFile:
    """One file, as it was read last.

    Attributes:
        lines: its lines without their ends; where the file is whole the last one is empty.
        entries: its answers by their keys; of several with one key the last.
        warnings: what could not be read, and nobody has asked for yet.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[bytes] = [b""]
        self.entries: dict[str, RecordedAnswer] = {}
        self.warnings: list[str] = []
        self._parsed: dict[bytes, RecordedAnswer | UnreadableLine | None] = {}
        self._reported: Counter[bytes] = Counter()
        self._signature: tuple[int, int, int] | None = None

    def refresh(self) -> None:
        """Read the file again if it has changed."""
        if _signature(self.path) == self._signature:
            return
        try:
            with _locked(self.path):
                self.load()
        except ReplayError:
            self.load()  # without a lock a line that is being written may look cut; better than no answers

    def load(self) -> None:
        """Read the file; a line that was there before is not parsed again."""
        data = self._bytes()
        self.lines = data.split(b"\n")
        known = self._parsed
        self._parsed = {line: known[line] if line in known else read_line(line) for line in self.lines}
        self.entries = {}
        unreadable: Counter[bytes] = Counter()
        new: list[str] = []
        for number, line in enumerate(self.lines, 1):
            read = self._parsed[line]
            if isinstance(read, RecordedAnswer):
                self.entries[read.key] = read
            elif read is not None:
                unreadable[line] += 1
                if unreadable[line] > self._reported[line]:
                    new.append(f"{self.path.name}:{number}: {read.reason}")
        self._reported |= unreadable
        if len(new) > _MOST_WARNINGS:
            new = [f"{new[0]} (and {len(new) - 1:,} more lines cannot be read)"]
        self.warnings += new

    def with_lines(self, changed: Mapping[str, bytes], new: Sequence[bytes]) -> list[bytes]:
        """Return the lines with each changed one in the place of the last with its key, no other with it, and new ones.

        Args:
            changed: lines by the keys of answers that are there.
            new: lines that stand behind all others.

        """
        keys = [self._key(line) for line in self.lines]
        last = {key: number for number, key in enumerate(keys)}
        lines = [
            changed.get(key or "", line)
            for number, (key, line) in enumerate(zip(keys, self.lines, strict=True))
            if key not in changed or number == last[key]
        ]
        return [*(lines[:-1] if new and not lines[-1] else lines), *new]

    def stays(self, line: bytes, keep: Collection[str]) -> bool:
        """Tell whether a line is left in the file when only some answers are."""
        read = self._parsed[line]
        if isinstance(read, RecordedAnswer):
            return read.key in keep
        return read is None or not read.cut

    def _key(self, line: bytes) -> str | None:
        read = self._parsed[line]
        return read.key if isinstance(read, RecordedAnswer) else None

    def _bytes(self) -> bytes:
        self._signature = _signature(self.path)
        try:
            data, status = read_regular_file(self.path, _MOST_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as error:
            self.warnings.append(f"{self.path.name}: it cannot be read ({error.strerror})")
            return b""
        self._signature = _signature_of(status)
        return data


def _find(files: Sequence[_KnownFile], key: str) -> RecordedAnswer | None:
    for file in files:
        file.refresh()
        if key in file.entries:
            return file.entries[key]
    return None


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file, or None where there is none."""
    try:
        return _signature_of(path.stat())
    except OSError:
        return None


def _signature_of(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which one thread has at a time, and which a killed process lets go."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - light import

    real = os.path.normcase(os.path.realpath(path))
    name = hashlib.sha256(os.fsencode(real)).hexdigest()[:32]
    lock = FileLock(_lock_folder() / f"{name}.lock")
    try:
        lock.acquire(timeout=_LOCK_SECONDS, poll_interval=_LOCK_POLL_SECONDS)
    except Timeout:
        raise ReplayError(f"another kernel has held {path.name} for too long", hint="Try again.") from None
    except OSError as error:
        raise ReplayError(f"{path.name} cannot be locked ({error.strerror})", hint=_HINT) from error
    try:
        yield
    finally:
        lock.release()


def _lock_folder() -> Path:
    """Return a folder of the user's own for locks: under the cache, else under the folder for temporary files."""
    import platformdirs  # noqa: PLC0415 - light import

    root = os.environ.get("QWEN_MAGIC_CACHE", "").strip()
    cache = Path(root or platformdirs.user_cache_dir("qwen_magic", appauthor=False)).expanduser()
    user = os.geteuid() if hasattr(os, "geteuid") else ""
    for folder in (cache / "locks", Path(tempfile.gettempdir()) / f"qwen_magic-{user}"):
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # In a folder of somebody else's a lock could be a link to one of the user's files.
            if os.access(folder, os.W_OK) and user in ("", folder.stat().st_uid):
                return folder
    raise ReplayError("there is no folder for locks", hint="Set QWEN_MAGIC_CACHE to a folder that you can write to.")


def _append(path: Path, line: bytes, *, begin: bool) -> None:
    """Add a line by one write; `begin` ends the line before it first."""
    data = (b"\n" if begin else b"") + line + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_WAIT | _BINARY, 0o666)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")
        size = status.st_size
        if os.write(file, data) < len(data):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)


def _rewrite(path: Path, lines: Sequence[bytes]) -> None:
    """Put a new file, with the same mode, in the place of the one that the path leads to."""
    real = Path(os.path.realpath(path))
    mode = stat.S_IMODE(real.stat().st_mode)
    draft = real.with_name(f".{real.name}.tmp")  # one name, so that what a crash leaves is used up by the next time
    draft.unlink(missing_ok=True)
    data = b"\n".join(lines)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data if data.endswith(b"\n") or not data else data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(real)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
