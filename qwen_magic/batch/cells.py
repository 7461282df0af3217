"""What a cell of a frame is in a prompt: dates, numbers, lists and bytes as text, and pictures."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from ..media.kinds import SUFFIXES
from ..parts import Image
from ..text.surrogates import mended

_NO_PICTURES = (str, int, float, dt.date, dt.time, dt.timedelta, list, tuple, dict)
_MISSING = {"NaTType", "NAType"}
_MICROSECONDS = {"M": "datetime64[us]", "m": "timedelta64[us]"}
_DOUBLE = 8
"""Bytes of the widest number of numpy's that Python has."""


class NoTextError(Exception):
    """A value that cannot be written; the message says why."""


def is_missing(value: Any) -> bool:
    """Tell whether nothing is there: None, NaN, NaT, NA, numpy's too."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, Decimal):
        return value.is_nan()
    if _is_numpy_scalar(value):
        plain = _listed(value)
        return plain is None or plain != plain  # noqa: PLR0124 - NaN of any width
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
        raise NoTextError(f"is the path of a picture that does not exist: {value.name}")
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
        return json.dumps(plain, ensure_ascii=False, default=plain_value)
    if _is_numpy_scalar(value):
        plain = _listed(value)
        return str(plain) if type(plain) is type(value) else told(plain)
    return told(_listed(value)) if hasattr(value, "tolist") else str(value)


def text_of(value: Any) -> str | None:
    """Write a value for a file or a column of texts, which hold no half of a character; None where nothing is there."""
    if is_missing(value):
        return None
    try:
        return mended(told(value))
    except Exception:  # noqa: BLE001 - what a value of the user's raises
        return mended(repr(value))


def _is_numpy_scalar(value: Any) -> bool:
    return getattr(value, "ndim", None) == 0 and hasattr(value, "tolist")


def _listed(value: Any) -> Any:
    """Make Python's value, or a list of them, of what has ``tolist``; Python counts no nanoseconds, as numpy does."""
    unit = _MICROSECONDS.get(value.dtype.kind) if type(value).__module__ == "numpy" else None
    return value.astype(unit).tolist() if unit else value.tolist()


def plain_value(value: Any) -> Any:
    """Make of a value that JSON does not know one that it does: a list, a number or a text."""
    if _is_numpy_scalar(value):
        if value.dtype.kind in "biuf":
            return value.tolist() if value.dtype.itemsize <= _DOUBLE else float(value)
    elif hasattr(value, "tolist"):
        return _listed(value)
    try:
        return told(value)
    except NoTextError:
        return repr(value)
