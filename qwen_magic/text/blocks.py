"""Which containers, code and fences each line of Markdown stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .open_strings import OpenString

LineKind = Literal["text", "blank", "indented", "open", "content", "close"]

LIST_MARKER = re.compile(r"([-+*]|\d{1,9}[.)])(?=[ \t]|$)")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$", re.DOTALL)
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
_INNER_FENCE = re.compile(r"(?P<mark>`{3,}|~{3,})(?:[A-Za-z][\w+#.-]*|\{[^{}`]*\})[ \t]*$")
_DOCUMENTS = frozenset(("markdown", "md", "mdx", "qmd", "rmd", "mkd"))
_TEXTS = _DOCUMENTS | {"", "text", "txt", "plain", "plaintext", "prompt", "rst"}
"""Languages in which a line that opens a fence is one: in code it stands in a string, or the block was not closed."""
_BEFORE_CODE = re.compile(r"(?:#{1,6}[ \t].*|.*[:：][*_]{0,2})?[ \t]*$")  # noqa: RUF001 - the colon of Chinese
_MOST_INNER = 8
_QUOTE = -1
_CODE_INDENT = 4
_MOST_CONTAINERS = 32  # a bound on the time that a line takes; what lies deeper counts as text


@dataclass(frozen=True)
class OpenFence:
    """A fenced code block that has begun.

    Attributes:
        mark: the fence itself, such as "```".
        info: what follows it on its line.
        indent: the columns before it, within its containers.
        depth: how many containers hold it; 0 at the top level.
        prefix: what stands before it on its line.

    """

    mark: str
    info: str
    indent: int
    depth: int
    prefix: str


class _Cursor:
    """A place in a line, in columns, where a tab reaches to the next multiple of four."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.pos = 0
        self._column = 0
        self._owed = 0  # columns of a tab that was only partly skipped

    def indent(self) -> int:
        """Return how many columns of white space follow."""
        column, pos = self._column, self.pos
        while pos < len(self.line) and self.line[pos] in " \t":
            column += 1 if self.line[pos] == " " else _CODE_INDENT - column % _CODE_INDENT
            pos += 1
        return self._owed + column - self._column

    def skip(self, columns: int) -> None:
        """Pass over at most so many columns of white space."""
        taken = min(self._owed, columns)
        self._owed -= taken
        columns -= taken
        while columns > 0 and self.pos < len(self.line) and self.line[self.pos] in " \t":
            width = 1 if self.line[self.pos] == " " else _CODE_INDENT - self._column % _CODE_INDENT
            self.pos += 1
            self._column += width
            self._owed = max(0, width - columns)
            columns -= min(width, columns)

    def pass_over(self, length: int) -> None:
        """Pass over so many characters that are not white space."""
        self.pos += length
        self._column += length

    def rest(self) -> str:
        """Return what follows."""
        return " " * self._owed + self.line[self.pos :]

    def word(self) -> str:
        """Return what follows, without its indent."""
        return self.line[self.pos :].lstrip(" \t")


