r"""The spans of a text outside fences: code, formulas, addresses and the rest, each as one reading has it.

All that shows an answer goes by this reading, whatever its own parser would make of a dollar or a bracket.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Literal, NamedTuple

from .formula_rule import is_bare_display, is_display, is_formula, is_in_brackets, is_in_parentheses

Kind = Literal["text", "code", "formula", "display", "environment", "address"]

_LONGEST = 8000
"""Characters of a formula that stands by itself."""
_MOST_LINES = 60
_SEEN = 80
"""Characters around a formula that the rule is given."""
_ENVIRONMENT = re.compile(
    r"align(?:ed|at|edat)?|array|[BbpvV]?matrix|smallmatrix|cases|displaymath|eqnarray|equation|flalign|gather(?:ed)?"
    r"|multline|split"
)
_DESTINATION = (
    r"\]\([ \t]*<?(?:https?://|mailto:|\#|/|\./)[^\s<>()]{0,2000}(?:\([^\s<>()]{0,500}\)[^\s<>()]{0,500}){0,3}"
)
_ADDRESS = r"(?<![\w/])https?://[^\s<>\"'`|\\^{}\x00-\x20]{1,2000}"
_MARK = re.compile(
    rf"""(?P<ticks>`+) | (?P<dollars>\$+) | \\begin\{{(?P<name>[A-Za-z]+)(?P<star>\*?)\}} | \\\\(?P<double>[(\[])
        | \\(?P<bracket>[(\[]) | (?P<address>{_DESTINATION} | {_ADDRESS})
        | ^(?P<quote>[ \t>]*)(?P<bare>\[)(?=[ \t\n\\A-Za-z0-9({{]) | \\[^`]""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_BLANK = re.compile(r"\n[ \t>]*(?=\n)")
_NEW_BLOCK = re.compile(r"\n[ \t]*(?:[-+*][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|>|\|)")
_QUOTE = re.compile(r"\n[ \t]*(?:>[ \t]*)+")
_PREFIX = re.compile(r"[ \t]*(?:(?:>|[-+*]|\d{1,9}[.)])[ \t]*)*")
_BARE_END = re.compile(
    r"""(?P<inner>[^\n]*)\][ \t]*[.,;]?[ \t]*$
        | [ \t]*\n(?P<lines>(?:[^\n]*\n){1,20}?)[ \t>]*\][ \t]*[.,;]?[ \t]*$""",
    re.VERBOSE | re.MULTILINE,
)
_RULE_OF_TABLE = re.compile(r"^[ \t>]*(?:\|[ \t]*)?:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*(?:\|[ \t]*)?$", re.MULTILINE)


class Span(NamedTuple):
    """A part of a text.

    Attributes:
        kind: what it is; a display or an environment is a formula that stands by itself.
        source: how it is written.
        latex: what a formula has between its marks.
        in_table: whether it stands in a table.

    """

    kind: Kind
    source: str
    latex: str = ""
    in_table: bool = False


def read_spans(text: str, *, growing: bool = False, is_latex: bool = False) -> list[Span]:
    """Part a text into its spans.

    Args:
        text: lines outside of fences and indented code.
        is_latex: whether it is a source of LaTeX, in which a bracket after a backslash always begins a formula.
        growing: whether more may come: then nothing that the next character may decide otherwise is a formula yet.

    Returns:
        The spans in order; their sources, joined, are the text.

    """
    return _Reader(text, growing=growing, is_latex=is_latex).read()


