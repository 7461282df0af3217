"""Requests put into the files of a batch service, each as large as the service takes. No network."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from ..errors import StoreError, UsageError
from ..regular_file import open_regular_file
from .whole_files import reason, whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO, TextIO

    from ..backends.openai.batch_service import BatchLimits

T = TypeVar("T")

_LONGEST = 64 << 20
"""The longest line that is read, in bytes."""


@dataclass
class BatchFile(Generic[T]):
    """A file of requests, in the system's folder for such; it is gone when it is closed, and has no name.

    Attributes:
        file: its lines, at their beginning.
        numbers: whose they are.

    """

    file: BinaryIO
    numbers: list[T] = field(default_factory=list)


def batch_files(
    lines: Iterable[tuple[T, str]], limits: BatchLimits, too_long: Callable[[T, str], None]
) -> Iterator[BatchFile[T]]:
    """Put requests into files, one file after the other; each is there until the next is asked for.

    Args:
        lines: whose a request is, and its line.
        limits: what a file may have.
        too_long: called with a request that no file takes, and why.

    Yields:
        The files, none of them empty.

    Raises:
        StoreError: they cannot be written.

    """
    try:
        yield from _filled(iter(lines), limits, too_long)
    except OSError as error:
        hint = f"Make room in {tempfile.gettempdir()}, or set TMPDIR to another folder."
        raise StoreError(f"the requests cannot be written to a file ({reason(error)})", hint=hint) from None


def _filled(
    rest: Iterator[tuple[T, str]], limits: BatchLimits, too_long: Callable[[T, str], None]
) -> Iterator[BatchFile[T]]:
    held: tuple[T, bytes] | None = None
    while True:
        with tempfile.TemporaryFile(prefix="qwen_magic") as file:
            made: BatchFile[T] = BatchFile(file)
            size = 0
            while len(made.numbers) < limits.lines:
                if held is None:
                    found = next(rest, None)
                    if found is None:
                        break
                    held = found[0], found[1].encode("utf-8", "replace") + b"\n"
                number, line = held
                if len(line) > min(limits.line, limits.size):
                    most = min(limits.line, limits.size) / 1e6
                    too_long(
                        number, f"the request has {len(line) / 1e6:,.1f} MB, and a batch takes at most {most:,.1f} MB"
                    )
                elif size + len(line) > limits.size:
                    break
                else:
                    file.write(line)
                    made.numbers.append(number)
                    size += len(line)
                held = None
            if not made.numbers:
                return
            file.seek(0)
            yield made


@contextmanager
def line_file(path: str | Path) -> Iterator[TextIO]:
    """Open a file that lines are written to; it is there when all were written, or not at all.

    Raises:
        UsageError: it cannot be written.

    """
    try:
        with whole_file(Path(path)) as draft, draft.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({reason(error)})", hint="Name another file.") from None


def read_lines(path: str | Path) -> Iterator[str]:
    """Read the lines of a file, whatever is in it; those that no memory should hold are left out.

    Raises:
        UsageError: it cannot be read.

    """
    try:
        with open_regular_file(Path(path)) as file:
            while line := file.readline(_LONGEST):
                if len(line) < _LONGEST or line.endswith(b"\n"):
                    yield line.decode("utf-8", "replace")
                    continue
                while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                    pass
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({reason(error)})", hint="Check its name.") from None
