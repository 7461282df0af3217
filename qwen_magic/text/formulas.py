r"""The formulas of an answer: in fenced blocks of LaTeX, between dollars, `\[ \]` or `\( \)`, and environments."""

from __future__ import annotations

import re
from itertools import groupby

from .fences import find_fences, language_of, split_lines
from .spans import read_spans

_LANGUAGES = frozenset({"latex", "tex", "math", "katex", "mathjax"})
_OPENER = re.compile(r"\$\$|\\[\[(]|\\begin\{[A-Za-z]+\*?\}")
_LONGEST = 8000
"""Characters of a text that may be one formula without delimiters."""
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_DOCUMENT = re.compile(r"\\documentclass|\\begin\{document\}|\\(?:sub)*section\b|\\item\b")
_COMMAND = re.compile(r"\\(?:text|mathrm|operatorname|mbox)\*?\{[^{}]*\}|\\[A-Za-z]+")
_WORDS = re.compile(r"[^\W\d_]{2,}\W+[^\W\d_]{2,}")


def find_formulas(text: str) -> list[str]:
    r"""Find the formulas of an answer.

    Args:
        text: Markdown, finished or not.

    Returns:
        Their LaTeX, without delimiters; an environment such as `align` is kept as it is. Where any stands by
        itself, those alone, as the ones in sentences then only explain them; else these; and without any, the
        whole text if it is one formula that has no delimiters.

    """
    lines = split_lines(text)
    displayed: list[str] = []
    inline: list[str] = []
    start = 0
    for fence in find_fences(lines):
        _collect("\n".join(lines[start : fence.start]), displayed, inline)
        _collect_fence("\n".join(fence.content), language_of(fence.opening.info), displayed)
        start = fence.end
    _collect("\n".join(lines[start:]), displayed, inline)
    return displayed or inline or ([text.strip()] if _is_formula(text.strip()) else [])


def _collect_fence(content: str, language: str, displayed: list[str]) -> None:
    named = language in _LANGUAGES
    if not named and (language or not _OPENER.match(content.lstrip())):
        return
    found: list[str] = []
    inline: list[str] = []
    _collect(content, found, inline, is_latex=True)
    if not found and (_DOCUMENT.search(content) or _is_all_of(inline, content)):
        found = inline
    if not found and named and not _DOCUMENT.search(content):
        _add(found, content)
    displayed += found


def _is_all_of(inline: list[str], content: str) -> bool:
    """Tell whether a block is one formula between the delimiters of a sentence."""
    return len(inline) == 1 and content.strip() in (f"${inline[0]}$", f"\\({inline[0]}\\)")


def _collect(text: str, displayed: list[str], inline: list[str], *, is_latex: bool = False) -> None:
    """Find the formulas outside fences, or in a source of LaTeX."""
    for span in read_spans(text, is_latex=is_latex):
        if span.latex:
            _add(inline if span.kind == "formula" else displayed, span.latex)


def _add(formulas: list[str], formula: str) -> None:
    """Take a formula, unless two dollars within would end it as it is shown."""
    formula = _BLANK_LINES.sub("\n", formula.strip())
    if formula and "$$" not in formula:
        formulas.append(formula)


def _is_formula(text: str) -> bool:
    """Tell whether a text without delimiters is LaTeX: a command or an index in it, and no two words in a row."""
    if not text or "$" in text or "`" in text or len(text) > _LONGEST or _DOCUMENT.search(text):
        return False
    paragraphs = sum(1 for blank, _ in groupby(text.split("\n"), key=lambda line: not line.strip()) if not blank)
    rest = _COMMAND.sub(" 1 ", text)
    return (
        paragraphs == 1 and (rest != text or bool(re.search(r"\^[\w{]|\b\w_[\w{]", text))) and not _WORDS.search(rest)
    )
