"""What stands after an option: readers of its value, which raise ValueError with the reason. No I/O."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..parameters import Kind


def read_number(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise ValueError("give a number") from None


def read_whole(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("give a whole number") from None


def one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    """Make a reader of one of a few words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"give {', '.join(words[:-1])} or {words[-1]}")
        return text

    return read


def read_count(noun: str, text: str) -> int:
    """Read how many of something there are to be; the noun names it."""
    if not text.isdecimal():
        raise ValueError(f"give a number of {noun}")
    return int(text)


def read_name(text: str) -> str:
    """Read a name, such as a conversation has."""
    if not text.strip():
        raise ValueError("give a name")
    return text.strip()


def read_variable(text: str) -> str:
    """Read a variable's name."""
    if not text.isidentifier():
        raise ValueError("that is not a name that a variable can have")
    return text


def read_text(text: str) -> str:
    r"""Read a text, in which ``\n`` and ``\t`` are a line feed and a tab."""
    if not text:
        raise ValueError("give a text")
    return re.sub(r"\\([nt\\])", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text)


def read_object(text: str) -> dict[str, Any]:
    """Read a JSON object; the reason of a failure shows where it is."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        near = repr(text[error.pos : error.pos + 12]) if error.pos < len(text) else "its end"
        reason = f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos + 1}, {near}"
        raise ValueError(f"""{reason}; write it as '{{"name": 1}}'""") from None
    if not isinstance(value, dict):
        raise ValueError("""give a JSON object, '{"name": 1}'""")  # noqa: TRY004 - the readers' one error
    return value


READERS: dict[Kind, tuple[str, Callable[[str], Any]]] = {
    "number": ("X", read_number),
    "whole": ("N", read_whole),
    "texts": ("TEXT", read_text),
    "object": ("JSON", read_object),
}
"""For a parameter's kind: what stands for its value in the usage, and what reads it."""