class BlockTracker:
    """Follow the block structure of Markdown, line by line.

    Follows CommonMark 0.31.2, chapters 4 and 5 and the appendix, as far as list items, block quotes and code
    are concerned. HTML blocks are not known to it. Other than there, a fence within a fence is one: in Markdown or
    text, and in a string of code. Where only the next line tells whether a fence within Markdown ends the block, it
    counts as its end until that line comes.

    Attributes:
        fence: the fenced block that is open, if one is.
        content: after a line of code, that line without its containers and indent.

    """

    def __init__(self) -> None:
        self.fence: OpenFence | None = None
        self.content = ""
        self._inner: list[str] = []  # the fences that are open within the fence
        self._string = OpenString("")
        self._line_before = ""
        self._doubtful: OpenFence | None = None  # the block that the last line ended, if nothing follows at once
        self._stack: list[int] = []  # the width of a list item, or _QUOTE
        self._empty_item = -1  # the place of an item that has only its marker so far
        self._paragraph = False

    @property
    def depth(self) -> int:
        """How many containers are open."""
        return len(self._stack)

    @property
    def in_list(self) -> bool:
        """Whether the outermost open container is a list item."""
        return bool(self._stack) and self._stack[0] != _QUOTE

    @property
    def may_reopen(self) -> bool:
        """Whether the next line may tell that the last one did not end its fenced block."""
        return self._doubtful is not None

    def step(self, line: str) -> LineKind:
        """Take the next line.

        Args:
            line: the line without its end.

        Returns:
            What the line is: of a fenced block its opening, content or closing line, or a line of indented
            code, a blank one, or text.

        """
        cursor = _Cursor(line)
        depth = self._match_containers(cursor)
        if self._doubtful and depth == len(self._stack) and cursor.word() and not _FENCE.match(cursor.word()):
            self.fence, self._inner = self._doubtful, [self._doubtful.mark]
        self._doubtful = None
        if self.fence is not None:
            if depth == len(self._stack):
                return self._step_fence(cursor, self.fence)
            self.fence = None  # it ends with its container
        if not cursor.word():
            return self._step_blank(depth)
        whole = depth == len(self._stack)
        opened = self._open_containers(cursor, depth)
        return self._step_leaf(cursor, depth + opened, whole=whole, opened=opened > 0)

    def _match_containers(self, cursor: _Cursor) -> int:
        for depth, width in enumerate(self._stack):
            if width == _QUOTE:
                if cursor.indent() >= _CODE_INDENT or not cursor.word().startswith(">"):
                    return depth
                self._pass_quote(cursor)
            elif cursor.word() and cursor.indent() < width:
                return depth
            else:
                cursor.skip(width)
        return len(self._stack)

    @staticmethod
    def _pass_quote(cursor: _Cursor) -> None:
        cursor.skip(cursor.indent())
        cursor.pass_over(1)
        cursor.skip(1)

    def _step_fence(self, cursor: _Cursor, fence: OpenFence) -> LineKind:
        word = cursor.word().rstrip(" \t")
        is_mark = cursor.indent() < _CODE_INDENT
        cursor.skip(fence.indent)
        self.content = cursor.rest()
        if is_mark and len(word) >= len(fence.mark) and not word.strip(fence.mark[0]):
            if self._inner:
                if len(word) >= len(self._inner[-1]):
                    self._inner.pop()
            elif self._string.is_surely_open:
                self._inner.append(word)
            else:
                if _language(fence) in _DOCUMENTS and _BEFORE_CODE.match(self._line_before):
                    self._doubtful = fence
                self.fence = None
                return "close"
        elif is_mark and (inner := _INNER_FENCE.match(word)) and self._may_nest(inner["mark"], fence):
            self._inner.append(inner["mark"])
        elif not self._inner:
            self._string.step(self.content)
        self._line_before = self.content
        return "content"

    def _may_nest(self, mark: str, fence: OpenFence) -> bool:
        """Tell whether a fence within a fence opens a block of its own."""
        if mark[0] != fence.mark[0] or len(mark) < len(fence.mark) or len(self._inner) >= _MOST_INNER:
            return False
        return bool(self._inner) or self._string.is_open or _language(fence) in _TEXTS

    def _step_blank(self, depth: int) -> LineKind:
        if 0 <= self._empty_item < depth:
            depth = self._empty_item  # an item may begin with one blank line at most
        del self._stack[depth:]
        self._empty_item = -1
        self._paragraph = False
        return "blank"

    def _open_containers(self, cursor: _Cursor, depth: int) -> int:
        opened = 0
        interrupting = self._paragraph and depth == len(self._stack)
        while cursor.indent() < _CODE_INDENT and depth + opened < _MOST_CONTAINERS:
            word = cursor.word()
            if word.startswith(">"):
                self._pass_quote(cursor)
                width = _QUOTE
            else:
                marker = LIST_MARKER.match(word)
                if marker is None or _RULE.match(word) or (interrupting and not _may_interrupt(word)):
                    break
                width = _pass_marker(cursor, len(marker[1]))
            if not opened:
                del self._stack[depth:]
                self._empty_item = -1
            interrupting = False
            self._stack.append(width)
            opened += 1
            if not cursor.word():
                self._empty_item = len(self._stack) - 1 if width != _QUOTE else -1
                break
        return opened

    def _step_leaf(self, cursor: _Cursor, depth: int, *, whole: bool, opened: bool) -> LineKind:
        indent, word = cursor.indent(), cursor.word()
        in_paragraph = self._paragraph and not opened
        match = _FENCE.match(word) if indent < _CODE_INDENT else None
        if match:
            self._close_to(depth)
            prefix = cursor.line[: len(cursor.line) - len(word)]
            mark, info = match[1] or match[3], (match[2] or match[4] or "").strip()
            self.fence = OpenFence(mark, info, indent, depth, prefix)
            self._inner, self._line_before = [], "\0"
            self._string = OpenString(_language(self.fence))
            self._paragraph = False
            return "open"
        ends = indent < _CODE_INDENT and bool(_HEADING.match(word) or _RULE.match(word))
        if in_paragraph and not whole and not ends:
            return "text"  # a lazy continuation: the containers stay open
        self._close_to(depth)
        if indent >= _CODE_INDENT and not in_paragraph:
            self._paragraph = False
            cursor.skip(_CODE_INDENT)
            self.content = cursor.rest()
            return "indented"
        underline = in_paragraph and indent < _CODE_INDENT and bool(_UNDERLINE.match(word))
        self._paragraph = bool(word) and not ends and not underline
        return "text"

    def _close_to(self, depth: int) -> None:
        del self._stack[depth:]
        if self._empty_item < depth - 1:
            self._empty_item = -1


def _language(fence: OpenFence) -> str:
    return fence.info.split(maxsplit=1)[0].lower() if fence.info else ""


def _may_interrupt(word: str) -> bool:
    marker, _, rest = word.partition(" ")
    return bool(rest.strip()) and (not marker[0].isdigit() or marker[:-1] == "1")


def _pass_marker(cursor: _Cursor, length: int) -> int:
    before = cursor.indent()
    cursor.skip(before)
    cursor.pass_over(length)
    after = cursor.indent()
    if not cursor.word() or after > _CODE_INDENT:
        after = 1
    cursor.skip(after)
    return before + length + after
