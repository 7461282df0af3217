"""The short form of a schema, one line of text: ``name, age int, mood: happy|sad|neutral``.

Fields stand with commas or line ends between them, each ``name [type][?] [: what it is]``. Types are str (where none is
written), int, float, bool and date; ``a|b|c`` for choices, ``[...]`` for a list. ``?`` behind a type, or behind a name
without one, says that the value may be missing. ``[...]`` around it all is a list of such rows; a bare type is a value,
and bare choices are one of them. After a colon, choices alone are choices, and any other text says what the field is.

In a text of several lines, commas behind a colon belong to what is said there, unless choices stand before them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from .building import PLAIN, array, choice, described, nullable, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .kinds import Kind

TYPES = ("str", "int", "float", "bool", "date")
_SYNONYMS = {"string": "str", "text": "str", "integer": "int", "number": "float", "boolean": "bool"}
_NAME = re.compile(r"[^\W\d][\w-]*")
_HINT = "The types are str, int, float, bool, date, or choices such as happy|sad."
_DEEPEST = 8
_LONGEST = 20_000


@dataclass(frozen=True)
class _Piece:
    """A part of the text, and how it is named in what is said of it."""

    text: str
    name: str

    def refuse(self, why: str, hint: str = _HINT) -> UsageError:
        shown = self.text if len(self.text) <= 60 else f"{self.text[:59]}…"  # noqa: PLR2004
        return UsageError(f'the schema\'s {self.name}, "{shown}": {why}', hint=hint)


def kind_of_text(text: str) -> Kind:
    """Read a schema in the short form.

    Args:
        text: the text.

    Raises:
        UsageError: it says none; the part that does not is shown.

    """
    if not text.strip():
        raise UsageError("the schema is empty", hint='Write fields, such as "name, age int, mood: happy|sad".')
    if len(text) > _LONGEST:
        raise UsageError(f"the schema has {len(text):,} characters", hint=f"Give at most {_LONGEST:,}.")
    return _kind(_Piece(text.strip(), "text"), 0)


def _kind(whole: _Piece, depth: int) -> Kind:
    """Read a text that is a value, choices, a list or fields."""
    if depth > _DEEPEST:
        raise whole.refuse("brackets are nested too deeply", "Give a Python type instead.")
    text, optional = _without_mark(whole.text)
    kind = None
    if (inner := _inside(text)) is not None:
        kind = array(_kind(_Piece(inner, "list"), depth + 1)) if inner else None
        if kind is None:
            raise whole.refuse("the list has no type of items", "Write what the list holds, such as [str].")
    elif (name := _type(text)) is not None:
        kind = PLAIN[name]
    elif _are_bare_choices(text):
        kind = _choices(replace(whole, text=text), text)
    if kind is None:
        return _record(whole, depth)
    return nullable(kind) if optional else kind


def _record(whole: _Piece, depth: int) -> Kind:
    found: dict[str, Kind] = {}
    needed: list[str] = []
    for number, (head, what) in enumerate(_fields(whole), 1):
        piece = _Piece(head if what is None else f"{head}: {what}", f"field {number}")
        name, kind, optional = _field(piece, head, what or "", depth)
        if name in found:
            raise piece.refuse(f"an earlier field is also called {name}", "Give each field another name.")
        found[name] = kind
        needed += [] if optional else [name]
    return record(found, needed, fills=True)


def _field(piece: _Piece, head: str, what: str, depth: int) -> tuple[str, Kind, bool]:
    """Read one field: its name, its kind, and whether it may be missing."""
    match = _NAME.match(head)
    if match is None or not (head[match.end() :][:1] in ("", "?") or head[match.end()].isspace()):
        raise piece.refuse("a field has to begin with its name, a word of letters, digits and _")
    name = match[0]
    text, optional = _without_mark(head[match.end() :].strip())
    if not text and "|" in what:
        choices, marked = _without_mark(what)
        kind, optional, what = _choices(piece, choices), optional or marked, ""
    elif (known := "str" if not text else _type(text)) is not None:
        kind = PLAIN[known]
    elif (inner := _inside(text)) is not None:
        kind = _kind(_Piece(text, f"{piece.name}, {name}"), depth + 1) if inner else _refused(piece, text)
    else:
        kind = _choices(piece, text) if "|" in text else _refused(piece, text)
    kind = described(kind, what)
    return name, nullable(kind) if optional else kind, optional


def _refused(piece: _Piece, text: str) -> Kind:
    close = difflib.get_close_matches(text.lower(), [*TYPES, *_SYNONYMS], 1, 0.6)
    meant = f"Did you mean {_SYNONYMS.get(close[0], close[0])}? " if close else ""
    raise piece.refuse(f"{text} is not a type", meant + _HINT)


def _type(text: str) -> str | None:
    name = _SYNONYMS.get(text, text)
    return name if name in TYPES else None


def _choices(piece: _Piece, text: str) -> Kind:
    words = [_unquoted(word.strip()) for word in text.split("|")]
    if not all(words):
        raise piece.refuse("a choice is empty", "Write choices as happy|sad|neutral.")
    if twice := next((word for word in words if words.count(word) > 1), ""):
        raise piece.refuse(f"the choice {twice} is there twice", "Write each choice once.")
    if all(_type(word) or word in ("null", "None") for word in words):
        raise piece.refuse(
            "these are several types", "Write one of them, followed by ? where the value may be missing."
        )
    return choice(words)


def _unquoted(word: str) -> str:
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
    return word[1:-1].strip() if quoted else word


def _without_mark(text: str) -> tuple[str, bool]:
    """Part the question mark from what may be missing."""
    return (text[:-1].rstrip(), True) if text.endswith("?") else (text, False)


def _inside(text: str) -> str | None:
    """Return what stands in brackets that are around it all; None where none are."""
    if not text.startswith("[") or not text.endswith("]"):
        return None
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth == 0:
            return text[1:-1].strip() if place == len(text) - 1 else None
    return None


def _are_bare_choices(text: str) -> bool:
    """Tell choices that stand alone from one field with choices: ``mood happy|sad`` is a field."""
    if "|" not in text or re.search(r"[,:\n\[\]]", text):
        return False
    first, *others = text.split("|")
    is_field = re.fullmatch(r"[^\W\d][\w-]*\??\s+[^\s\"']+\s*", first) and not any(
        " " in other.strip() for other in others
    )
    return not is_field


def _fields(whole: _Piece) -> Iterator[tuple[str, str | None]]:
    """Part the text into fields, each what stands before its colon and behind it."""
    text = whole.text
    lines = _parted(text, "\n", whole)
    several = len(lines) > 1
    number = 0
    for line in lines:
        pieces = _parted(line.rstrip().removesuffix(",") if several else line, ",", whole)
        held: list[str] = []
        for place, piece in enumerate(pieces):
            held.append(piece)
            head, colon, what = _at_colon(",".join(held))
            if several and colon and "|" not in what and place < len(pieces) - 1:
                continue  # the comma belongs to the description
            held = []
            number += 1
            if not (head or colon):
                if place < len(pieces) - 1 or (place == 0 and line.strip()):
                    raise _Piece(line.strip(), f"field {number}").refuse(
                        "it is empty", "Write a name between the commas."
                    )
                number -= 1
                continue
            yield head, what if colon else None


def _parted(text: str, mark: str, whole: _Piece) -> list[str]:
    """Part a text at a mark that stands in no brackets."""
    depth, start, found = 0, 0, []
    for place, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth < 0:
            raise whole.refuse(
                "there is a closing bracket without an opening one", "Write [...] around the fields of a list."
            )
        if character == mark and depth == 0:
            found.append(text[start:place])
            start = place + 1
    if depth:
        raise whole.refuse(
            "there is an opening bracket without a closing one", "Write [...] around the fields of a list."
        )
    return [*found, text[start:]]


def _at_colon(text: str) -> tuple[str, bool, str]:
    """Part a field at the first colon that stands in no brackets."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == ":" and depth == 0:
            return text[:place].strip(), True, " ".join(text[place + 1 :].split())
    return text.strip(), False, ""
