"""The first JSON value of a text.

Sought is, in this order: the text as a whole; fenced blocks that say they are JSON; other fenced blocks that are one
value and nothing else; in the text around the fences, a value at the beginning of a line; then one within a line.
Objects and arrays come first in all of these; a string, number, true, false or null counts only where it is the whole
text or the whole of a fenced block. Within a line, indices, the parts of links and empty brackets are none.

Read is strict JSON. Where a value has a block, a line's beginning or the text to itself, these are read too, as each
can mean one thing only: line ends within strings, trailing commas, comments, NaN and Infinity (as Python's floats),
and what Python prints of such a value (single quotes, True, None). Nothing is completed, and nothing is taken out of
a value that is broken: unquoted keys, missing commas and a value that was cut off are no JSON.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .fences import find_fences, language_of, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_TRIES = 50
"""Brackets that may prove open before the search is given up; it keeps the search linear."""
_START = re.compile(
    r'\{(?=\s*["}\'/])|\[(?=\s*(?:[\]\[{"\'/]|-?\d|(?:true|false|null|True|False|None|NaN|-?Infinity)\b))'
)
_STRING = r'"(?:[^"\\]|\\.)*["\\]?'
_COMMENT = r"//[^\n]*|/\*(?:.*?\*/|.*)"
_TOKEN = re.compile(rf"{_STRING}|'(?:[^'\\\n]|\\.)*['\\]?|{_COMMENT}|[{{}}\[\]]", re.DOTALL)
_STRING_OR_COMMENT = re.compile(rf"(?P<string>{_STRING})|{_COMMENT}", re.DOTALL)
_STRING_OR_COMMA = re.compile(rf"(?P<string>{_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_INTERVAL = re.compile(r"\[[\s\d.,+-]*[^\s\d.,+\-\[{\"]")  # such as [0, 1)
_CLOSERS = {"{": "}", "[": "]"}


@dataclass(frozen=True)
class JsonFound:
    """A JSON value, and how the text wrote it."""

    value: Any
    source: str


def find_json(text: str) -> JsonFound | None:
    """Find the first JSON value of a text.

    Args:
        text: an answer, with or without prose and fences.

    Returns:
        The value; None where there is none.

    """
    lines = split_lines(text)
    labelled: list[str] = []
    other: list[str] = []
    around: list[str] = []
    start = 0
    for fence in find_fences(lines):
        around.append("\n".join(lines[start : fence.start]))
        start = fence.end
        place = labelled if "json" in language_of(fence.opening.info) else other
        place.append("\n".join(fence.content))
    around.append("\n".join(lines[start:]))
    return next(_candidates(text, labelled, other, around), None)


def pretty_json(found: JsonFound) -> str:
    """Write a value with an indent, its order and its letters kept."""
    try:
        text = json.dumps(found.value, indent=2, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(found.value, indent=2)
    except RecursionError:
        return found.source
    return text


def _candidates(text: str, labelled: list[str], other: list[str], around: list[str]) -> Iterator[JsonFound]:
    yield from _found(_whole(part) for part in (text, *labelled))
    yield from _found(_first(block, at_line_start=True) for block in labelled)
    yield from _found(_whole(block) for block in other)
    for at_line_start in (True, False):
        yield from _found(_first(part, at_line_start=at_line_start) for part in around)
    yield from _found(_scalar(part) for part in (text, *labelled, *other))


def _found(values: Iterator[JsonFound | None]) -> Iterator[JsonFound]:
    return (value for value in values if value is not None)


def _scalar(text: str) -> JsonFound | None:
    """Read a text that is one string, number, true, false or null."""
    try:
        return JsonFound(json.loads(text, parse_constant=_refuse), text.strip())
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _whole(text: str) -> JsonFound | None:
    """Read a text that is one object or array and nothing else."""
    bare = text.strip()
    match = _START.match(bare)
    return _read(bare) if match and _end(bare, 0) == len(bare) else None


def _first(text: str, *, at_line_start: bool) -> JsonFound | None:
    """Find the first object or array in a text, at the beginning of a line or within one."""
    place = tries = 0
    while (match := _START.search(text, place)) and tries < _MOST_TRIES:
        start = match.start()
        before = text[text.rfind("\n", 0, start) + 1 : start]
        end = _end(text, start)
        if end is None:
            place, tries = _past_bracket(text, start), tries + 1
            continue
        fits = not before.strip(" \t>") if at_line_start else not _is_prose(text, start, end, before)
        if fits and (found := _read(text[start:end]) if at_line_start else _read_strictly(text[start:end])):
            return found
        place = end
    return None


def _is_prose(text: str, start: int, end: int, before: str) -> bool:
    """Tell whether brackets are those of a link, an index, a task in a list, or a pair with nothing in it."""
    if not text[start + 1 : end - 1].strip():
        return True
    last = before[-1:]
    return text[start] == "[" and (text[end : end + 1] in ("(", "[", ":") or last.isalnum() or last in ("]", ")", "_"))


def _end(text: str, start: int) -> int | None:
    """Find where the brackets that open here close; None where they do not, or not in order."""
    closers: list[str] = []
    for match in _TOKEN.finditer(text, start):
        token = match[0]
        if token in _CLOSERS:
            closers.append(_CLOSERS[token])
        elif token in ("}", "]"):
            if token != closers.pop():
                return None
            if not closers:
                return match.end()
    return None


def _past_bracket(text: str, start: int) -> int:
    """Find where to look on after a bracket that does not close: what stands in a value cut off is not the value."""
    interval = _INTERVAL.match(text, start)
    return interval.end() if interval else len(text)


def _read_strictly(source: str) -> JsonFound | None:
    try:
        return JsonFound(json.loads(source, parse_constant=_refuse), source)
    except (ValueError, RecursionError):
        return None


def _read(source: str) -> JsonFound | None:
    """Read an object or array; leniently, where it can mean one thing only."""
    if found := _read_strictly(source):
        return found
    try:
        bare = _STRING_OR_COMMA.sub(_kept, _STRING_OR_COMMENT.sub(_kept, source))
        return JsonFound(json.loads(bare, strict=False), source)
    except (ValueError, RecursionError):
        return _read_python(source)


def _kept(match: re.Match[str]) -> str:
    return match["string"] or " "


def _read_python(source: str) -> JsonFound | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(source)
        return JsonFound(value, source) if _is_plain(value) else None
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _is_plain(value: Any) -> bool:
    """Tell whether JSON has such a value."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, bool, int, float))
