"""Files of an answer on the disk: what an app calls them leads to no other folder, and replaces nothing."""

from __future__ import annotations

import mimetypes
import re
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .parts import File, Image

_ODD = re.compile(r"[^\w. ()+-]+")
_LONGEST = 80


def save_parts(parts: Sequence[Image | File], folder: str | Path) -> list[Path]:
    """Write pictures and files into a folder, and return their paths.

    Args:
        parts: the pictures and files; one without bytes is left out.
        folder: the folder, which is made where it is missing.

    Raises:
        OSError: it cannot be written.

    """
    where = Path(folder).expanduser()
    where.mkdir(parents=True, exist_ok=True)
    return [_save(part, where) for part in parts if part.data]


def _save(part: Image | File, where: Path) -> Path:
    last = re.split(r"[/\\]", part.name)[-1]
    name = Path(_ODD.sub("_", last).strip(" .")[-_LONGEST:].lstrip(".") or "answer")
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
