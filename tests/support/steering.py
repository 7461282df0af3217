"""Text that would steer a terminal, or turn around what is read: every kind of it, with a word that must not act."""

from __future__ import annotations

import re

PIECES = (
    "\x1b]0;PWNED title\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b]8;;http://127.0.0.1:9/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[7;77H",
    "\x1bPq#0PWNED\x1b\\",
    "\x9b31m",
    "\x9d0;PWNED\x9c",
    "\x90PWNED\x9c",
    "real\x08\x08\x08\x08fake",
    "real\rfake",
    "\x7f\x00\x05\x0e",
    "\u202eesrever\u202c \u2066isolated\u2069 \u202aembedded\u202c",
)
HOSTILE = "see " + " ".join(PIECES) + " end"
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no plain text of ours has."""


def steers(text: str) -> str:
    """Return where a text would steer a terminal, or ""."""
    found = STEERS.search(text)
    return repr(text[max(0, found.start() - 40) : found.end() + 40]) if found else ""
