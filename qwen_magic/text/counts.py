"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Write how many there are of something, such as "1 row" or "1,200 rows".

    Args:
        number: how many.
        noun: the word for one of them; its plural ends in s.

    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
