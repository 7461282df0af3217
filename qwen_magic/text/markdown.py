"""Growing Markdown, cut where a cut changes nothing."""

from __future__ import annotations

import re

from .blocks import LIST_MARKER, BlockTracker

_MATH_MARK = re.compile(r"\\\\|\\?\$\$|\\\[|\\\]|\\(begin|end)\{([A-Za-z]+\*?)\}|(`+)|</?(?:details|pre)(?=[ >])")
_MATH_LINES = 60
_HTML_LINES = 200


class BlockSplitter:
    r"""Split Markdown that arrives in pieces into finished runs of blocks and an open tail.

    A run is finished where rendering it by itself gives what it gives within the whole: before a complete
    line that begins at column 0 after a blank one, outside fenced and indented code, lists, quotes, tables,
    math, folds and HTML's code. The runs and the tail, joined, are always exactly the input. A reference link
    resolves only within its run.

    Runs grow with what was already committed, since JupyterLab shows no more than the first 50 outputs of a
    cell: 100,000 characters make fewer than 45 runs.

    Args:
        least: the fewest characters of a run.
        share: the least run as a part of what was committed before it.

    """

    def __init__(self, *, least: int = 1000, share: float = 1 / 12) -> None:
        self._least = least
        self._share = share
        self._committed = 0
        self._lines: list[str] = []  # the complete lines of the tail
        self._lines_length = 0
        self._partial: list[str] = []
        self._blocks = BlockTracker()
        self._math = _SpanTracker()
        self._after_blank = False
        self._in_quote = False

    @property
    def tail(self) -> str:
        """The open rest of the source."""
        return "".join(self._lines) + "".join(self._partial)

    def feed(self, delta: str) -> list[str]:
        """Take the next piece.

        Args:
            delta: source, cut anywhere.

        Returns:
            The runs that are now finished, in order.

        """
        runs: list[str] = []
        pieces = delta.split("\n")
        for piece in pieces[:-1]:
            self._partial.append(piece + "\n")
            line = "".join(self._partial)
            self._partial.clear()
            self._take(line, runs)
        if pieces[-1]:
            self._partial.append(pieces[-1])
        return runs

    def _take(self, line: str, runs: list[str]) -> None:
        text = line[:-1].removesuffix("\r")
        if self._may_cut(text) and self._lines_length >= max(self._least, self._committed * self._share):
            runs.append("".join(self._lines))
            self._committed += self._lines_length
            self._lines.clear()
            self._lines_length = 0
        self._lines.append(line)
        self._lines_length += len(line)
        kind = self._blocks.step(text)
        self._math.step(text, code=kind not in ("text", "blank"))
        self._after_blank = not text.strip(" \t")
        if not self._after_blank:
            self._in_quote = text.lstrip(" ").startswith(">")

    def _may_cut(self, text: str) -> bool:
        if not self._after_blank or not self._lines or text[:1] in ("", " ", "\t") or self._math.is_open:
            return False
        fence = self._blocks.fence
        if fence is not None and fence.depth == 0:
            return False
        if self._blocks.in_list and LIST_MARKER.match(text):
            return False
        return not (self._in_quote and text.startswith(">"))


class _SpanTracker:
    """Tell whether math, or HTML of several paragraphs, is open; what does not close in time was none."""

    def __init__(self) -> None:
        self._closer = ""
        self._age = 0

    @property
    def is_open(self) -> bool:
        return bool(self._closer)

    def step(self, line: str, *, code: bool) -> None:
        if self._closer:
            self._age += 1
            if self._age > (_HTML_LINES if self._closer[0] == "<" else _MATH_LINES):
                self._closer = ""
        if code:
            return
        ticks = ""
        for match in _MATH_MARK.finditer(line):
            mark = match[0]
            if match[3]:
                ticks = self._ticks(ticks, mark)
            elif self._closer:
                self._closer = "" if mark == self._closer else self._closer
            elif not ticks:
                self._closer = _closer_of(mark, match[1], match[2])
                self._age = 0

    def _ticks(self, open_ticks: str, mark: str) -> str:
        if self._closer:
            return ""
        if not open_ticks:
            return mark
        return "" if mark == open_ticks else open_ticks


def _closer_of(mark: str, word: str | None, name: str | None) -> str:
    if word == "begin":
        return f"\\end{{{name}}}"
    return {"$$": "$$", "\\[": "\\]", "<details": "</details", "<pre": "</pre"}.get(mark, "")
