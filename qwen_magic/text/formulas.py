r"""The formulas of an answer: in fenced blocks of LaTeX, between dollars, `\[ \]` or `\( \)`, and environments."""

from __future__ import annotations

import re
from itertools import groupby

from .fences import find_fences, language_of, split_lines

_LANGUAGES = frozenset({"latex", "tex", "math", "katex", "mathjax"})
_ENVIRONMENT = re.compile(
    r"align(?:ed|at|edat)?|array|[BbpvV]?matrix|smallmatrix|cases|displaymath|eqnarray|equation|flalign|gather(?:ed)?"
    r"|multline|split"
)
_MARK = re.compile(
    r"(?P<ticks>`+)|(?P<opener>\$\$|\\[\[(]|\\begin\{(?P<name>[A-Za-z]+)(?P<star>\*?)\})|(?P<dollar>\$)|\\.", re.DOTALL
)
_INLINE = re.compile(r"\$(?![\s$])((?:[^$\\`\n]|\\.|\n(?![ \t]*\n)){1,2000}?)(?<!\s)\$(?!\d)", re.DOTALL)
_CLOSERS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_LONGEST = 8000
"""Characters of a formula; a limit keeps the search for a closer that is not there linear."""
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
    opener = _MARK.match(content.lstrip())
    named = language in _LANGUAGES
    if not named and (language or opener is None or opener["opener"] is None):
        return
    found: list[str] = []
    inline: list[str] = []
    _collect(content, found, inline)
    if not found and (_DOCUMENT.search(content) or _is_all_of(inline, content)):
        found = inline
    if not found and named and not _DOCUMENT.search(content):
        _add(found, content)
    displayed += found


def _is_all_of(inline: list[str], content: str) -> bool:
    """Tell whether a block is one formula between the delimiters of a sentence."""
    return len(inline) == 1 and content.strip() in (f"${inline[0]}$", f"\\({inline[0]}\\)")


def _collect(text: str, displayed: list[str], inline: list[str]) -> None:
    """Find the formulas outside fences."""
    place = 0
    while match := _MARK.search(text, place):
        place = match.end()
        if match["ticks"]:
            close = re.compile(rf"(?<!`){match['ticks']}(?!`)").search(text, place)
            place = close.end() if close else place
        elif match["dollar"]:
            if found := _INLINE.match(text, match.start()):
                _add(inline, found[1])
                place = found.end()
        elif match["opener"] and (end := _end(text, match)):
            opener = match["opener"]
            inner = text[place : end - len(_closer(match))]
            if match["name"] in ("displaymath", None):
                _add(inline if opener == "\\(" else displayed, inner)
            else:
                _add(displayed, text[match.start() : end])
            place = end


def _end(text: str, match: re.Match[str]) -> int:
    """Find the end of a formula that begins at a mark; 0 where it has none."""
    if match["name"] and not _ENVIRONMENT.fullmatch(match["name"]):
        return 0
    closer = _closer(match)
    end = text.find(closer, match.end(), match.end() + _LONGEST)
    if end < 0 or (match["opener"] == "\\(" and _BLANK_LINES.search(text, match.end(), end)):
        return 0
    return end + len(closer)


def _closer(match: re.Match[str]) -> str:
    return f"\\end{{{match['name']}{match['star']}}}" if match["name"] else _CLOSERS[match["opener"]]


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
