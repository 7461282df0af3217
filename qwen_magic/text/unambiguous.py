r"""Markdown that every renderer reads alike: formulas, money, brackets, emphasis, harmless tags, fences in fences.

JupyterLab's renderer, nbconvert's, VS Code's and the panel's do not agree on what a dollar or an asterisk is. What is
ambiguous is written here such that they must.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .blocks import BlockTracker
from .emphasis import emphasis_tags
from .fences import find_fences, split_lines
from .footnote_marks import raised_numbers
from .harmless_tags import settled_tags
from .html_code import fence_html_code
from .spans import read_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .fences import FencedLines
    from .spans import Span

    Edit = tuple[int, int, str]

DOLLAR = "<span>&#36;</span>"
r"""A dollar that is none of a formula. MathJax seeks formulas in the page's text, past `\$` and entities."""
BACKSLASH = "<span>&#92;</span>"
"""A backslash before a bracket that begins no formula, likewise."""
_HAS_MARKS = re.compile(r"[$*<&~]|\\[()\[\]]|^[ \t>]*\[|\[\^", re.MULTILINE)
_DOLLAR = re.compile(r"\\?\$|(?<!<span>)&(?:dollar|#0*36|#[xX]0*24);")
_BRACKET = re.compile(r"\\(?:(?P<both>\\?)(?P<round>[()])|\\(?P<double>[\[\]])|(?P<square>[\[\]])|.)", re.DOTALL)
_WORD = re.compile(r"\S+")
_BAR = re.compile(r"\\?\|")
_CELL = re.compile(r"(?:\\.|[^|\\])+", re.DOTALL)
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_ANY = re.compile(r"[^\n]")
_COMMENT = re.compile(r"(?<!\\)%")
_STANDS_FOR = {"code": "`", "address": "a", "formula": "$", "display": "$", "environment": "$"}
"""What a span looks like to the rule of emphasis."""


def disambiguate(text: str, *, growing: bool = False, footnotes: bool = False) -> str:
    r"""Write Markdown so that every renderer reads it alike.

    Formulas stand between dollars, and no other dollar can be taken for one. A backslash before a bracket that is no
    formula stays in sight. Emphasis beside Chinese, Japanese and Korean punctuation becomes tags; tags that only say
    how a word looks stay, one without its other half is text. A fence within a fence cannot end it, and code in HTML's
    `<pre>` is a fenced block.

    Args:
        text: Markdown, as a model wrote it; not safe, and neither is what is returned.
        growing: whether more may come: then a formula is one only when nothing that comes can make it none.
        footnotes: whether the renderer knows footnotes; else their numbers are raised here.

    """
    text = fence_html_code(text.replace("\r\n", "\n"), growing=growing)
    lines = split_lines(text)
    text = "\n".join(lines) + ("\n" if lines and text.endswith(("\n", "\r")) else "")
    page = _Page(text, growing=growing, footnotes=footnotes)
    tracker = BlockTracker()
    is_code = [tracker.step(line) == "indented" for line in lines]
    start = 0
    for fence in find_fences(lines):
        page.add_text(lines, is_code, start, fence.start)
        page.add_fence(lines[fence.start : fence.end], fence)
        start = fence.end
    page.add_text(lines, is_code, start, len(lines))
    return page.written()


