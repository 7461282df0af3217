"""Why an expression of a prompt is not evaluated."""

from __future__ import annotations


class RefusedError(Exception):
    """What stands in braces stays text; the message says why, in a few words."""


class CalledError(RefusedError):
    """It would run code that may do more than read; `--eval` allows that."""
