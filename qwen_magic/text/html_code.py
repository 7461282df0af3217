"""Code that an answer has in HTML's `<pre>`, as fenced blocks."""

from __future__ import annotations

import html
import re

from .fences import find_fences, split_lines, write_fence

_PRE = re.compile(r"<pre\b[^<>]{0,300}>\s*(?:<code\b(?P<attributes>[^<>]{0,300})>)?", re.IGNORECASE)
_PRE_END = re.compile(r"(?:</code\s*>\s*)?</pre\s*>", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?:language|lang|highlight)-([\w+#.-]{1,40})")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ANY_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_PARTIAL = re.compile(r"(?:<[!/a-zA-Z]?[^<>\n]{0,300}|&#?\w{0,10})\Z")


def fence_html_code(text: str, *, growing: bool = False) -> str:
    """Write code in `<pre>` as a fenced block.

    Args:
        text: Markdown, as a model wrote it.
        growing: whether more may come; then code whose end is not there yet is written as well.

    """
    if "<pre" not in text.lower():
        return text
    lines = split_lines(text)
    written: list[str] = []
    start = 0
    for fence in find_fences(lines):
        written += [*_outside(lines[start : fence.start], growing=False), *lines[fence.start : fence.end]]
        start = fence.end
    written += _outside(lines[start:], growing=growing)
    return "\n".join(written) + ("\n" if text.endswith("\n") else "")


def _outside(lines: list[str], *, growing: bool) -> list[str]:
    text = "\n".join(lines)
    if not _PRE.search(text):
        return lines
    parts: list[str] = []
    done = 0
    while opening := _PRE.search(text, done):
        end = _PRE_END.search(text, opening.end())
        in_code = text.count("`", text.rfind("\n", 0, opening.start()) + 1, opening.start()) % 2
        if in_code or (end is None and not growing):
            parts.append(text[done : opening.end()])
            done = opening.end()
            if end is None:
                break
            continue
        code = text[opening.end() : end.start() if end else len(text)]
        language = _LANGUAGE.search(opening["attributes"] or "")
        fence = write_fence(_code(code if end else _PARTIAL.sub("", code)), language[1] if language else "")
        parts.append(f"{text[done : opening.start()].rstrip()}\n\n{fence}\n")
        done = end.end() if end else len(text)
    return "".join([*parts, text[done:]]).rstrip("\n").split("\n")


def _code(source: str) -> str:
    """Return the text of code in HTML."""
    text = _ANY_TAG.sub("", _BREAK.sub("\n", source))
    return html.unescape(text).replace("\xa0", " ").strip("\n").rstrip()
