"""The writes that wait for the file, in their order, and by what numbers the file knows what they made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import StoreError, UsageError
from .mirror import OWN_CONVERSATIONS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


class Journal:
    """Writes that were done to the copy alone.

    A conversation or a turn that they made has a number of the copy, which those who asked go on using: it is taken
    for the file's number from when the write is in the file.
    """

    def __init__(self) -> None:
        self._writes: list[tuple[Callable[..., object], tuple[Any, ...], object]] = []
        self._numbers: dict[int, int] = {}

    def __bool__(self) -> bool:
        """Tell whether a write waits."""
        return bool(self._writes)

    def note(self, job: Callable[..., object], values: tuple[Any, ...], result: object) -> None:
        """Keep a write that was done, with the number that it made, if it made one."""
        self._writes.append((job, values, result))

    def now(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return values with the file's numbers in the place of the copy's, as far as there are any."""
        return _translated(values, self._numbers)

    def write(self, file: sqlite3.Connection) -> dict[int, int]:
        """Do all writes again, to the file, within its caller's transaction.

        What another kernel has deleted meanwhile stays deleted.

        Args:
            file: the database.

        Returns:
            The file's numbers by the copy's, for `settle` when the transaction has come to its end.

        """
        numbers = self._numbers.copy()
        for job, values, made in self._writes:
            try:
                result = job(file, *_translated(values, numbers))
            except (StoreError, UsageError):
                continue
            numbers.update(_renumbered(made, result))
        return numbers

    def settle(self, numbers: dict[int, int]) -> None:
        """Have nothing wait any more, and take the numbers that the file gave."""
        self._writes.clear()
        self._numbers = numbers

    def forget(self) -> None:
        """Have nothing wait any more."""
        self._writes.clear()


def _renumbered(made: object, result: object) -> dict[int, int]:
    """Return what the copy's numbers are in the file, of a write that returned one or several."""
    pairs = zip(_as_tuple(made), _as_tuple(result), strict=True)
    return {own: number for own, number in pairs if own >= OWN_CONVERSATIONS}


def _as_tuple(made: object) -> tuple[int, ...]:
    return made if isinstance(made, tuple) else (made,) if isinstance(made, int) else ()


def _translated(values: tuple[Any, ...], numbers: dict[int, int]) -> tuple[Any, ...]:
    return tuple(numbers.get(value, value) if isinstance(value, int) else value for value in values)
