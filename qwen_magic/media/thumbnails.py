"""Small copies of pictures, for people."""

from __future__ import annotations

import io
from contextlib import suppress
from importlib import import_module

from .bitmaps import MOST_BYTES
from .sizes import pixels_of

SIDE = 160
"""Pixels of a small copy's longer side."""
_MOST_PIXELS = 20_000_000


def thumbnail(data: bytes) -> bytes | None:
    """Return a small copy of a picture as PNG; None where none can be made of a PNG or a JPEG.

    Args:
        data: the bytes of the picture's file.

    """
    size = pixels_of(data)
    if size is None or size[0] * size[1] > _MOST_PIXELS or len(data) > MOST_BYTES:
        return None
    with suppress(Exception):  # of a broken file its readers raise anything, and Pillow may not be there
        image = import_module("PIL.Image").open(io.BytesIO(data), formats=["PNG", "JPEG"])
        image.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "PNG")
        return buffer.getvalue()
    return None
