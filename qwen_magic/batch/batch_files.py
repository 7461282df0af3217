"""Requests put into the files of a batch service, each as large as the service takes. No network."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from ..backends.openai.batch_service import BatchLimits

T = TypeVar("T")


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

    """
    rest = iter(lines)
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


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write lines to a file.

    Raises:
        UsageError: it cannot be written.

    """
    try:
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error})", hint="Name another file.") from None


def read_lines(path: str | Path) -> Iterator[str]:
    """Read the lines of a file.

    Raises:
        UsageError: it cannot be read.

    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error})", hint="Check its name.") from None
