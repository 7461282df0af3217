"""Files that are written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a draft, which takes a file's place when the block has ended, and is gone when it fails.

    Args:
        path: the file; where it is a link, what that leads to. What was there before keeps its mode.

    Raises:
        OSError: it cannot be written.

    """
    real = Path(os.path.realpath(path))
    draft = real.with_name(f".{real.name}.new")  # one name, so that what a kill leaves is used up by the next time
    try:
        draft.unlink(missing_ok=True)
        yield draft
        with suppress(FileNotFoundError):
            draft.chmod(stat.S_IMODE(real.stat().st_mode))
        draft.replace(real)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """Say why a file cannot be used, in the system's words, without its path."""
    return error.strerror or str(error) or type(error).__name__