class _Reader:
    def __init__(self, text: str, *, growing: bool, is_latex: bool) -> None:
        self._text = text
        self._is_latex = is_latex
        self._growing = growing
        self._blanks = [match.start() for match in _BLANK.finditer(text)]
        self._ticks: dict[int, list[int]] | None = None
        self._closers: dict[str, list[int]] = {}
        self._tables = _table_parts(text)
        self._spans: list[Span] = []
        self._done = 0

    def read(self) -> list[Span]:
        place = 0
        while match := _MARK.search(self._text, place):
            span, place = self._span(match)
            if span:
                start = place - len(span.source)
                self._add("text", start)
                latex = _QUOTE.sub("\n", span.latex) if self._before(start).lstrip().startswith(">") else span.latex
                self._spans.append(span._replace(latex=latex, in_table=self._is_in_table(start)))
                self._done = place
        self._add("text", len(self._text))
        return self._spans

    def _add(self, kind: Kind, end: int) -> None:
        if end > self._done:
            self._spans.append(Span(kind, self._text[self._done : end]))

    def _span(self, match: re.Match[str]) -> tuple[Span | None, int]:
        """Return the span that a mark begins, or None, and where to go on."""
        if match["address"]:
            return Span("address", match["address"]), match.end()
        take = {
            "ticks": self._code,
            "dollars": self._dollars,
            "name": self._environment,
            "double": self._bracket,
            "bracket": self._bracket,
            "bare": self._bare,
        }
        for name, take_span in take.items():
            if match[name]:
                return take_span(match)
        return None, match.end()

    def _code(self, match: re.Match[str]) -> tuple[Span | None, int]:
        text, start = self._text, match.start()
        if _is_escaped(text, start):
            return None, start + 1  # the first backtick is a character
        if self._ticks is None:
            self._ticks = {}
            for run in re.finditer("`+", text):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        width = len(match[0])
        starts = self._ticks.get(width, [])
        index = bisect_left(starts, match.end())
        if index < len(starts) and starts[index] < self._paragraph_end(match.end()):
            end = starts[index] + width
            if not _NEW_BLOCK.search(text, match.end(), starts[index]):
                return Span("code", text[start:end]), end
        elif self._growing and self._paragraph_end(match.end()) == len(text):
            return None, len(text)  # it may yet become code
        return None, match.end()

    def _dollars(self, match: re.Match[str]) -> tuple[Span | None, int]:
        start, run = match.start(), match["dollars"]
        begin = match.end()
        if len(run) == 1:
            end = self._next_dollars(begin, self._paragraph_end(begin))
            if end and self._text[end : end + 2] != "$$" and not self._is_last(end + 2):
                inner, after, in_table = self._text[begin:end], self._text[end + 1 : end + 3], self._is_in_table(start)
                if self._is_in_one(inner, in_table=in_table) and is_formula(
                    inner, self._before(start), after, in_table=in_table
                ):
                    return Span("formula", self._text[start : end + 1], inner), end + 1
        elif len(run) == 2:  # noqa: PLR2004 - a display's dollars
            end = self._next("$$", begin)
            if end and self._text[end : end + 3] != "$$$" and not self._is_last(end + 2):
                inner = self._text[begin:end]
                if is_display(inner):
                    return Span("display", self._text[start : end + 2], inner), end + 2
        return None, begin

    def _bracket(self, match: re.Match[str]) -> tuple[Span | None, int]:
        start, begin, bracket = match.start(), match.end(), match["bracket"] or match["double"]
        closer = ("\\\\" if match["double"] else "\\") + {"(": ")", "[": "]"}[bracket]
        end = self._next(closer, begin)
        if not end or (bracket == "(" and end >= self._paragraph_end(begin)):
            return None, begin
        inner, place = self._text[begin:end], end + len(closer)
        if bracket == "(" and not self._is_in_one(inner, in_table=self._is_in_table(start)):
            return None, begin
        if match[0] in inner or re.search(r"(?<!\\)\$(?!\d)", inner):
            return None, begin
        before = self._before(start)
        after, line_end, _ = self._text[place : place + _SEEN].partition("\n")
        if bracket == "[" and self._growing and not line_end and place + len(after) == len(self._text):
            return None, len(self._text)  # the rest of its line decides
        if self._is_latex:
            found = bool(inner.strip())
        elif bracket == "(":
            found = is_in_parentheses(inner, before, after)
        else:
            found = is_in_brackets(inner, before[_prefix_end(before) :], after)
        kind: Kind = "formula" if bracket == "(" else "display"
        return (Span(kind, self._text[start:place], inner), place) if found else (None, begin)

    def _environment(self, match: re.Match[str]) -> tuple[Span | None, int]:
        if not _ENVIRONMENT.fullmatch(match["name"]):
            return None, match.end()
        closer = f"\\end{{{match['name']}{match['star']}}}"
        end = self._next(closer, match.end())
        if not end:
            return None, match.end()
        source = self._text[match.start() : end + len(closer)]
        if match["name"] == "displaymath":
            return Span("display", source, self._text[match.end() : end]), end + len(closer)
        return Span("environment", source, source), end + len(closer)

    def _bare(self, match: re.Match[str]) -> tuple[Span | None, int]:
        start, begin = match.start("bare"), match.end()
        end = _BARE_END.match(self._text, begin)
        inner = (end["inner"] or end["lines"] or "") if end else ""
        if end is None or self._is_last(end.end()) or not is_bare_display(inner) or self._is_in_table(start):
            return None, begin
        place = self._text.rindex("]", begin, end.end()) + 1
        return Span("display", self._text[start:place], inner), place

    @staticmethod
    def _is_in_one(inner: str, *, in_table: bool) -> bool:
        """Tell whether it stands in one paragraph and, in a table, in one row."""
        return "\n" not in inner or not (in_table or _NEW_BLOCK.search(inner))

    def _before(self, start: int) -> str:
        return self._text[max(0, start - _SEEN) : start].rpartition("\n")[2]

    def _is_last(self, place: int) -> bool:
        """Tell whether what may come could still decide otherwise."""
        return self._growing and place >= len(self._text)

    def _is_in_table(self, place: int) -> bool:
        index = bisect_left(self._tables, (place + 1,)) - 1
        return index >= 0 and place < self._tables[index][1]

    def _paragraph_end(self, place: int) -> int:
        index = bisect_left(self._blanks, place)
        return self._blanks[index] if index < len(self._blanks) else len(self._text)

    def _next_dollars(self, place: int, end: int) -> int:
        """Find the next dollar that is not escaped; 0 where there is none."""
        positions = self._positions("$")
        index = bisect_left(positions, place)
        found = positions[index] if index < len(positions) else end
        return found if place < found < min(end, place + _LONGEST) else 0

    def _next(self, closer: str, place: int) -> int:
        """Find where a closer stands, with a few lines between at most; 0 where there is none."""
        positions = self._positions(closer)
        index = bisect_left(positions, place)
        found = positions[index] if index < len(positions) else 0
        if not place < found < place + _LONGEST or self._text.count("\n", place, found) > _MOST_LINES:
            return 0
        return found

    def _positions(self, closer: str) -> list[int]:
        if closer not in self._closers:
            if closer[0] == "$":
                found = [match.start() for match in re.finditer(r"\\.|(\$+)", self._text, re.DOTALL) if match[1]]
                if closer == "$$":
                    found = [place for place in found if self._text.startswith("$$", place)]
            else:
                found = [match.start() for match in re.finditer(re.escape(closer), self._text)]
            self._closers[closer] = found
        return self._closers[closer]


def _is_escaped(text: str, place: int) -> bool:
    slashes = 0
    while slashes < place and text[place - 1 - slashes] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _prefix_end(before: str) -> int:
    match = _PREFIX.match(before)
    return match.end() if match else 0


def _table_parts(text: str) -> list[tuple[int, int]]:
    """Find where tables stand: from the line above a row of dashes to the end of the paragraph."""
    if "|" not in text:
        return []
    parts: list[tuple[int, int]] = []
    for match in _RULE_OF_TABLE.finditer(text):
        if "|" not in match[0] or match.start() == 0 or (parts and match.start() < parts[-1][1]):
            continue
        start = text.rfind("\n", 0, match.start() - 1) + 1
        blank = _BLANK.search(text, match.end())
        parts.append((start, blank.start() if blank else len(text)))
    return parts
