"""A text that is sent and never shown: tracebacks with local variables, logs and reprs say nothing of it."""

from __future__ import annotations

from typing import Any


class Hidden(str):
    """A key, a password or a header that has one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


def hidden(value: Any) -> Any:
    """Return a text, or those of a list, as one that is not shown; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(hidden, value))
    return Hidden(value) if isinstance(value, str) else value
