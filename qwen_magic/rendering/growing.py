"""The HTML of a growing Markdown text, as what changes in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypedDict

from ..text.markdown import BlockSplitter
from .html import to_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import NotRequired

_INTERVAL = 0.05
_IDLE = 4.0
"""How much longer than a rendering the pause after it is at least."""
_FREE = 20_000
_REWRITTEN = 4
"""How often, on the whole, a character may be written anew; an open block that keeps changing all over waits."""


class Delta(TypedDict):
    """What a page must do: begin anew, add finished blocks (which ends the tail), change the tail's end.

    Attributes:
        restart: whether all blocks and the tail go first; absent for no.
        blocks: the HTML of newly finished blocks.
        keep: how much of the tail stays, in UTF-16 units as JavaScript counts; of the empty text after blocks.
        add: what follows it.

    """

    restart: NotRequired[bool]
    blocks: list[str]
    keep: int
    add: str


class GrowingHtml:
    """Render a text that grows, and tell what is new. The deltas add up to the HTML of the finished runs, joined.

    Args:
        clock: tells seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock()
        self._tail = ""
        self._finished: list[str] = []
        self._restarting = False
        self._begin()

    def _begin(self) -> None:
        self._splitter = BlockSplitter(least=1, share=0.0)
        self._pieces: list[str] = []
        self._runs: list[str] = []  # finished, and not rendered yet
        self._new = False
        self._length = 0
        self._rewritten = 0

    @property
    def text(self) -> str:
        """The source so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return "".join(self._pieces)

    @property
    def behind(self) -> bool:
        """Whether there is something new that no delta has told."""
        return self._new

    @property
    def tail(self) -> str:
        """The HTML of the open block, as last told."""
        return self._tail

    def finished(self) -> list[str]:
        """Return the HTML of the finished blocks, as last told."""
        return list(self._finished)

    def blocks(self) -> list[str]:
        """Return the HTML of all blocks, as last told."""
        return [*self._finished, *([self._tail] if self._tail else [])]

    def add(self, text: str) -> None:
        """Take the next piece.

        Args:
            text: Markdown, cut anywhere.

        """
        if text:
            self._pieces.append(text)
            self._length += len(text)
            self._runs += self._splitter.feed(text)
            self._new = True

    def replace(self, text: str) -> None:
        """Begin anew.

        Args:
            text: the source, in place of all that was.

        """
        self._begin()
        self._restarting = self._new = True
        self.add(text)

    def due(self) -> bool:
        """Tell whether there is something new and the time for it has come.

        That is twenty times a second, and more rarely where rendering takes long or writes much anew.
        """
        if not self._new or self._clock() < self._next:
            return False
        return self._rewritten <= _FREE + _REWRITTEN * self._length

    def delta(self, *, final: bool = False) -> Delta | None:
        """Render what is new.

        Args:
            final: whether the text is complete: then the open block is finished too.

        Returns:
            What a page must do; None where there is nothing.

        """
        begun = self._clock()
        blocks = [html for run in self._runs if (html := to_html(run))]
        self._runs.clear()
        tail = to_html(self._splitter.tail, growing=not final) if self._new or final else self._tail
        if final:
            blocks += [tail] if tail else []
            tail = ""
            self._splitter = BlockSplitter(least=1, share=0.0)
        told = self._told(blocks, tail)
        self._new = False
        ended = self._clock()
        self._next = max(begun + _INTERVAL, ended + _IDLE * (ended - begun))
        return told

    def _told(self, blocks: list[str], tail: str) -> Delta | None:
        restart = self._restarting
        if restart:
            self._finished, self._restarting = [], False
        before = "" if restart or blocks else self._tail
        if not restart and not blocks and tail == before:
            return None
        same = _common(before, tail)
        self._rewritten += len(before) - same
        self._finished += blocks
        self._tail = tail
        told = Delta(blocks=blocks, keep=utf16_units(tail[:same]), add=tail[same:])
        if restart:
            told["restart"] = True
        return told


def _common(one: str, other: str) -> int:
    """Return the length of the longest beginning that both have, by halving: each character is compared about twice."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def utf16_units(text: str) -> int:
    """Count a text's characters as JavaScript does."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
