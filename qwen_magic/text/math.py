r"""LaTeX delimiters as notebooks know them: ``\(x\)`` and ``\[x\]``, which models write, become dollars.

Source: JupyterLab's ``rendermime/src/latex.ts`` typesets ``$x$``, ``$$x$$`` and ``\\(x\\)``; Markdown takes the single
backslash of ``\(`` for an escape, and the formula shows as plain text.
"""

from __future__ import annotations

import re
from itertools import groupby

from .fences import find_fences

_MARK = re.compile(r"(?P<ticks>`+)|\\(?P<open>[(\[])|\\.", re.DOTALL)
_LONGEST = 2000
"""Characters of a formula; a limit keeps the search for a closer that is not there linear."""
_DEEPEST = 100
_LEVEL = re.compile(r"\\(?P<left>left|begin)\b|\\(?P<right>right|end)\b|\\(?:[A-Za-z]+|.)|[{}^_]|\S", re.DOTALL)
_CLOSERS = {"(": (r"\)", "$"), "[": (r"\]", "$$")}


def dollar_math(text: str) -> str:
    r"""Write ``\(x\)`` as ``$x$`` and ``\[x\]`` as ``$$x$$``, outside code.

    Args:
        text: Markdown, whole or still growing: a formula that is still open stays as it is.

    Returns:
        The text; code, and whatever holds a dollar already, to the letter.

    """
    if "\\(" not in text and "\\[" not in text:
        return text
    lines = text.split("\n")
    written: list[str] = []
    start = 0
    for fence in find_fences(lines, indented=True):
        written += [*_outside_fences(lines[start : fence.start]), *lines[fence.start : fence.end]]
        start = fence.end
    return "\n".join([*written, *_outside_fences(lines[start:])])


def _outside_fences(lines: list[str]) -> list[str]:
    """Write the lines between two fences, paragraph by paragraph: no formula crosses a blank line."""
    written: list[str] = []
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(group)
        written += paragraph if blank else [_paragraph("\n".join(paragraph))]
    return written


def _paragraph(text: str) -> str:
    parts: list[str] = []
    done = 0
    while match := _MARK.search(text, done):
        parts.append(text[done : match.start()])
        written, done = _written(text, match)
        parts.append(written)
    return "".join([*parts, text[done:]])


def _written(text: str, match: re.Match[str]) -> tuple[str, int]:
    """Write what a mark begins, and tell where it ends."""
    if ticks := match["ticks"]:
        close = re.compile(f"(?<!`){ticks}(?!`)").search(text, match.end())
        end = close.end() if close else match.end()
        return text[match.start() : end], end
    if match["open"] is None:
        return match.group(), match.end()
    closer, dollars = _CLOSERS[match["open"]]
    end = text.find(closer, match.end(), match.end() + _LONGEST)
    inner = text[match.end() : end] if end >= 0 else ""
    if not inner.strip() or "$" in inner or "`" in inner:
        return match.group(), match.end()
    inner = inner if dollars == "$$" else " ".join(inner.split())
    return f"{dollars}{inner}{dollars}", end + len(closer)


def nests_deep(text: str) -> bool:
    """Tell whether formulas in a text may nest so deep that a page breaks down over them.

    MathJax draws each level as elements within elements; a thousand of them end a tab of Chromium.

    Args:
        text: Markdown outside code.

    Returns:
        Whether groups, and macros that follow one another as if each took the next, go beyond 100 levels.

    """
    groups = [0]
    run = 0
    for match in _LEVEL.finditer(text):
        mark = match[0]
        if mark == "{" or match["left"]:
            groups.append(groups[-1] + run + 1)
            run = 0
        elif mark == "}" or match["right"]:
            if len(groups) > 1:
                groups.pop()
            run = 0
        else:
            run = run + 1 if mark in "^_" or (mark[0] == "\\" and mark[1:].isalpha()) else 0
        if groups[-1] + run > _DEEPEST:
            return True
    return False
