"""A picture's file in front of a prompt, where nothing else can be attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..media.bitmaps import MOST_BYTES, from_bytes
from ..media.kinds import kind_of_bytes
from ..parts import Image, Text
from ..regular_file import read_regular_file

if TYPE_CHECKING:
    from pathlib import Path

    from ..parts import Part


def attached_picture(path: Path) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Read a picture's file for a prompt.

    Returns:
        The parts that stand in front of the prompt, and what is to be said of them.

    Raises:
        UsageError: it is none, or cannot be read.

    """
    try:
        data, _ = read_regular_file(path, MOST_BYTES, still=True)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror or error}", hint="Nothing was sent.") from None
    if data and not kind_of_bytes(data):
        raise UsageError(f"{path.name} is not a picture", hint="Only pictures can be attached here.")
    picture = from_bytes(data, path.name)
    notes = (f"{path.name}: {picture.note} was sent",) if picture.note else ()
    return (Text(f"{path.name}:\n"), Image(picture.data, picture.mime, path.name), Text("\n\n")), notes
