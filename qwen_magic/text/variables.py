r"""References to variables in a prompt, such as `{name}`, and their values in their places.

Prompts are full of braces that mean something else, so only what resolves is a reference; JSON, LaTeX, code and lone
braces stay to the letter. Two places are left alone even where a name in them resolves: the arguments of LaTeX
commands and scripts (`\frac{a}{b}`, `x_{i}`), and f-strings in code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING
from unicodedata import normalize

from .cutting import ShownValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LETTER = r"(?:[A-Za-z_]|[^\x00-\x7f])"  # what of these is no letter, str.isidentifier finds
_NAME = rf"{_LETTER}(?:[A-Za-z0-9_]|[^\x00-\x7f])*"
_INDEX = r"-?(?:0|[1-9][0-9]{0,17})"
_STEP = (
    rf"\.(?P<attribute>{_NAME})"
    rf"""|\[(?:(?P<index>{_INDEX})|"(?P<key>[^"\\\n]*)"|'(?P<key2>[^'\\\n]*)')\]"""
)
_PLAIN_STEPS = re.sub(r"\?P<\w+>", "?:", _STEP)
# A blank begins a format spec only as the character to fill with: `{a: b}` is a dict.
_SPEC = r":(?![\s](?![<>^=]))(?P<spec>[^{}\n]+)"
_REFERENCE = re.compile(
    rf"\{{(?P<name>{_NAME})(?P<steps>(?:{_PLAIN_STEPS})*)(?:!(?P<conversion>[rsa]))?(?:{_SPEC})?\}}"
)
_STEPS = re.compile(_STEP)

_TOKEN = re.compile(
    r"""(?P<lines>\n(?:[ \t]*\n)*)
    | (?P<command>\\{1,2}[A-Za-z@]+\*?(?:\[[^\[\]{}\n]*\])*)
    | (?P<escape>\\[^{}\n])
    | (?P<dollars>\$+)
    | (?<![\w'"])(?:[fFtT][rR]?|[rR][fFtT])(?P<quote>'{3}|"{3}|'|")
    | (?P<script>[\^_])(?=\{)
    | (?P<open>\{+)
    | (?P<close>\})(?P<options>(?:\[[^\[\]{}\n]*\])*)""",
    re.VERBOSE,
)
# An f-string's rest of line: its braces may hold its own quote (Python 3.12).
_REST = {
    quote: re.compile(rf"(?:\\.|\{{[^{{}}\n]*\}}|\{{(?![^{{}}\n]*\}})|[^{quote}\\\n{{])*{quote}") for quote in "\"'"
}
_MATH_ENDS = {r"\(": r"\)", r"\[": r"\]"}
_CLOSING = "}])'|"


@dataclass(frozen=True)
class Attribute:
    """A step to an attribute."""

    name: str


@dataclass(frozen=True)
class Item:
    """A step to an item, by index or key."""

    key: int | str


@dataclass(frozen=True)
class Reference:
    """What braces in a prompt refer to, if it resolves.

    Attributes:
        written: the reference as it was written, with its braces.
        name: the variable's name, as Python reads it.
        steps: from the variable to the value.
        conversion: "r", "s", "a", or "".
        spec: the format spec, or "".

    """

    written: str
    name: str
    steps: tuple[Attribute | Item, ...] = ()
    conversion: str = ""
    spec: str = ""


@dataclass(frozen=True)
class Filled:
    """A prompt with its variables filled in.

    Attributes:
        text: the prompt.
        names: the references that were filled in, as written, each once.
        cut: those of them whose value was cut to its budget.

    """

    text: str
    names: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


def split(text: str, resolves: Callable[[Reference], bool]) -> list[str | Reference]:
    """Part a prompt into what stays as it is and the references that resolve.

    Args:
        text: the prompt.
        resolves: whether a reference has a value.

    Returns:
        The pieces, in order. `{{` in front of what would resolve is one brace in them and keeps the reference from
        being filled in, and `}}` after it is one brace too; anywhere else they stay two.

    """
    return _Scanner(text, resolves).run()


def join(pieces: Sequence[str | Reference], values: Mapping[Reference, ShownValue]) -> Filled:
    """Put a prompt together again, with its values.

    Args:
        pieces: what `split` gave.
        values: a value for each reference among them.

    Returns:
        The prompt, and what was filled in; a block stands on lines of its own.

    """
    written: list[str] = []
    after_block, ended = False, True
    for piece in pieces:
        value = ShownValue(piece) if isinstance(piece, str) else values[piece]
        if not value.text:
            continue
        if (value.is_block or after_block) and not ended and not value.text.startswith("\n"):
            written.append("\n")
        written.append(value.text)
        after_block, ended = value.is_block, value.text.endswith("\n")
    references = dict.fromkeys(piece for piece in pieces if isinstance(piece, Reference))
    names = tuple(reference.written for reference in references)
    return Filled(
        "".join(written), names, tuple(reference.written for reference in references if values[reference].cut)
    )


