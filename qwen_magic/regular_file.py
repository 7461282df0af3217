"""Read a file that somebody named, whatever stands there: a pipe does not hang, a device does not fill the memory."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_FLAGS: int = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe without a writer waits


def read_regular_file(path: Path, most: int, *, still: bool = False) -> tuple[bytes, os.stat_result]:
    """Read a file whole.

    Args:
        path: the file.
        most: the bytes that it may have at most.
        still: whether it is refused where somebody writes it meanwhile: what was read may be half of two files.

    Returns:
        What is in it, and its status when it was opened.

    Raises:
        OSError: it cannot be read, is a folder, pipe or device, is too large or changes; `strerror` says which.

    """
    with open_regular_file(path) as file:
        status = os.fstat(file.fileno())
        data = file.read(most + 1)
        if still and _version(os.fstat(file.fileno())) != _version(status):
            raise OSError(errno.EBUSY, "it was changed while it was read")
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most // 10**6} MB")
    return data, status


def open_regular_file(path: Path) -> BinaryIO:
    """Open a file to read its bytes.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be read, or is a folder, pipe or device; `strerror` says which.

    """
    descriptor = os.open(path, _FLAGS)
    try:
        _check_kind(os.fstat(descriptor).st_mode)
        return open(descriptor, "rb")  # noqa: PTH123 - a descriptor
    except BaseException:
        os.close(descriptor)
        raise


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")


def head_of(path: Path, count: int) -> bytes:
    """Read the first bytes of a file.

    Args:
        path: the file.
        count: how many, at most.

    Raises:
        OSError: see `read_regular_file`.

    """
    with open_regular_file(path) as file:
        return file.read(count)


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
