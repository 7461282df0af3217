"""The fenced code blocks of a Markdown text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .blocks import BlockTracker, OpenFence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE_END = re.compile(r"\r\n?|\n")
_TICKS = re.compile("`+")


@dataclass(frozen=True)
class CodeBlock:
    """A fenced code block.

    Attributes:
        language: the first word of the info string, in lower case; "" where there is none.
        code: the lines within, without the containers' indent and without a line end after the last.
        closed: whether its closing fence was seen.

    """

    language: str
    code: str
    closed: bool


@dataclass
class FencedLines:
    """The lines of a text that a fenced block takes.

    Attributes:
        opening: its opening fence.
        start: the number of its first line.
        end: the number of the line after its last.
        content: the lines within, dedented.
        closed: whether its closing fence was seen.
        last: its closing fence, dedented.

    """

    opening: OpenFence
    start: int
    end: int
    content: list[str] = field(default_factory=list)
    closed: bool = False
    last: str = ""


def code_blocks(text: str) -> list[CodeBlock]:
    """Find the fenced code blocks, those in lists and quotes too.

    Follows CommonMark 0.31.2, section 4.5. HTML blocks are not told apart from text.

    Args:
        text: Markdown, finished or not.

    Returns:
        The blocks in order. One that the text's end leaves open is there as well, with `closed` False.

    """
    return [
        CodeBlock(language_of(found.opening.info), "\n".join(found.content), found.closed)
        for found in find_fences(split_lines(text))
    ]


def split_lines(text: str) -> list[str]:
    """Split a text at LF, CR LF and CR; the end of the last line begins no further one."""
    lines = _LINE_END.split(text)
    if not lines[-1]:
        lines.pop()
    return lines


def find_fences(lines: Iterable[str], *, indented: bool = False) -> Iterator[FencedLines]:
    """Find the fenced blocks among lines.

    Args:
        lines: a Markdown text's lines, without their ends.
        indented: find indented code of the top level as well; its opening has an empty mark.

    Returns:
        An iterator of the blocks, in order.

    """
    tracker = BlockTracker()
    found: FencedLines | None = None
    number = -1
    for number, line in enumerate(lines):
        kind = tracker.step(line)
        is_indented = indented and kind == "indented" and tracker.depth == 0
        if found and found.closed and kind == "content":
            found.closed = False  # what seemed its end was the beginning of a fence in it
            found.content.append(found.last)
        goes_on = kind in ("content", "close") or (is_indented and found and not found.opening.mark)
        if found and (found.closed or not goes_on):
            found.end = found.end if found.closed and found.opening.mark else number
            yield found
            found = None
        if is_indented:
            found = found or FencedLines(OpenFence("", "", 4, 0, ""), number, number + 1, closed=True)
            found.content.append(tracker.content)
        elif kind == "open" and tracker.fence:
            found = FencedLines(tracker.fence, number, number + 1)
        elif found and kind == "content":
            found.content.append(tracker.content)
        elif found and kind == "close":
            found.end, found.closed, found.last = number + 1, True, tracker.content
    if found:
        found.end = found.end if found.closed and found.opening.mark else number + 1
        yield found


def write_fence(code: str, language: str = "") -> str:
    """Write code as a fenced block, with a fence longer than any run of backticks in it."""
    ticks = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
    return f"{ticks}{language}\n{code}\n{ticks}\n"


def language_of(info: str) -> str:
    """Return the first word of a fence's info string, in lower case; "" where there is none."""
    words = info.split(maxsplit=1)
    return words[0].lower() if words else ""
