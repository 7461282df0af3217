"""The forms of an answer: all of it, or its code, its JSON, its page or its formulas alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from .bare_code import answer_blocks
from .blocks import BlockTracker
from .fences import code_blocks, language_of, split_lines, write_fence
from .formulas import find_formulas
from .frames import LANGUAGES, find_pages
from .json_values import find_json, is_json_cut_off, pretty_json

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from .blocks import OpenFence


@dataclass(frozen=True)
class Shaped:
    """What of a finished answer is shown.

    Attributes:
        text: Markdown, or for a terminal plain text.
        note: what was not found, or "".
        pages: documents to be shown in frames below the text.

    """

    text: str
    note: str = ""
    pages: tuple[str, ...] = ()


class Filter(Protocol):
    """What chooses, of an answer that arrives in pieces, what is shown of it while it comes."""

    @property
    def silent(self) -> bool:
        """Whether what comes now is not shown."""

    def feed(self, delta: str) -> str:
        """Take the next piece, cut anywhere; return what is to be shown next."""

    def close(self) -> str:
        """End the answer; return the rest that is to be shown."""


@dataclass
class Form:
    """One answer in one form.

    Attributes:
        noun: what is sought in it.
        filter: chooses what is shown while it comes.
        final: gives what is shown of the whole at the end.
        replaces: whether that takes the place of what was shown while it came.
        after_thinking: the same as `final`, for the answer of a model that thought.

    """

    noun: str
    filter: Filter
    final: Callable[[str], Shaped]
    replaces: bool = False
    after_thinking: Callable[[str], Shaped] | None = None


def make_form(name: str, *, markdown: bool) -> Form:
    """Make the form for one answer.

    Args:
        name: "code", "json", "html" or "math".
        markdown: whether what is shown is drawn as Markdown, and can still be replaced; else it is printed.

    Returns:
        The form, with nothing in it.

    """
    passing = Everything() if markdown else Nothing()
    match name:
        case "code":
            return Form("code", FencedBlocks(markdown=markdown), partial(_code, markdown=markdown))
        case "json":
            stream = Opening("{[", "json", passing) if markdown else passing
            after_thinking = partial(_json, markdown=markdown, after_thinking=True)
            return Form("JSON", stream, partial(_json, markdown=markdown), markdown, after_thinking)
        case "html":
            blocks = FencedBlocks(markdown=markdown, languages=LANGUAGES)
            return Form("HTML", Opening("<", "html" if markdown else "", blocks), partial(_html, markdown=markdown))
    return Form("math", passing, partial(_math, markdown=markdown), replaces=markdown)


class Everything:
    """Let all of an answer through."""

    silent = False

    def feed(self, delta: str) -> str:
        """Return the piece."""
        return delta

    def close(self) -> str:
        """Return nothing."""
        return ""


class Nothing:
    """Let nothing of an answer through."""

    silent = True

    def feed(self, _delta: str) -> str:
        """Return nothing."""
        return ""

    def close(self) -> str:
        """Return nothing."""
        return ""


class Opening:
    """Show an answer that begins with a certain character as it is, and any other as another filter does.

    Args:
        marks: the characters.
        language: what it is fenced as; "" for no fence.
        other: the other filter.

    """

    def __init__(self, marks: str, language: str, other: Filter) -> None:
        self._marks = marks
        self._fence = f"{'~' * 9}{language}\n" if language else ""  # longer than any that it may hold
        self._filter = other
        self._blank = ""
        self._chosen = False

    @property
    def silent(self) -> bool:
        """Whether what comes now is not shown."""
        return self._filter.silent

    def feed(self, delta: str) -> str:
        """Take the next piece; return what is to be shown next."""
        if self._chosen:
            return self._filter.feed(delta)
        text = self._blank + delta
        bare = text.lstrip()
        if not bare:
            self._blank = text
            return ""
        self._chosen = True
        if bare[0] not in self._marks:
            return self._filter.feed(text)
        self._filter = Everything()
        return self._fence + bare

    def close(self) -> str:
        """Return the rest."""
        return self._filter.close() if self._chosen else self._filter.feed(self._blank) + self._filter.close()


class FencedBlocks:
    """Let the fenced blocks of an answer through, line by line, and nothing else.

    Args:
        markdown: write them as fenced blocks; else their code alone, with a blank line between two.
        languages: the languages that are let through; without it all.

    """

    def __init__(self, *, markdown: bool, languages: Container[str] | None = None) -> None:
        self._markdown = markdown
        self._languages = languages
        self._tracker = BlockTracker()
        self._partial: list[str] = []
        self._ends_in_cr = False
        self._open: OpenFence | None = None
        self._separator = self._next_separator = ""
        self._doubtful: str | None = None  # a line that ends its block, unless the next one says that it does not

    @property
    def silent(self) -> bool:
        """Whether what comes now is not shown."""
        return self._open is None

    def feed(self, delta: str) -> str:
        """Take the next piece; return what is to be shown next."""
        if not delta:
            return ""
        self._partial.append(delta)
        if "\n" not in delta and "\r" not in delta and not self._ends_in_cr:
            return ""
        text = "".join(self._partial)
        self._ends_in_cr = text.endswith("\r")  # an LF may follow, which belongs to it
        lines = split_lines(text)
        complete = text.endswith("\n")
        self._partial = [] if complete else [lines.pop() + "\r" * self._ends_in_cr]
        return "".join(map(self._take, lines))

    def close(self) -> str:
        """Return the rest: an open block counts as closed."""
        lines = split_lines("".join(self._partial))
        self._partial = []
        return "".join(map(self._take, lines)) + self._end()

    def _take(self, line: str) -> str:
        kind = self._tracker.step(line)
        doubtful, self._doubtful = self._doubtful, None
        if kind == "content":
            before = "" if doubtful is None else self._line(doubtful)
            return before + self._line(self._tracker.content)
        if kind == "close" and self._tracker.may_reopen:
            self._doubtful = self._tracker.content
            return ""
        ended = self._end()
        return ended + self._begin(self._tracker.fence) if kind == "open" and self._tracker.fence else ended

    def _begin(self, fence: OpenFence) -> str:
        language = language_of(fence.info)
        if self._languages is not None and language not in self._languages:
            return ""
        self._open = fence
        if not self._markdown:
            return ""
        blank = " " * language.startswith("~")
        separator, self._separator = self._separator, "\n"
        return f"{separator}{' ' * fence.indent}{fence.mark}{blank}{language}\n"

    def _line(self, content: str) -> str:
        if self._open is None:
            return ""
        if self._markdown:
            return " " * self._open.indent + content + "\n" if content else "\n"
        separator, self._separator, self._next_separator = self._separator, "", "\n"
        return f"{separator}{content}\n"

    def _end(self) -> str:
        if self._open is None:
            return ""
        fence, self._open = self._open, None
        if self._markdown:
            return f"{' ' * fence.indent}{fence.mark}\n"
        self._separator, self._next_separator = self._separator or self._next_separator, ""
        return ""


def _whole(blocks: FencedBlocks, text: str) -> str:
    return blocks.feed(text) + blocks.close()


def _missing(text: str, what: str) -> Shaped:
    return Shaped(text, f"no {what} in the answer" if text.strip() else "")


def _code(text: str, *, markdown: bool) -> Shaped:
    blocks = answer_blocks(text)
    if not any(block.code.strip() for block in blocks):
        return _missing(text, "code block")
    if code_blocks(text):
        return Shaped(_whole(FencedBlocks(markdown=markdown), text))
    return Shaped(_block(blocks[0].code, blocks[0].language, markdown=markdown))


def _json(text: str, *, markdown: bool, after_thinking: bool = False) -> Shaped:
    found = find_json(text, after_thinking=after_thinking)
    if found is not None:
        return Shaped(_block(pretty_json(found), "json", markdown=markdown))
    broken = text.lstrip().startswith(("{", "["))
    shown = _block(text.strip(), "json", markdown=markdown) if broken else text
    if is_json_cut_off(text):
        return Shaped(shown, "the answer ends before its JSON is complete")
    return _missing(shown, "JSON")


def _html(text: str, *, markdown: bool) -> Shaped:
    pages = find_pages(text)
    if not pages:
        return _missing(text, "HTML")
    return Shaped("\n".join(_block(page, "html", markdown=markdown) for page in pages), pages=tuple(pages))


def _math(text: str, *, markdown: bool) -> Shaped:
    formulas = find_formulas(text)
    if not formulas:
        return _missing(text, "formula")
    return Shaped("\n\n".join(f"$$\n{formula}\n$$" if markdown else formula for formula in formulas) + "\n")


def _block(code: str, language: str, *, markdown: bool) -> str:
    return write_fence(code, language) if markdown else f"{code}\n"
