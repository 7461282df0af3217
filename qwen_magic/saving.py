"""Files on the disk by the names that others give them: none leads to another folder, and none replaces a file."""

from __future__ import annotations

import mimetypes
import re
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .parts import File, Image

_UNFIT = re.compile(r'[<>:"/\\|?*#\[\]]')
"""What stands in no file's name, or means something in a path."""
_LONGEST = 100


def file_name(name: str, otherwise: str = "file") -> str:
    """Return a name that a file can have everywhere, and that means no other place; its ending stays.

    Args:
        name: what somebody calls a file.
        otherwise: its name where nothing of that is left.

    """
    fit = "".join(letter if letter.isprintable() else "_" for letter in _UNFIT.sub("_", name))
    fit = fit.strip(". ") or otherwise
    stem, dot, ending = fit.rpartition(".")
    if not stem:
        return fit[:_LONGEST]
    ending = ending[: _LONGEST // 2]
    return f"{stem[: _LONGEST - len(ending)]}{dot}{ending}"


def save_parts(parts: Sequence[Image | File], folder: str | Path) -> list[Path]:
    """Write pictures and files into a folder, and return their paths.

    Args:
        parts: the pictures and files; one without bytes is left out.
        folder: the folder, which is made where it is missing.

    Raises:
        UsageError: it cannot be written.

    """
    where = Path(folder).expanduser()
    try:
        where.mkdir(parents=True, exist_ok=True)
        return [_save(part, where) for part in parts if part.data]
    except OSError as error:
        what = f"{where} cannot be written ({error.strerror or error})"
        raise UsageError(what, hint="Name another folder; files that were already written stay.") from None


def _save(part: Image | File, where: Path) -> Path:
    name = Path(file_name(re.split(r"[/\\]", part.name)[-1], "answer"))
    ending = name.suffix or mimetypes.guess_extension(part.mime) or ""
    for number in count(1):
        path = where / f"{name.stem}{f' ({number})' if number > 1 else ''}{ending}"
        try:
            with path.open("xb") as file:
                file.write(part.data)
        except FileExistsError:
            continue
        return path
    raise AssertionError
