"""Halves of surrogate pairs, which some servers send for a cut emoji: no file and no message can hold them."""

from __future__ import annotations


def mended(text: str) -> str:
    """Make one character of two halves that belong together, and U+FFFD of each that stands alone.

    Args:
        text: any text.

    Returns:
        A text that can be encoded.

    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class SurrogateJoiner:
    """Mend a text that arrives in pieces, where a pair may be cut in two."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; a first half at its end is held back."""
        text, self._half = self._half + piece, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return mended(text)

    def close(self) -> str:
        """Give out what was held back."""
        half, self._half = self._half, ""
        return mended(half)
