"""What a cell of a frame is in a prompt: dates, numbers, lists and bytes as text, and pictures."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import PurePath
from typing import Any

from ..media.kinds import SUFFIXES
from ..parts import Image

_NO_PICTURES = (str, int, float, dt.date, dt.time, dt.timedelta, list, tuple, dict)
_MISSING = {"NaTType", "NAType"}


class NoTextError(Exception):
    """A value that cannot be written; the message says why."""


def is_missing(value: Any) -> bool:
    """Tell whether nothing is there: None, NaN, NaT, NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in _MISSING


def picture_in(value: Any, name: str) -> Image | None:
    """Return the picture that a value is; None of what is to be written.

    Args:
        value: what a row has.
        name: the name of its column.

    Raises:
        NoTextError: it is the path of a picture that is not there.
        UsageError: it is a picture, and cannot be sent.

    """
    if isinstance(value, _NO_PICTURES):
        return None
    if isinstance(value, Image):
        return value
    from ..media.pictures import picture_of  # noqa: PLC0415 - most rows have none

    found = picture_of(value, name)
    if found is None and isinstance(value, PurePath) and value.suffix.lower() in SUFFIXES:
        raise NoTextError(f"names no picture that is there: {value.name}")
    return None if found is None else Image(found.data, found.mime, found.name or name)


def told(value: Any) -> str:  # noqa: PLR0911 - a table
    """Write a value for a model to read.

    Raises:
        NoTextError: it is no text: bytes in no known encoding.

    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise NoTextError("is bytes that are neither UTF-8 text nor a picture; decode it") from None
    if isinstance(value, dt.datetime):
        at_midnight = not (value.hour or value.minute or value.second or value.microsecond)
        return value.date().isoformat() if at_midnight and value.tzinfo is None else value.isoformat(" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        plain = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return json.dumps(plain, ensure_ascii=False, default=_plain)
    if hasattr(value, "tolist"):  # of numpy: one number, or many
        return told(value.tolist())
    return str(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    try:
        return told(value)
    except NoTextError:
        return repr(value)
