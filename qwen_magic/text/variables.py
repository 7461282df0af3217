r"""References to variables in a prompt, such as `{name}` and `{len(name)}`, and their values in their places.

Prompts are full of braces that mean something else, so only what resolves is a reference; JSON, LaTeX, code and lone
braces stay to the letter. Three places are left alone even where a name in them resolves: the arguments of LaTeX
commands and scripts (`\frac{a}{b}`, `x_{i}`), f-strings in code, and what a shell or a template would fill in (`${a}`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .cutting import ShownValue

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
_NO_SPEC = re.compile(r"\s(?![<>^=])|=|\Z")
_REFERENCE = re.compile(
    rf"\{{(?P<name>{_NAME})(?P<steps>(?:{_PLAIN_STEPS})*)(?:!(?P<conversion>[rsa]))?(?:{_SPEC})?\}}"
)
_STEPS = re.compile(_STEP)
_EXPRESSION = re.compile(r"\{(?P<inner>[^\s{}](?:[^{}\n]{0,300}[^\s{}])?)\}")
"""What may be an expression. With blanks at its ends it is code."""
_MARK = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*')|(?P<open>[(\[])|(?P<close>[)\]])|!(?P<conversion>[rsa])(?=:|\Z)|(?P<colon>:)"""
)

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
class Expression:
    """What braces in a prompt hold that is no plain reference, but may be an expression of Python.

    Attributes:
        written: the expression as it was written, with its braces.
        code: the expression.
        conversion: "r", "s", "a", or "".
        spec: the format spec, or "".

    """

    written: str
    code: str
    conversion: str = ""
    spec: str = ""


Braced = Reference | Expression
"""What braces may stand for."""


@dataclass(frozen=True)
class Filled:
    """A prompt with its variables filled in.

    Attributes:
        text: the prompt.
        names: what was filled in, as written, each once.
        cut: those of them whose value was cut to its budget.

    """

    text: str
    names: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


def split(
    text: str,
    resolves: Callable[[Reference], bool],
    evaluates: Callable[[Expression], bool] = lambda _: False,
    leaves: Callable[[Braced], None] = lambda _: None,
) -> list[str | Braced]:
    """Part a prompt into what stays as it is and what has a value.

    Args:
        text: the prompt.
        resolves: whether a reference has a value.
        evaluates: whether an expression is one that is to be evaluated.
        leaves: called with what neither resolves nor is evaluated, and stays.

    Returns:
        The pieces, in order. `{{` in front of what would resolve is one brace in them and keeps the reference from
        being filled in, and `}}` after it is one brace too; anywhere else they stay two.

    """
    return _Scanner(text, resolves, evaluates, leaves).run()


def join(pieces: Sequence[str | Braced], values: Mapping[Any, ShownValue]) -> Filled:
    """Put a prompt together again, with its values.

    Args:
        pieces: what `split` gave.
        values: a value for each reference and expression among them.

    Returns:
        The prompt, and what was filled in.

    """
    text = "".join(piece if isinstance(piece, str) else values[piece].text for piece in pieces)
    braced = dict.fromkeys(piece for piece in pieces if not isinstance(piece, str))
    return Filled(text, tuple(one.written for one in braced), tuple(one.written for one in braced if values[one].cut))


class _Scanner:
    """One pass over a prompt, which keeps in mind whether it is in LaTeX."""

    def __init__(
        self,
        text: str,
        resolves: Callable[[Reference], bool],
        evaluates: Callable[[Expression], bool],
        leaves: Callable[[Braced], None],
    ) -> None:
        self._text = text
        self._resolves = resolves
        self._evaluates = evaluates
        self._leaves = leaves
        self._pieces: list[str | Braced] = []
        self._done = 0  # up to where the text is in the pieces
        self._groups: list[bool] = []  # of each open brace: whether it is within an argument of LaTeX
        self._argument_at = -1  # where a brace would open an argument of LaTeX
        self._math = ""  # what ends the math that is open
        self._unclosed: set[str] = set()  # quotes that nothing closes: on this line, of three in the text

    def run(self) -> list[str | Braced]:
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
        found = None if in_argument else _braced(self._text, end - 1)
        doubled, is_filled = divmod(end - start, 2)
        of_a_shell = self._text.startswith("$", start - 1) if start else False
        if found is None or of_a_shell or not self._has_value(found):
            if found is not None and is_filled and not of_a_shell:
                self._leaves(found)
            self._groups += [in_argument] * (end - start)
            return end
        self._keep(start)
        self._pieces.append("{" * doubled)
        self._pieces.append(found if is_filled else found.written[1:-1])
        pos = end - 1 + len(found.written) - (not is_filled)
        closing = _count_closing(self._text, pos, 2 * doubled)
        self._pieces.append("}" * ((closing + 1) // 2))
        self._done = pos + closing
        return self._done

    def _has_value(self, found: Braced) -> bool:
        return self._resolves(found) if isinstance(found, Reference) else self._evaluates(found)

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


def _braced(text: str, start: int) -> Braced | None:
    """Read what stands in braces: a reference, or else what may be an expression."""
    if (match := _REFERENCE.match(text, start)) and (reference := _to_reference(match)):
        return reference
    match = _EXPRESSION.match(text, start)  # a column may be called `class`
    return match and _to_expression(match)


def _to_expression(match: re.Match[str]) -> Expression | None:
    """Part an expression from its conversion and format spec, as an f-string does."""
    inner, depth = match["inner"], 0
    for mark in _MARK.finditer(inner):
        if mark["open"] or mark["close"]:
            depth += 1 if mark["open"] else -1
        elif mark["conversion"] and not depth:
            return Expression(match.group(), inner[: mark.start()], mark["conversion"], inner[mark.end() + 1 :])
        elif mark["colon"] and not depth:
            spec = inner[mark.end() :]
            return None if _NO_SPEC.match(spec) else Expression(match.group(), inner[: mark.start()], "", spec)
    return Expression(match.group(), inner)


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
