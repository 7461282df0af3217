"""Thumbnails: a picture small enough to stand in a page or a cell's output, drawn anew from its pixels."""

from __future__ import annotations

import base64
import io
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .bitmaps import from_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 112
"""The longest side of a thumbnail, in pixels."""
MOST_CHARACTERS = 8000
"""The longest thumbnail as a ``data:`` URL."""
_MOST_KEPT = 500
_QUALITIES = (75, 50, 25)
_kept: dict[str, str] = {}


def thumbnail(data: bytes, key: str = "") -> str:
    """Draw a thumbnail of a picture's file.

    Args:
        data: the file's bytes, whoever made them.
        key: what tells them from others, such as their hash; with it, a thumbnail is made once.

    Returns:
        A ``data:`` URL of a PNG or JPEG; "" where the picture cannot be read here.

    """
    if key in _kept:
        return _kept[key]
    try:
        made = _drawn(data)
    except (UsageError, ImportError, OSError, ValueError):
        made = ""
    if key:
        while len(_kept) >= _MOST_KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = made
    return made


def _drawn(data: bytes) -> str:
    picture = from_bytes(data)  # bounded, upright, flat, and without notes
    image = import_module("PIL.Image").open(io.BytesIO(picture.data))
    image.load()
    image.thumbnail((SIDE, SIDE))
    forms: list[tuple[str, Callable[[Any], None]]] = [
        ("png", partial(image.save, format="PNG", optimize=True)),
        *(("jpeg", partial(image.save, format="JPEG", quality=quality)) for quality in _QUALITIES),
    ]
    for form, save in forms:
        buffer = io.BytesIO()
        save(buffer)
        url = f"data:image/{form};base64,{base64.b64encode(buffer.getvalue()).decode()}"
        if len(url) <= MOST_CHARACTERS:
            return url
    return ""
