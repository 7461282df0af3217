"""Characters that show a text in another order than programs read it: Unicode's bidirectional controls.

Overrides turn any text around, and nobody writes them. Embeddings and isolates have their place in prose of Arabic and
Hebrew, but none in code, where what is read and what is run would differ.

Source: https://www.unicode.org/reports/tr9/ and https://trojansource.codes/.
"""

from __future__ import annotations

import re

OVERRIDES = "\u202d\u202e"
CONTROLS = "\u202a-\u202e\u2066-\u2069"
"""All of them, as a range of a regular expression."""

_CONTROL = re.compile(f"[{CONTROLS}]")
_OVERRIDE = re.compile(f"[{OVERRIDES}]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]")


def prose_in_order(text: str) -> str:
    """Put a mark in the place of each override, and of all such characters where no script is that needs them."""
    return _OVERRIDE.sub("\ufffd", text) if _RIGHT_TO_LEFT.search(text) else shown_in_order(text)


def shown_in_order(code: str) -> str:
    """Put a mark in the place of each such character, for code and the like."""
    return _CONTROL.sub("\ufffd", code)


def in_order(text: str) -> str:
    """Leave all such characters out."""
    return _CONTROL.sub("", text)
