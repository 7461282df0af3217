"""A text cut to a number of characters, with a note of what is missing."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_KEPT = 16
"""Characters that must be left beside the note; with fewer, the text is only broken off."""


@dataclass(frozen=True)
class ShownValue:
    """What stands for a value in a prompt.

    Attributes:
        text: the text.
        cut: whether something was left out of it.

    """

    text: str
    cut: bool = False


def cut(text: str, budget: int) -> ShownValue:
    """Cut a text in its middle, so that its beginning and its end stay.

    Args:
        text: any text.
        budget: the most characters that may come out, the note's with them.

    Returns:
        The text as it is where it fits; else its beginning, a note of how much is missing, and its end.

    """
    if len(text) <= budget:
        return ShownValue(text)
    room = budget - len(_note(len(text), len(text)))
    if room < _LEAST_KEPT:
        return ShownValue(f"{text[: budget - 1]}…" if budget > 0 else "", cut=True)
    end = room // 4
    note = _note(len(text) - room, len(text))
    return ShownValue(text[: room - end] + note + text[len(text) - end :], cut=True)


def _note(missing: int, size: int) -> str:
    return f"\n[... {missing:,} of {size:,} characters left out ...]\n"
