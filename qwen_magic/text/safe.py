"""Untrusted Markdown made safe for front ends that do not sanitise it.

JupyterLab renders the text/markdown of a cell that was just run with raw HTML, scripts and remote images in
it. What leaves here holds none of them in any reading: fenced blocks at the top level are written anew, so
that no parser can mistake where they end, and all else holds no tag but our own `<pre>` and `<code>` (see
`inline`).

Two things keep a kept fence in step with every parser. No other run of three backticks or tildes is left
over, but for the fences in lists that are uniformly indented and whose content would be safe as text as
well. And a blank line stands on either side, which JupyterLab's math never crosses; for parsers whose math
does, a block that could end math begun before it is not kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .fences import FencedLines, find_fences, split_lines
from .inline import MATH_HINT, encoded, is_harmless, safe_inline
from .math import nests_deep
from .reordering import prose_in_order, shown_in_order
from .terminal import TerminalFilter, safe_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["TerminalFilter", "safe_markdown", "safe_terminal"]

# These end a line for some parsers and not for others, or mean nothing at all.
_ODD_LINE_ENDS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_TICKS = re.compile("`+")
_LANGUAGE = re.compile(r"[{.\s]*([A-Za-z0-9_+#.-]*)")
_MATH_PAIRS = (("$$", "$$"), ("\\[", "\\]"), ("\\begin", "\\end"))
# could begin, end or mark math within a fence in a list, and so cut the fence off from its other end
_MATH_EDGE = re.compile(r"\$|\\\\|\\begin|\\end|@@")
_INDENT = re.compile(r" *(?:(?:[-+*]|\d{1,9}[.)]) +)*$")
_FRONT_MATTER = ("---", "+++")
# JupyterLab draws these instead of showing them, and what the drawing loads is the diagram's choice
_DRAWN = frozenset({"mermaid"})


def safe_markdown(text: str) -> str:
    """Make untrusted Markdown safe to display.

    Tags, event handlers and comments become text. Links lead to http, https, mailto or an anchor, and nowhere
    else; images become links. MathJax macros that reach beyond math lose their backslash. Fenced code, prose,
    lists, tables and math look as they would. Diagrams (mermaid) are shown as their source. What would show code in
    another order than it has is shown as a mark.

    Args:
        text: Markdown, finished or still growing.

    Returns:
        Markdown that is safe in every front end. An open fence is closed.

    """
    text = prose_in_order(_ODD_LINE_ENDS.sub(" ", text.replace("\r\n", "\n")))
    lines = split_lines(_NO_TEXT.sub("\ufffd", text))
    page = _SafeText(lines)
    done = 0
    for fence in _joined(find_fences(lines, indented=True), lines):
        page.add_text(done, fence.start)
        if not fence.opening.mark:
            page.add_indented_code(fence)
        elif fence.opening.depth == 0:
            page.add_fence(fence)
        else:
            page.add_nested_fence(fence)
        done = fence.end
    page.add_text(done, len(lines))
    return page.written(ends=text.endswith(("\n", "\r")))


class _SafeText:
    """The safe text as it is put together, from the lines of the given one."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._math = _math_lines(lines)
        self._out: list[str] = []
        self._begun: set[str] = set()  # what ends the math that the text so far may have begun
        self._after_fence = False

    def written(self, *, ends: bool) -> str:
        """Return the page; with a line end as its last character if the given text had one."""
        text = "\n".join(self._out)
        if text.startswith(_FRONT_MATTER):
            text = "\n" + text  # some parsers hide what they take for front matter, up to its end in a fence
        return text + "\n" if ends and self._out else text

    def add_text(self, start: int, end: int) -> None:
        """Add lines outside fences."""
        while start < end:
            stop = start + 1
            while stop < end and self._math[stop] == self._math[start]:
                stop += 1
            text = "\n".join(self._lines[start:stop])
            if self._math[start] and nests_deep(text):
                self._put([_code_html(self._lines[start:stop])])
            else:
                self._begin_math(text)
                self._put(safe_inline(text, math=self._math[start]).split("\n"))
            start = stop

    def add_fence(self, fence: FencedLines) -> None:
        """Add a fenced block of the top level."""
        code = "\n".join(fence.content)
        if any(closer in code for closer in self._begun):
            self._put([_as_html(fence, "")])
            return
        self._put(_fence_lines(fence, ""), apart=True)
        self._after_fence = True

    def add_indented_code(self, fence: FencedLines) -> None:
        """Add lines that are code by their indent; fenced where there are dollars, which JupyterLab would pair."""
        math = any(self._math[fence.start : fence.end])
        code = "\n".join(fence.content)
        if code.count("$") > 1:
            self.add_fence(fence)
        elif is_harmless(code, math=math) and shown_in_order(code) == code:
            self.add_text(fence.start, fence.end)
        else:
            self._put([_as_html(fence, "")])

    def add_nested_fence(self, fence: FencedLines) -> None:
        """Add a fenced block of a list or quote."""
        math = any(self._math[fence.start : fence.end])
        code = "\n".join(fence.content)
        if self._is_uniform(fence) and is_harmless(code, math=math) and not _MATH_EDGE.search(code):
            self._put(_fence_lines(fence, fence.opening.prefix))
        else:
            self._put([_as_html(fence, fence.opening.prefix)])

    def _is_uniform(self, fence: FencedLines) -> bool:
        """Tell whether every parser that sees the block begin must see it end."""
        prefix = fence.opening.prefix
        if not _INDENT.match(prefix):
            return False
        if prefix.strip(" ") and fence.start > 0 and self._lines[fence.start - 1].strip(" \t"):
            return False  # parsers differ on which list markers may follow a paragraph
        indent = " " * len(prefix)
        lines = self._lines[fence.start + 1 : fence.end]
        return all(not line.strip(" \t") or line.startswith(indent) for line in lines)

    def _put(self, lines: list[str], *, apart: bool = False) -> None:
        if not lines:
            return
        touching = self._out and self._out[-1].strip(" \t") and lines[0].strip(" \t")
        if touching and (apart or self._after_fence):
            self._out.append("")
        self._after_fence = False
        self._out += lines

    def _begin_math(self, text: str) -> None:
        self._begun.update(closer for opener, closer in _MATH_PAIRS if opener in text)