class _Page:
    """A text, and what is to be written otherwise in it.

    Args:
        text: all of it.
        growing: whether more may come.
        footnotes: whether the renderer knows footnotes.

    """

    def __init__(self, text: str, *, growing: bool, footnotes: bool) -> None:
        self._text = text
        self._footnotes = footnotes
        self._growing = growing
        self._place = 0
        self._edits: list[Edit] = []
        self._masked: list[str] = []

    def written(self) -> str:
        """Return the text as it is to be."""
        masked = "".join(self._masked)
        edits = [*self._edits, *settled_tags(masked, growing=self._growing), *_emphasis(masked)]
        parts: list[str] = []
        done = 0
        for start, end, written in sorted(edits):
            if start >= done:
                parts += (self._text[done:start], written)
                done = end
        return "".join([*parts, self._text[done:]])

    def add_fence(self, lines: list[str], fence: FencedLines) -> None:
        """Take the lines of a fenced block."""
        source = "\n".join(lines)
        if (written := _fenced(lines, fence)) != source:
            self._edits.append((self._place, self._place + len(source), written))
        self._mask(source)

    def add_text(self, lines: Sequence[str], is_code: Sequence[bool], start: int, end: int) -> None:
        """Take the lines between two fences; those that are code by their indent stay as they are."""
        while start < end:
            stop = start + 1
            while stop < end and is_code[stop] == is_code[start]:
                stop += 1
            text = "\n".join(lines[start:stop])
            if is_code[start]:
                self._mask(text)
            elif _HAS_MARKS.search(text):
                self._add_spans(text, growing=self._growing and stop == len(lines))
            else:
                self._masked.append(f"{text}\n")
                self._place += len(text) + 1
            start = stop

    def _add_spans(self, text: str, *, growing: bool) -> None:
        spans = read_spans(text, growing=growing)
        several = len(_DOLLAR.findall(text)) > 1 or any(span.latex for span in spans)
        begin = self._place
        for span, before_it in zip(spans, [None, *spans], strict=False):
            end = self._place + len(span.source)
            if span.kind == "text":
                self._masked.append(span.source)
                self._edits += _moved(_plain_dollars(span.source) if several else (), self._place)
                self._edits += _moved(_plain_brackets(span.source), self._place)
                if not self._footnotes:
                    self._edits += raised_numbers(self._text, self._place, end)
            else:
                self._masked.append(_STANDS_FOR[span.kind] * len(span.source))
                before = self._text[max(begin, self._text.rfind("\n", begin, self._place) + 1) : self._place]
                apart = " " if before_it and before_it.latex and span.latex else ""
                self._edits.append((self._place, end, apart + _written(span, before)))
            self._place = end
        self._masked.append("\n")
        self._place += 1

    def _mask(self, source: str) -> None:
        self._masked.append(_ANY.sub("`", source) + "\n")
        self._place += len(source) + 1


def _fenced(lines: list[str], fence: FencedLines) -> str:
    """Write a fenced block with a fence that nothing in it can end."""
    mark = fence.opening.mark
    inner = [line.strip() for line in fence.content]
    if any(len(line) >= len(mark) and not line.strip(mark[0]) for line in inner):
        longer = mark[0] * (1 + max(len(line) - len(line.lstrip(mark[0])) for line in inner))
        lines[0] = lines[0].replace(mark, longer, 1)
        if fence.closed:
            lines[-1] = lines[-1].rstrip().rstrip(mark[0]) + longer
    return "\n".join(lines)


def _moved(edits: Iterable[Edit], place: int) -> Iterator[Edit]:
    return ((start + place, end + place, written) for start, end, written in edits)


def _plain_dollars(text: str) -> Iterator[Edit]:
    return ((match.start(), match.end(), DOLLAR) for match in _DOLLAR.finditer(text))


def _plain_brackets(text: str) -> Iterator[Edit]:
    r"""Keep the backslash of `\(` in sight, and that of `\[` in one word with it, as in a regular expression."""
    if "\\" not in text:
        return
    for word in _WORD.finditer(text):
        is_pattern = "\\]\\(" in word[0]
        for match in _BRACKET.finditer(word[0]):
            shown = match["round"] or match["double"] or (is_pattern and match["square"])
            if shown:
                yield word.start() + match.start(), word.start() + match.end(), BACKSLASH + shown


def _emphasis(text: str) -> Iterator[Edit]:
    place = 0
    for line in text.split("\n"):
        if not line.isascii():
            if "|" in line:
                for cell in _CELL.finditer(line):
                    yield from _moved(emphasis_tags(cell[0]), place + cell.start())
            else:
                yield from _moved(emphasis_tags(line), place)
        place += len(line) + 1


def _written(span: Span, before: str) -> str:
    """Write a span that is no text."""
    if span.kind == "code":
        return span.source
    if span.kind == "address":
        return span.source.replace("$", "%24")
    latex = _BLANK_LINES.sub("\n", span.latex)
    if span.kind == "environment":
        return latex
    if span.in_table:
        bars = r"\Vert " if "\\|_" in latex else r"\vert "
        latex = _BAR.sub(lambda bar: bars if len(bar[0]) > 1 else r"\vert ", latex)
    if span.source[0] != "$":
        latex = re.sub(r"(?<!\\)\$", r"\\$", latex)
    block = span.kind == "display" and latex.startswith("\n") and not before.strip()
    if not block and not _COMMENT.search(latex):
        latex = " ".join(latex.split("\n"))
    if span.kind == "formula":
        latex = latex.strip()
    if (len(latex) - len(latex.rstrip("\\"))) % 2:
        latex += " "
    return f"$${latex}$$" if span.kind == "display" else f"${latex}$"
