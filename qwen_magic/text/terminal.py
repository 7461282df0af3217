"""Model output made safe for a terminal."""

from __future__ import annotations

import re
from enum import Enum

from .reordering import CONTROLS

_SPECIAL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{CONTROLS}\ud800-\udfff]")
_STEERING = re.compile(f"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f{CONTROLS}]")
_ESC, _BEL, _ST = "\x1b", "\x07", "\x9c"
_ABORT = "\x18\x1a"
_STRING_INTRODUCERS = "]PX^_"  # OSC, DCS, SOS, PM, APC after ESC
_C1_STRINGS = "\x9d\x90\x98\x9e\x9f"
_C1_CSI = "\x9b"


class _State(Enum):
    TEXT = 0
    ESCAPE = 1  # after ESC, and after its intermediate bytes
    CSI = 2
    STRING = 3


class TerminalFilter:
    """Drop what would steer a terminal from text that arrives in pieces.

    Dropped are control characters other than line feed and tab, whole escape sequences (ECMA-48: CSI, OSC,
    DCS, SOS, PM, APC, with ESC or as one C1 character), and bidirectional overrides and isolates. CR LF and
    CR become LF. A string sequence that no terminator ends goes no further than its line, so that it cannot
    hide the rest.
    """

    def __init__(self) -> None:
        self._state = _State.TEXT
        self._after_cr = False

    def feed(self, delta: str) -> str:
        """Take the next piece.

        Args:
            delta: text, cut anywhere, within an escape sequence too.

        Returns:
            What of it is to be printed.

        """
        if self._state is _State.TEXT and not self._after_cr and not _SPECIAL.search(delta):
            return delta
        return "".join(map(self._step, delta))

    def close(self) -> str:
        """End the text; an unfinished escape sequence is dropped.

        Returns:
            What is still to be printed: nothing, as no text is ever held back.

        """
        self._state = _State.TEXT
        self._after_cr = False
        return ""

    def _step(self, char: str) -> str:
        after_cr, self._after_cr = self._after_cr, False
        if self._state is not _State.TEXT and self._swallow(char):
            return ""
        if char == "\n":
            return "" if after_cr else "\n"
        if char == "\r":
            self._after_cr = True
            return "\n"
        if not _SPECIAL.match(char):
            return char
        if char == _ESC:
            self._state = _State.ESCAPE
        elif char == _C1_CSI:
            self._state = _State.CSI
        elif char in _C1_STRINGS:
            self._state = _State.STRING
        return "\ufffd" if "\ud800" <= char <= "\udfff" else ""

    def _swallow(self, char: str) -> bool:
        """Take a character of an escape sequence; False where it belongs to none any more."""
        state, self._state = self._state, _State.TEXT
        if char in _ABORT:
            return True
        if char == _ESC:
            self._state = _State.ESCAPE  # begins a sequence, or ends a string as ESC \
            return True
        if state is _State.STRING:
            return self._swallow_string(char)
        if state is _State.ESCAPE:
            return self._swallow_escape(char)
        if " " <= char <= "?":
            self._state = _State.CSI
        return " " <= char <= "~"

    def _swallow_string(self, char: str) -> bool:
        if char in "\r\n":
            return False
        if char not in (_BEL, _ST):
            self._state = _State.STRING
        return True

    def _swallow_escape(self, char: str) -> bool:
        if char == "[":
            self._state = _State.CSI
        elif char in _STRING_INTRODUCERS:
            self._state = _State.STRING
        elif " " <= char <= "/":
            self._state = _State.ESCAPE
        return " " <= char <= "~"


def safe_line(text: str) -> str:
    """Drop what would steer a terminal from a text, and bring it onto one line."""
    return safe_terminal(text).replace("\n", " ")


def escaped(text: str) -> str:
    r"""Write what would steer a terminal, or show a text in another order, as Python does: ``\x1b``, ``\u202e``."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def printable_json(text: str) -> str:
    r"""Write JSON so that it means the same and can be printed: ``\u009b``, which JSON itself leaves as it is."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def safe_terminal(text: str) -> str:
    """Drop what would steer a terminal from a whole text; see `TerminalFilter`."""
    return TerminalFilter().feed(text)
