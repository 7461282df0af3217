"""What changes from one code to another, line by line: as HTML in colours, and as text."""

from __future__ import annotations

import difflib
from html import escape
from typing import TYPE_CHECKING

from ..text.terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTEXT = 3
_LEAST_HIDDEN = 2
"""Fewer equal lines than this are shown, and not left out."""
_COLOURS = {"-": "rgba(248,81,73,.2)", "+": "rgba(46,160,67,.2)"}
_STYLE = (
    "font-family:monospace;margin:.4em 0;padding:.4em 0;overflow-x:auto;line-height:1.4;"
    "border-left:3px solid rgba(128,128,128,.4)"
)
_TERMINAL = {"-": "\x1b[31m", "+": "\x1b[32m"}


def diff_bundle(before: str, after: str) -> dict[str, str]:
    r"""Show a change: coloured where HTML is drawn, and as text; what steers a terminal is written as ``\x1b``.

    Args:
        before: the code as it was.
        after: the code as it is to be.

    Returns:
        The texts by their MIME types; none where nothing changes.

    """
    lines = list(diff_lines(before, after))
    if not lines:
        return {}
    rows = "".join(_row(line) for line in lines)
    html = f'<pre style="{_STYLE}">{rows}</pre>'
    return {"text/html": html, "text/plain": "\n".join(lines)}


def diff_lines(before: str, after: str) -> Iterator[str]:
    """Yield the lines of a change, each after "- ", "+ " or two blanks; "  ⋮" where equal ones are left out."""
    old, new = (escaped(text).splitlines() for text in (before, after))
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    if all(kind == "equal" for kind, *_ in blocks):
        return
    for number, (kind, start, end, new_start, new_end) in enumerate(blocks):
        if kind == "equal":
            head = 0 if number == 0 else _CONTEXT
            tail = 0 if number == len(blocks) - 1 else _CONTEXT
            yield from _shortened(old[start:end], head, tail)
            continue
        yield from (f"- {line}" for line in old[start:end])
        yield from (f"+ {line}" for line in new[new_start:new_end])


def coloured(text: str) -> str:
    """Colour the lines of a change for a terminal."""
    lines = text.splitlines()
    return "\n".join(f"{_TERMINAL[line[0]]}{line}\x1b[0m" if line[:1] in _TERMINAL else line for line in lines)


def _shortened(lines: list[str], head: int, tail: int) -> Iterator[str]:
    """Yield equal lines: the first and last of them, and what is between where it is short."""
    shown = [f"  {line}".rstrip() for line in lines]
    if len(shown) - head - tail < _LEAST_HIDDEN:
        yield from shown
        return
    yield from shown[:head]
    yield "  ⋮"
    yield from shown[len(shown) - tail :]


def _row(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    style = f' style="display:block;background:{colour}"' if colour else ' style="display:block"'
    return f"<span{style}> {escape(line)}\n</span>"