class _Scanner:
    """One pass over a prompt, which keeps in mind whether it is in LaTeX."""

    def __init__(self, text: str, resolves: Callable[[Reference], bool]) -> None:
        self._text = text
        self._resolves = resolves
        self._pieces: list[str | Reference] = []
        self._done = 0  # up to where the text is in the pieces
        self._groups: list[bool] = []  # of each open brace: whether it is within an argument of LaTeX
        self._argument_at = -1  # where a brace would open an argument of LaTeX
        self._math = ""  # what ends the math that is open
        self._unclosed: set[str] = set()  # quotes that nothing closes: on this line, of three in the text

    def run(self) -> list[str | Reference]:
        """Return the pieces."""
        pos = 0
        while token := _TOKEN.search(self._text, pos):
            pos = self._take(token)
        self._keep(len(self._text))
        return self._pieces

    def _take(self, token: re.Match[str]) -> int:
        """Take a token, and return where to go on."""
        if token["open"]:
            return self._take_braces(token.start(), token.end())
        if token["quote"]:
            return self._end_of_string(token["quote"], token.end())
        if token["lines"]:
            self._take_lines(blank=token["lines"].count("\n") > 1)
        elif token["close"]:
            if self._groups and self._groups.pop():
                self._argument_at = token.end()
        elif token["command"]:
            self._argument_at = token.end()
        elif token["script"]:
            if token["script"] == "^" or self._is_subscript(token.start()):
                self._argument_at = token.end()
        else:
            self._take_math(token.group())
        return token.end()

    def _take_lines(self, *, blank: bool) -> None:
        self._unclosed -= {"'", '"'}
        if blank:  # no argument and no formula of LaTeX goes on past a blank line
            self._groups.clear()
        if blank or self._math == "$":
            self._math = ""

    def _take_math(self, mark: str) -> None:
        if self._math:
            self._math = "" if mark == self._math else self._math
        elif mark in {"$", "$$"}:
            self._math = mark
        else:
            self._math = _MATH_ENDS.get(mark, "")

    def _is_subscript(self, start: int) -> bool:
        r"""Tell `x_{i}`, `\sum_{i}` and `$loss_{i}$` from `file_{name}` and `_{name}_`."""
        before = self._text[max(0, start - 2) : start]
        if not before or before[-1].isspace():
            return False
        if before[-1] in _CLOSING or self._argument_at == start or self._math:
            return True
        return before[-1].isalnum() and not (before[0] == "_" or before[:-1].isalnum())

    def _take_braces(self, start: int, end: int) -> int:
        """Take a run of opening braces, and the reference after them, if one is there."""
        in_argument = self._argument_at == start or bool(self._groups and self._groups[-1])
        match = None if in_argument else _REFERENCE.match(self._text, end - 1)
        reference = match and _to_reference(match)
        if match is None or reference is None or not self._resolves(reference):
            self._groups += [in_argument] * (end - start)
            return end
        doubled, is_filled = divmod(end - start, 2)
        self._keep(start)
        self._pieces.append("{" * doubled)
        self._pieces.append(reference if is_filled else match.group()[1:-1])
        pos = match.end() if is_filled else match.end() - 1
        closing = _count_closing(self._text, pos, 2 * doubled)
        self._pieces.append("}" * ((closing + 1) // 2))
        self._done = pos + closing
        return self._done

    def _keep(self, end: int) -> None:
        self._pieces.append(self._text[self._done : end])

    def _end_of_string(self, quote: str, start: int) -> int:
        """Return where an f-string ends; where it began, if nothing closes it."""
        if quote in self._unclosed:
            return start
        if len(quote) > 1:
            end = self._text.find(quote, start) + len(quote)
            closed = end >= start + len(quote)
        else:
            rest = _REST[quote].match(self._text, start)
            end, closed = (rest.end(), True) if rest else (start, False)
        if closed:
            return end
        self._unclosed.add(quote)
        return start


def _count_closing(text: str, pos: int, most: int) -> int:
    count = 0
    while count < most and text.startswith("}", pos + count):
        count += 1
    return count


def _to_reference(match: re.Match[str]) -> Reference | None:
    names = [match["name"]]
    steps: list[Attribute | Item] = []
    for step in _STEPS.finditer(match["steps"]):
        if step["attribute"]:
            names.append(step["attribute"])
            steps.append(Attribute(normalize("NFKC", step["attribute"])))
        elif step["index"]:
            steps.append(Item(int(step["index"])))
        else:
            steps.append(Item(step["key"] if step["key"] is not None else step["key2"]))
    if any(iskeyword(name) or not name.isidentifier() for name in names):
        return None
    name = normalize("NFKC", match["name"])
    return Reference(match.group(), name, tuple(steps), match["conversion"] or "", match["spec"] or "")
