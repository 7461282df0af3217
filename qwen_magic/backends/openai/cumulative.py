"""Servers that send the whole answer so far with each delta; without I/O."""

from __future__ import annotations

from ...events import AnswerEvent, Reset, TextDelta
from ...text.pieces import Pieces

_LEAST = 4
"""Characters from which it is no chance that a delta begins with the one before it."""


class GrowingText:
    """Read deltas that may each be the whole text so far.

    That is seen at the second one, or a few later where they are short. Where a later one shows that it was chance, the
    text is set right.

    Attributes:
        plain: whether the deltas are surely no more than what is new.

    """

    def __init__(self) -> None:
        self.plain = False
        self._pieces = Pieces()
        self._whole: str | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._pieces) if self._whole is None else self._whole

    def note(self, text: str) -> None:
        """Note a delta of which it is known that it is new."""
        self._pieces.append(text)

    def feed(self, text: str) -> list[AnswerEvent]:
        """Take a delta, and tell what it adds."""
        if not text:
            return []
        before = self._pieces[-1] if self._pieces else ""
        self._pieces.append(text)
        if self.plain or not before:
            return [TextDelta(text)]
        if self._whole is not None:
            return self._go_on(text)
        if len(text) <= len(before) or not text.startswith(before):
            self.plain = True
        elif len(before) >= _LEAST:
            self._whole = text
            first = len(self._pieces) == 2  # noqa: PLR2004 - all that was given out is the one before
            return [TextDelta(text[len(before) :])] if first else [Reset(text)]
        return [TextDelta(text)]

    def _go_on(self, text: str) -> list[AnswerEvent]:
        whole = self._whole or ""
        if text.startswith(whole):
            self._whole = text
            return [TextDelta(text[len(whole) :])] if len(text) > len(whole) else []
        self.plain, self._whole = True, None
        return [Reset("".join(self._pieces))]
