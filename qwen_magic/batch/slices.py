"""Very many things a few at a time, so that between two slices the event loop turns: streams go on, a stop is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

SLICE = 256
"""Rows that are worked on before others have their turn: a millisecond, or some where each is looked through."""


def slices(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut things into slices, in order; who works on one awaits ``asyncio.sleep(0)`` after it."""
    for start in range(0, len(things), SLICE):
        yield things[start : start + SLICE]
