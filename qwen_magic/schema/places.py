"""Places in a value: how a path is written, and the error of what does not fit there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable

    Place = tuple[str | int, ...]

_NAME = re.compile(r"[^\W\d]\w*")
_LONGEST_NAME = 60


def written(place: Iterable[str | int]) -> str:
    """Write a place as one would in Python: ``rows[2].age``, ``[0]["first name"]``; "" for the whole."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _NAME.fullmatch(step):
            path += f".{step}" if path else step
        else:
            shown = step if len(step) <= _LONGEST_NAME else f"{step[: _LONGEST_NAME - 1]}…"
            path += f'["{shown}"]'
    return path


def misfit(place: Iterable[str | int], reason: str) -> SchemaError:
    """Return the error of a value that does not fit.

    Args:
        place: where it stands, from the outermost on.
        reason: what is wrong with it, in a few words.

    """
    return SchemaError(written(place), reason)