def _joined(fences: Iterable[FencedLines], lines: Sequence[str]) -> Iterator[FencedLines]:
    """Join code that is code by its indent over blank lines."""
    before: FencedLines | None = None
    for fence in fences:
        if before:
            gap = lines[before.end : fence.start]
            if not fence.opening.mark and not any(line.strip(" \t") for line in gap):
                before.content += [*([""] * len(gap)), *fence.content]
                before.end = fence.end
                continue
            yield before
            before = None
        if fence.opening.mark:
            yield fence
        else:
            before = fence
    if before:
        yield before


def _math_lines(lines: list[str]) -> list[bool]:
    """Tell of each line whether its paragraph may have math; blank lines go with what is before them."""
    found: list[bool] = []
    start = 0
    for number in range(len(lines) + 1):
        if number == len(lines) or not lines[number].strip(" \t"):
            math = any(MATH_HINT.search(line) for line in lines[start:number])
            found += [math] * (number + 1 - start)
            start = number + 1
    return found[: len(lines)]


def _language(fence: FencedLines) -> str:
    match = _LANGUAGE.match(fence.opening.info)
    language = match[1] if match else ""
    return "text" if language.lower() in _DRAWN else language


def _fence_lines(fence: FencedLines, prefix: str) -> list[str]:
    """Write a fence longer than any in its content; closed, whether it was or not."""
    longest = max((len(ticks) for line in fence.content for ticks in _TICKS.findall(line)), default=0)
    ticks = "`" * max(3, longest + 1)
    indent = " " * len(prefix)
    content = [indent + shown_in_order(line) if line else line for line in fence.content]
    return [prefix + ticks + _language(fence), *content, indent + ticks]


def _as_html(fence: FencedLines, prefix: str) -> str:
    """Write a block as one line of HTML, which no parser can cut in two."""
    return prefix + _code_html(fence.content, _language(fence))


def _code_html(lines: Sequence[str], language: str = "") -> str:
    # without quotes: in JupyterLab's math they could end an attribute
    opening = f"<pre><code class=language-{language}>" if language else "<pre><code>"
    code = "&#10;".join(encoded(shown_in_order(line)) for line in [*lines, ""])
    return f"{opening}{code}</code></pre>"
