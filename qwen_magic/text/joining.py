"""Join a continued answer to what there was: find where the continuation repeats the end of the beginning."""

from __future__ import annotations

import re

from .fences import code_blocks

_REACH = 2_000
"""Characters at the end of the beginning in which a repetition is looked for."""
_MOST_HELD = 2 * _REACH
"""Characters that are held back at most while they may repeat the beginning's end, blanks in front of it included."""
_LEAST = 8
"""Characters from which a repetition is no chance."""
_LAST_WORDS = 60
_ELLIPSIS = re.compile(r"\s*(?:\.\.\.|…)\s*")
_OPENING = re.compile(r"[ \t]*(?:```+|~~~+(?!~))[^\n`]*\n")
_OPENING_STARTS = re.compile(r"\s*(?:`{1,3}|~{1,3}|```[^\n]*|~~~[^\n]*)")


def last_words(text: str) -> str:
    """Return the end of a text that a model can be asked to repeat: whole words of its last line with any."""
    line = next((line for line in reversed(text.split("\n")) if line.strip()), "")
    end = line[-_LAST_WORDS:]
    return end if len(end) == len(line) else end.partition(" ")[2] or end


class Joiner:
    """Join a continuation, which comes in pieces, to the beginning of an answer.

    A model that is asked to go on repeats the last words, or starts the last line, or the whole answer, once more; what
    is repeated is left out. A fence that it opens again, where the beginning ends in one, is left out too.

    Args:
        beginning: what there is of the answer.
        exact: whether the continuation comes from a server that goes on in the midst of it; then nothing is put between
            the two, and only the whole beginning is looked for.

    """

    def __init__(self, beginning: str, *, exact: bool = False) -> None:
        self._beginning = beginning
        self._exact = exact
        self._held: str | None = ""
        self._is_whole = True  # so far it is the whole beginning once more
        blocks = code_blocks(beginning)
        self._in_fence = bool(blocks) and not blocks[-1].closed

    def feed(self, text: str) -> str:
        """Take more of the continuation; return what is to be added to the answer."""
        if self._held is None:
            return text
        self._is_whole = self._is_whole and self._beginning.startswith(text, len(self._held))
        self._held += text
        if self._is_whole and len(self._held) < len(self._beginning):
            return ""  # not looked at again from its start for each delta
        return self._decide(final=False)

    def close(self) -> str:
        """End the continuation; return what was held back."""
        return "" if self._held is None else self._decide(final=True)

    def _decide(self, *, final: bool) -> str:
        """Give out what is new, once it is clear where it begins; hold it back until then."""
        assert self._held is not None  # noqa: S101 - asked before
        fresh = self._held if self._exact else self._without_opening(self._held)
        if not final and len(self._held) <= _MOST_HELD and (not fresh.strip(" \t\r\n.") or self._may_repeat(fresh)):
            return ""
        self._held = None
        repeated = self._repeated(fresh)
        if repeated or self._exact:
            return fresh[repeated:]
        return self._between(fresh) + fresh

    def _without_opening(self, text: str) -> str:
        """Leave out what stands before the continuation: an ellipsis, white space, a fence that is open anyhow."""
        if ellipsis := _ELLIPSIS.match(text):
            text = text[ellipsis.end() :]
        if self._in_fence:
            if opening := _OPENING.match(text.lstrip("\n")):
                return text.lstrip("\n")[opening.end() :]
            return "" if _OPENING_STARTS.fullmatch(text) else text
        return text

    def _may_repeat(self, fresh: str) -> bool:
        """Tell whether all that came so far may be the beginning of a repetition."""
        return self._beginning.startswith(fresh) or (not self._exact and fresh.lstrip() in self._tail)

    @property
    def _tail(self) -> str:
        return self._beginning[-_REACH:]

    def _repeated(self, fresh: str) -> int:
        """Count the characters at the continuation's start that repeat the beginning's end."""
        whole = self._beginning
        if whole and fresh.startswith(whole):
            return len(whole)
        if self._exact:
            return 0
        lead = len(fresh) - len(fresh.lstrip())
        text = fresh[lead:]
        for end in (self._tail, self._tail.rstrip()):
            for length in range(min(len(end), len(text)), 0, -1):
                if end.endswith(text[:length]) and self._counts(end, length):
                    return lead + length
        return 0

    def _counts(self, end: str, length: int) -> bool:
        """Tell whether a repetition is none by chance: long enough, or a whole line, and begun with a word."""
        before, first = end[-length - 1 : -length], end[-length]
        if before.isalnum() and first.isalnum() and not (_is_wide(before) or _is_wide(first)):
            return False
        repeated = end[-length:].strip()
        return length >= _LEAST or " " in repeated or (length > 1 and before in ("", "\n"))

    def _between(self, fresh: str) -> str:
        """Put a space between two words that would run together."""
        if self._in_fence or not self._beginning or not fresh:
            return ""
        last, first = self._beginning[-1], fresh[0]
        runs_together = (last.isalnum() or last in ".,;:!?") and first.isalnum()
        return " " if runs_together and not _is_wide(last) and not _is_wide(first) else ""


def _is_wide(char: str) -> bool:
    """Tell whether a character's script writes no spaces."""
    return "\u2e80" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or "\uff00" <= char <= "\uffef"
