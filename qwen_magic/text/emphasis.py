"""Emphasis beside the punctuation of Chinese, Japanese and Korean, which Markdown's own rule does not see.

CommonMark 0.31.2, section 6.2, takes asterisks for emphasis by the spaces and the punctuation beside them. Where words
are written without spaces, a bold word that ends in a colon is none by it. The amended rule is that of the
`markdown-cjk-friendly` specification: punctuation of these scripts, and punctuation beside their letters, does not keep
emphasis from ending.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_RUN = re.compile(r"\\.|(\*+|~~(?!~)(?<!~~~))", re.DOTALL)
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303f\u3040-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\ufe10-\ufe1f\ufe30-\ufe6f\uff00-\uffef\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_TAGS = {"*": "em", "**": "strong", "~~": "del"}
_STRONG = 2


class _Run(NamedTuple):
    """A run of asterisks or tildes: its place, and whether it may begin or end emphasis."""

    start: int
    mark: str
    length: int
    opens: bool
    closes: bool


class _Pair(NamedTuple):
    """Marks that belong together."""

    start: int
    end: int
    mark: str


def emphasis_tags(line: str) -> list[tuple[int, int, str]]:
    """Find the marks of emphasis in a line that parsers would not see, or not alike.

    Args:
        line: one line, or one cell of a table, in which code, formulas and addresses are blanked out.

    Returns:
        Of each mark its start, its end, and the tag to write for it; nothing where Markdown's own rule sees the same.

    """
    if not _CJK.search(line) or not ("*" in line or "~~" in line):
        return []
    amended = _pairs(line, amended=True)
    if sorted(amended) == sorted(_pairs(line, amended=False)):
        return []
    tags: list[tuple[int, int, str]] = []
    for pair in amended:
        width, name = len(pair.mark), _TAGS[pair.mark]
        tags += [(pair.start, pair.start + width, f"<{name}>"), (pair.end, pair.end + width, f"</{name}>")]
    return sorted(tags)


def _pairs(line: str, *, amended: bool) -> list[_Pair]:
    """Match the runs of a line as CommonMark's appendix has it."""
    pairs: list[_Pair] = []
    openers: list[_Run] = []
    for match in _RUN.finditer(line):
        if not match[1]:
            continue
        run = _run(line, match.start(), match[1], amended=amended)
        if run.closes:
            run = _close(run, openers, pairs)
        if run.length and run.opens:
            openers.append(run)
    return pairs


def _close(run: _Run, openers: list[_Run], pairs: list[_Pair]) -> _Run:
    """Match what a run ends; return what is left of it."""
    place = len(openers) - 1
    while place >= 0 and run.length:
        opener = openers[place]
        if opener.mark != run.mark or _is_odd_match(opener, run):
            place -= 1
            continue
        width = min(_STRONG, opener.length, run.length) if run.mark == "*" else _STRONG
        mark = run.mark * width
        del openers[place + 1 :]
        pairs.append(_Pair(opener.start + opener.length - width, run.start, mark))
        left = opener._replace(length=opener.length - width)
        if left.length:
            openers[place] = left
        else:
            del openers[place]
            place -= 1
        run = run._replace(start=run.start + width, length=run.length - width)
    return run


def _is_odd_match(opener: _Run, closer: _Run) -> bool:
    """Tell whether the rule of three keeps two runs apart."""
    if closer.mark != "*" or not (opener.closes or closer.opens):
        return False
    return (opener.length + closer.length) % 3 == 0 and bool(opener.length % 3 or closer.length % 3)


def _run(line: str, start: int, marks: str, *, amended: bool) -> _Run:
    end = start + len(marks)
    before, after = line[start - 1 : start] or " ", line[end : end + 1] or " "
    left = _faces(after, before, amended=amended)
    right = _faces(before, after, amended=amended)
    return _Run(start, marks[0], len(marks), left, right)


def _faces(inner: str, outer: str, *, amended: bool) -> bool:
    """Tell whether emphasis may lie between a run and the character on one side, with the other one outside."""
    if inner.isspace():
        return False
    if not _is_punctuation(inner) or outer.isspace() or _is_punctuation(outer):
        return True
    return amended and bool(_CJK.match(inner) or _CJK.match(outer))


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"
