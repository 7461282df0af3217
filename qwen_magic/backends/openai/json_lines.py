"""A body of JSON where a stream was asked for: one value, or one on each line; without I/O."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from ..wire_numbers import read_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...errors import QwenError

_MOST_CHARACTERS = 64 * 2**20


class JsonLines:
    """A body of JSON: one value, or a value on each line.

    Args:
        too_long: makes the error for a body without end.

    Attributes:
        by_lines: whether each line is a value; None while that is not known.

    """

    def __init__(self, too_long: Callable[[], QwenError]) -> None:
        self._too_long = too_long
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: list[str] = []
        self._size = 0
        self.by_lines: bool | None = None

    @property
    def held(self) -> int:
        """How many characters there are that were not given out yet."""
        return self._size

    def feed(self, data: bytes) -> list[str]:
        """Take more bytes; give the lines that are whole, where each is a value."""
        text = self._decoder.decode(data)
        self._pieces.append(text)
        self._size += len(text)
        if self._size > _MOST_CHARACTERS:
            raise self._too_long()
        if "\n" not in text or self.by_lines is False:
            return []
        *lines, rest = "".join(self._pieces).split("\n")
        if self.by_lines is None:
            self.by_lines = _is_json(lines[0])
        if not self.by_lines:
            return []
        self._pieces, self._size = [rest], len(rest)
        return [line for line in lines if line.strip()]

    def close(self) -> list[str]:
        """End the body; give what is left."""
        rest = "".join(self._pieces) + self._decoder.decode(b"", True)  # noqa: FBT003 - its end
        return [rest] if rest.strip() else []


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except (ValueError, RecursionError):
        return False
    return True
