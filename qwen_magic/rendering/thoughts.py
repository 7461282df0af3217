"""A model's thinking as a block that can be folded: open while it thinks, closed above its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text.bundles import mime_bundle
from .last_line import duration, escape, escape_lines

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOWN = 600
"""Characters of running thinking that are shown."""


class Thoughts:
    """The thinking of an answer, and how long it took.

    Args:
        clock: the time in seconds.

    Attributes:
        size: its length in bytes.
        length: its length in characters.

    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.size = self.length = 0
        self._clock = clock
        self._parts: list[str] = []
        self._tail = ""
        self._since: float | None = None
        self._seconds = 0.0

    @property
    def running(self) -> bool:
        """Whether the model is thinking."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """How long it has thought, with all pauses left out."""
        return self._seconds + (0.0 if self._since is None else self._clock() - self._since)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def since(self, place: int) -> str:
        """Return what came after so many characters."""
        new = self.length - place
        return self._tail[len(self._tail) - new :] if new <= len(self._tail) else self.text[place:]

    def add(self, text: str) -> None:
        """Take more thinking."""
        if self._since is None:
            self._since = self._clock()
        self._parts.append(text)
        self._tail = (self._tail + text)[-2 * _SHOWN :]
        self.size += len(text.encode(errors="replace"))
        self.length += len(text)

    def replace(self, text: str) -> None:
        """Take other thinking in place of what came so far."""
        self._parts, self._tail, self.size, self.length = [], "", 0, 0
        if text:
            self.add(text)

    def stop(self, seconds: float | None = None) -> None:
        """End the thinking, for now.

        Args:
            seconds: how long it took, where that is known better.

        """
        self._seconds = self.seconds if seconds is None else seconds
        self._since = None

    def heading(self) -> str:
        """Say how long the thinking takes, or took."""
        return f"thinking, {int(self.seconds)} s" if self.running else f"thought for {duration(self.seconds)}"

    def opened(self) -> str:
        """Write the end of the thinking as an open block."""
        return _block(self.heading(), escape_lines(self._end()), "open ")

    def folded(self) -> dict[str, str]:
        """Write all of the thinking as a closed block, and as plain text."""
        text = self.text.strip()
        block = folded_block(self.heading(), text)
        return mime_bundle(block, f"thinking ({duration(self.seconds)}): {text}")

    def _end(self) -> str:
        """Return the last lines, or of a long line the last words."""
        if self.size <= _SHOWN:
            return self._tail.strip()
        end = self._tail[-_SHOWN:]
        for mark in ("\n", " "):
            cut = end.find(mark, 0, _SHOWN // 2)
            if cut >= 0:
                end = end[cut + 1 :]
                break
        return f"…\n{end.rstrip()}"


def folded_block(heading: str, text: str) -> str:
    """Write a text that somebody else wrote as a closed block."""
    return _block(heading, escape_lines(text))


def _block(heading: str, content: str, state: str = "") -> str:
    """Write a block on one line, so that nothing in it can end it; where styles are dropped, it is small still."""
    summary = f"<summary><small><em>{escape(heading)}</em></small></summary>"
    return f'<details {state}style="opacity:.75">{summary}<blockquote><small>{content}</small></blockquote></details>'
