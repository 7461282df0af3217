"""What a cell of a frame is called in a prompt: dates, numbers, lists and bytes as text."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

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
            raise NoTextError("is bytes that are no UTF-8 text; decode it, or give a picture as an Image") from None
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
