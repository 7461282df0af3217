"""A text that grows by pieces of a few characters, held as few strings: five characters take as much as fifty."""

from __future__ import annotations

_RUN = 32
"""So many pieces are joined; the joined are not joined again, so that a text costs what it is long."""


class Pieces(list[str]):
    """A list of strings of which older ones are joined as it grows by `append`."""

    __slots__ = ("_joined",)

    def __init__(self, first: str | None = None) -> None:
        super().__init__([] if first is None else [first])
        self._joined = len(self)

    def append(self, text: str) -> None:
        """Put a piece at the end."""
        super().append(text)
        if len(self) - self._joined > _RUN:
            self[self._joined : -1] = ["".join(self[self._joined : -1])]
            self._joined += 1
