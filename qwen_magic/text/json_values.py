"""The JSON value of a text: the first, or where a model thought aloud before it, the last.

Sought is, in this order: the text as a whole; fenced blocks that say they are JSON; other fenced blocks that are one
value and nothing else; in the text around the fences, a value at the beginning of a line; then one within a line.
Objects and arrays come first in all of these; a string, number, true, false or null counts only where it is the whole
text or the whole of a fenced block. Within a line, indices, the parts of links and empty brackets are none; citations
such as `[1]` are only where there is nothing else.

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
_CITATION = re.compile(r"\[\s*\d{1,4}(?:\s*,\s*\d{1,4})*\s*\]")
_CLOSERS = {"{": "}", "[": "]"}


@dataclass(frozen=True)
class JsonFound:
    """A JSON value, and how the text wrote it."""

    value: Any
    source: str


def find_json(text: str, *, after_thinking: bool = False) -> JsonFound | None:
    """Find the first JSON value of a text, or after thinking the last.

    Args:
        text: an answer, with or without prose and fences.
        after_thinking: whether a model wrote it that thinks: what comes first may be a draft, and the last is meant.

    Returns:
        The value; None where there is none. One that is cut off is none, and a citation such as `[1]` only where there
        is nothing else.

    """
    parts = _Parts(text)
    return next(_candidates(text, parts, last=after_thinking), None)


def is_json_cut_off(text: str) -> bool:
    """Tell whether a text has the beginning of a JSON object or array, and not its end."""
    parts = _Parts(text)
    return any(
        match.start() == 0 and _end(part, 0) is None
        for whole in (*parts.labelled, *parts.other, *parts.around)
        for part in map(str.lstrip, (whole, *whole.split("\n\n")[-1:]))
        if (match := _START.match(part))
    )


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


class _Parts:
    """The parts of a text: what fences that say JSON hold, what other fences hold, and what stands around them."""

    def __init__(self, text: str) -> None:
        lines = split_lines(text)
        self.labelled: list[str] = []
        self.other: list[str] = []
        self.around: list[str] = []
        start = 0
        for fence in find_fences(lines):
            self.around.append("\n".join(lines[start : fence.start]))
            start = fence.end
            place = self.labelled if "json" in language_of(fence.opening.info) else self.other
            place.append("\n".join(fence.content))
        self.around.append("\n".join(lines[start:]))


def _candidates(text: str, parts: _Parts, *, last: bool) -> Iterator[JsonFound]:
    order = -1 if last else 1
    labelled, other, around = parts.labelled[::order], parts.other[::order], parts.around[::order]
    yield from _found(_whole(part) for part in (text, *labelled))
    yield from _found(_one(block, at_line_start=True, last=last) for block in labelled)
    yield from _found(_whole(block) for block in other)
    for citations in (False, True):
        for at_line_start in (True, False):
            yield from _found(
                _one(part, at_line_start=at_line_start, last=last, citations=citations) for part in around
            )
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


def _one(text: str, *, at_line_start: bool, last: bool, citations: bool = False) -> JsonFound | None:
    """Find the first or the last object or array in a text, at the beginning of a line or within one."""
    found = None
    for value in _values(text, at_line_start=at_line_start, citations=citations):
        found = value
        if not last:
            break
    return found


def _values(text: str, *, at_line_start: bool, citations: bool) -> Iterator[JsonFound]:
    place = tries = 0
    while (match := _START.search(text, place)) and tries < _MOST_TRIES:
        start = match.start()
        before = text[text.rfind("\n", 0, start) + 1 : start]
        end = _end(text, start)
        if end is None:
            place, tries = _past_bracket(text, start), tries + 1
            continue
        fits = not before.strip(" \t>") if at_line_start else not _is_prose(text, start, end, before)
        if fits and (citations or not _is_citation(text, start, end, before)):
            source = text[start:end]
            if found := _read(source) if at_line_start else _read_strictly(source):
                yield found
        place = end


def _is_citation(text: str, start: int, end: int, before: str) -> bool:
    """Tell whether brackets with numbers alone stand in a sentence, or with one number alone."""
    citation = _CITATION.match(text, start)
    if not citation or citation.end() != end:
        return False
    return bool(before.strip(" \t>")) or bool(text[end:].partition("\n")[0].strip()) or "," not in citation[0]


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
