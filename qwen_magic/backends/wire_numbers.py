"""Numbers as servers send them: of any kind, size and sign; without I/O."""

from __future__ import annotations

import json
import math
from typing import Any

_MOST_DIGITS = 18
"""Digits from which a whole number counts as infinite: nothing that we count has so many."""
_MOST = 10**15


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


_ANY_NUMBERS = json.JSONDecoder(parse_int=_whole_number)
_usual = json.JSONDecoder()


def read_json(text: str) -> Any:
    """Decode JSON, whatever numbers it holds: Python itself refuses those of thousands of digits.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.

    """
    value, end = read_json_at(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise ValueError("more than one value")
    return value


def read_json_at(text: str, place: int) -> tuple[Any, int]:
    """Decode the JSON value that begins at a place; return it, and where it ends; see `read_json`."""
    try:
        return _usual.raw_decode(text, place)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number of too many digits
        return _ANY_NUMBERS.raw_decode(text, place)


def whole(value: Any) -> int | None:
    """Return a count: a whole number from 0 on that somebody may have counted; None for anything else."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MOST:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST else None


def number(value: Any) -> float | None:
    """Return a finite number of a bearable size; None for anything else, a bool among it."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if -_MOST <= value <= _MOST else None
