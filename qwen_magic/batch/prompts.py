"""The prompt of many rows: which names in its braces are columns, and what a row makes of it. No I/O."""

from __future__ import annotations

import ast
import difflib
import math
from dataclasses import dataclass, field
from itertools import repeat
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..messages import Message
from ..parts import File, Image, Text
from ..text.variables import Attribute, Expression, Item, Reference, split
from .cells import NoTextError, is_missing, picture_in, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..messages import Part
    from .rows import Rows

    Variable = Callable[[Reference], str | Sequence[Part] | None]
    """Gives what a variable of a prompt is."""

_CONVERSIONS: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}
_PLAIN = {str, int, bool}
"""Types whose values are written as Python writes them, and are never missing."""
ROW = "row"
"""The name by which a column of any name is reached: ``{row['my column']}``."""
_MOST_NAMED = 12
_NEAR = 0.6


class SkippedRowError(Exception):
    """A row that no prompt can be made of; the message says why."""


@dataclass(frozen=True)
class _Cell:
    """A place of the prompt that a row fills in."""

    column: int
    reference: Reference
    steps: tuple[Attribute | Item, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the value itself stands there."""
        return not (self.steps or self.reference.spec or self.reference.conversion)


@dataclass(frozen=True)
class Template:
    """A prompt whose names are known.

    Attributes:
        pieces: texts, pictures that are the same for each row, and places for the values of a row.
        columns: the names of the columns that it uses, each once, in their order.
        variables: the names of the variables that were filled in, each once.
        system: the system prompt, or "".
        change: changes what is sent, or None.

    """

    pieces: tuple[str | Part | _Cell, ...]
    columns: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    system: str = ""
    change: Callable[[str], str] | None = None
    _pictures: dict[tuple[int, str], Image] = field(default_factory=dict, compare=False, repr=False)
    """Those of the rows, each made once: its file may be another by the time at which it is sent."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it: which names are columns and which variables, or that there is no column."""
        said = [f"{', '.join(self.columns)}: from the rows"] if self.columns else []
        said += [f"{', '.join(self.variables)}: from the notebook, the same for each row"] if self.variables else []
        return tuple(said) or ("there is no column in the prompt: all rows ask the same, and it is asked once",)

    def parts(self, rows: Rows, row: int) -> str | list[Part | str]:
        """Make the prompt of one row: its text, or parts where a value is a picture or a file.

        Raises:
            SkippedRowError: nothing of it is there, or a value is no text.

        """
        found: list[Part | str] = []
        cells = missing = 0
        for piece in self.pieces:
            if not isinstance(piece, _Cell):
                found.append(piece)
                continue
            cells += 1
            value = rows.value(piece.column, row)
            if type(value) is str and piece.is_plain:
                found.append(value)
                continue
            if is_missing(value):
                missing += 1
                continue
            found.append(self._pictures.get((row, piece.reference.written)) or self._filled(piece, value, rows, row))
        if missing and missing == cells:
            names = list(dict.fromkeys(rows.names[piece.column] for piece in self.pieces if isinstance(piece, _Cell)))
            raise SkippedRowError(f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing")
        if all(isinstance(part, str) for part in found):
            text = "".join(found)  # type: ignore[arg-type] # just seen
            return text if self.change is None else self.change(text)
        if self.change is None:
            return found
        return [self.change(part) if isinstance(part, str) else part for part in found]

    def texts(self, rows: Rows, start: int, stop: int) -> list[str | None]:
        """Make the prompts of many rows at once, as `parts` would: a few calls for all of them, and not some for each.

        Args:
            rows: the rows.
            start: the first of them.
            stop: the first after them.

        Returns:
            The prompts; None for a row that `parts` has to make, as a value of it is other than text or a number.

        """
        if not self.pieces:
            return [None] * (stop - start)
        columns: list[Iterable[str | None]] = []
        odd = False
        for piece in self.pieces:
            if isinstance(piece, str):
                columns.append(repeat(piece, stop - start))
            elif isinstance(piece, _Cell) and piece.is_plain:
                values, some_are_odd = _plain(rows.values(piece.column, start, stop))
                odd = odd or some_are_odd
                columns.append(values)
            else:
                return [None] * (stop - start)
        if not odd:
            made = map("".join, zip(*columns, strict=True))
            return list(made if self.change is None else map(self.change, made))
        change = self.change or str
        return [None if None in pieces else change("".join(pieces)) for pieces in zip(*columns, strict=True)]

    def _filled(self, cell: _Cell, value: Any, rows: Rows, row: int) -> Part | str:
        filled = value if isinstance(value, (Image, File)) else _filled(cell, value, rows.names[cell.column])
        if isinstance(filled, Image):
            self._pictures[row, cell.reference.written] = filled
        return filled

    def messages(self, rows: Rows, row: int) -> tuple[Message, ...]:
        """Make the messages of one row.

        Raises:
            SkippedRowError: see `parts`.

        """
        user = Message("user", self.parts(rows, row))
        return (Message("system", self.system), user) if self.system.strip() else (user,)


def template(
    prompt: str,
    rows: Rows,
    variable: Variable = lambda _: None,
    *,
    system: str = "",
    change: Callable[[str], str] | None = None,
) -> Template:
    """Find out what the names in a prompt's braces are.

    Args:
        prompt: the prompt; ``{name}`` is a column, else a variable, and ``{row['any name']}`` a column in any case.
        rows: the rows.
        variable: gives the text of a variable, or parts where it is a picture, or None where there is none.
        system: the system prompt.
        change: changes what is sent, or None.

    Raises:
        UsageError: nothing is asked, a name is neither, or stands for several columns.

    """
    if not isinstance(prompt, str):
        hint = "Write a text in which {column} stands for a row's value."
        raise UsageError(f"the prompt is of type {type(prompt).__name__}", hint=hint)
    if not prompt.strip():
        raise UsageError("nothing was asked", hint="Write a prompt in which {column} stands for a row's value.")
    pieces: list[str | Part | _Cell] = []
    columns: dict[str, None] = {}
    variables: dict[str, None] = {}
    for piece in _split(prompt, rows):
        if isinstance(piece, str):
            pieces.append(piece)
        elif (cell := _cell(piece, rows)) is not None:
            pieces.append(cell)
            columns[rows.names[cell.column]] = None
        elif (said := variable(piece)) is not None:
            pieces += [said] if isinstance(said, str) else [it.text if isinstance(it, Text) else it for it in said]
            variables[piece.name] = None
        else:
            raise _unknown(piece, rows)
    return Template(_joined(pieces), tuple(columns), tuple(variables), change(system) if change else system, change)


def _plain(values: list[Any]) -> tuple[list[str | None], bool]:
    """Write the values that are plain, None for the others; tell whether there are others."""
    kinds = set(map(type, values))
    if kinds <= {str}:
        return values, False
    if kinds <= _PLAIN:
        return list(map(str, values)), False
    told = [
        str(value) if type(value) in _PLAIN or (type(value) is float and not math.isnan(value)) else None
        for value in values
    ]
    return told, None in told


def _joined(pieces: Sequence[str | Part | _Cell]) -> tuple[str | Part | _Cell, ...]:
    found: list[str | Part | _Cell] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        elif piece:
            found.append(piece)
    return tuple(found)


def _split(prompt: str, rows: Rows) -> list[str | Reference]:
    """Part a prompt into texts and references, whatever the columns are called.

    Raises:
        UsageError: a column is part of a computation.

    """
    calls: list[Expression] = []

    def leaves(braced: object) -> None:
        if isinstance(braced, Expression) and _is_call(braced, rows):
            calls.append(braced)

    pieces = split(prompt, lambda _: True, lambda one: _odd_name(one, rows) is not None, leaves)
    if calls:
        hint = "Make a column of it, and name that in the prompt."
        raise UsageError(f"{calls[0].written} would have to be computed for each row", hint=hint)
    return [_named(piece, rows) if isinstance(piece, Expression) else piece for piece in pieces]


def _odd_name(expression: Expression, rows: Rows) -> str | None:
    """Find the column whose name no variable can have, such as ``my column`` or ``class``, in braces.

    Digits alone are none: ``{3}`` may be of a pattern.
    """
    code = expression.code.strip()
    names = code, code.removeprefix(f"{ROW}.")
    return next((name for name in names if name in rows.names and not name.isdecimal()), None)


def _named(expression: Expression, rows: Rows) -> Reference:
    name = _odd_name(expression, rows) or ""
    return Reference(expression.written, ROW, (Item(name),), expression.conversion, expression.spec)


def _cell(reference: Reference, rows: Rows) -> _Cell | None:
    """Find the column that a reference names, whole or before its steps; None where it names none."""
    inner = reference.written[1:-1]
    if inner in rows.names:
        return _Cell(_only(inner, rows), Reference(reference.written, reference.name), ())
    if reference.name == ROW and reference.steps and isinstance(reference.steps[0], (Item, Attribute)):
        first, *rest = reference.steps
        name = first.name if isinstance(first, Attribute) else str(first.key)
        if name in rows.names:
            return _Cell(_only(name, rows), reference, tuple(rest))
        if ROW not in rows.names:
            raise _unknown(reference, rows, name)
    longest = next((name for name in _beginnings(reference) if name in rows.names), None)
    if longest is None:
        return None
    steps = reference.steps[longest.count(".") - reference.name.count(".") :]
    return _Cell(_only(longest, rows), reference, steps)


def _beginnings(reference: Reference) -> list[str]:
    """List the dotted names that a reference begins with, the longest first: a column may be called ``df.x``."""
    names = [reference.name]
    for step in reference.steps:
        if not isinstance(step, Attribute):
            break
        names.append(f"{names[-1]}.{step.name}")
    return names[::-1]


def _only(name: str, rows: Rows) -> int:
    places = rows.places(name)
    if len(places) > 1:
        hint = "Rename them, so that each column has a name of its own."
        raise UsageError(f"{len(places)} columns are called {name}", hint=hint)
    return places[0]


def _unknown(reference: Reference, rows: Rows, name: str = "") -> UsageError:
    wanted = name or reference.name
    listed = ", ".join(_braced(name) for name in rows.names[:_MOST_NAMED]) or "none"
    more = f" and {len(rows.names) - _MOST_NAMED} more" if len(rows.names) > _MOST_NAMED else ""
    close = difflib.get_close_matches(wanted, rows.names, n=1, cutoff=_NEAR)
    meant = f" Did you mean {_braced(close[0])}?" if close else ""
    what = f"{reference.written} in the prompt is neither a column nor a variable"
    return UsageError(what, hint=f"The columns: {listed}{more}.{meant} To keep braces as they are, double them.")


def _braced(name: str) -> str:
    return f"{{{name}}}" if name.isidentifier() and not iskeyword(name) else f"{{{ROW}[{name!r}]}}"


def _is_call(expression: Expression, rows: Rows) -> bool:
    """Tell whether braces hold a computation with a column, not JSON or a set of words, which stay text."""
    try:
        tree = ast.parse(expression.code.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if isinstance(tree, (ast.Dict, ast.Set, ast.Tuple, ast.List, ast.Constant)):
        return False
    return any(isinstance(node, ast.Name) and (node.id in rows.names or node.id == ROW) for node in ast.walk(tree))


def _filled(cell: _Cell, value: Any, name: str) -> str | Image:
    """Write a value as the braces say; what is a picture, and is not to be written, goes as one."""
    reference = cell.reference
    try:
        for step in cell.steps:
            value = _step(value, step)
        if reference.conversion:
            value = _CONVERSIONS[reference.conversion](value)
        elif not reference.spec and (picture := picture_in(value, name)):
            return picture
        return format(value, reference.spec) if reference.spec else told(value)
    except NoTextError as error:
        raise SkippedRowError(f"{name} {error}") from None
    except UsageError as error:
        raise SkippedRowError(error.what) from None
    except Exception as error:  # noqa: BLE001 - what a value of the user's raises
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise SkippedRowError(f"{reference.written} cannot be written ({said})") from None


def _step(value: Any, step: Attribute | Item) -> Any:
    if isinstance(step, Item):
        return value[step.key]
    if step.name.startswith("_"):
        raise NoTextError(f"has no {step.name}, or none that may be read")
    found = getattr(value, step.name)
    if callable(found):
        raise NoTextError(f"would have to call {step.name}")
    return found
