"""The variables of the notebook in a prompt: what a reference or an expression stands for, and its value's text."""

from __future__ import annotations

import builtins
import difflib
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..text.cutting import ShownValue
from ..text.variables import Expression, Reference, join, split
from .pictures import pictures_among
from .references import NoValueError, Value, formatted, resolve, variable
from .values.naming import describe_named, is_only_named
from .values.safe_access import attempt, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..chat.workspace import Described, Pictured
    from ..text.variables import Braced
    from .expressions.written import Written

SECONDS = 10.0
"""How long the evaluation of one expression may take."""
_NEAR = 0.7
_MOST_REASONS = 5
_MOST_LISTED = 5
_REASON = 120
"""Characters of what an error says."""


_OF_A_SHELL = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Left:
    """What looks like a variable or an expression, and stays text.

    Attributes:
        written: as it was written.
        reason: why, in a few words.

    """

    written: str
    reason: str


@dataclass(frozen=True)
class FilledIn:
    """A prompt that is filled in.

    Attributes:
        text: the prompt; where a value is only named, its name stands there.
        names: what was filled in, as written, each once.
        cut: those of them whose value was cut to its budget.
        described: the values that the prompt only names.
        evaluated: the expressions that were evaluated, as written.
        left: what looks like a variable or an expression, and stayed text.
        pictures: the pictures, each in the place of its mark.
        pictured: what is to be said of them.

    """

    text: str
    names: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    described: tuple[Described, ...] = ()
    evaluated: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    pictures: tuple[Pictured, ...] = ()
    pictured: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it below the answer."""
        notes = [*self.pictured, *([f"cut to fit: {_listed(self.cut)}"] if self.cut else [])]
        notes += [f"evaluated {_listed(self.evaluated)}"] if self.evaluated else []
        reasons: dict[str, list[str]] = {}
        for one in self.left:
            reasons.setdefault(one.reason, []).append(one.written)
        for reason, written in islice(reasons.items(), _MOST_REASONS):
            notes.append(f"{_listed(written)} {'was' if len(written) == 1 else 'were'} sent as written: {reason}")
        if len(reasons) > _MOST_REASONS:
            notes.append(f"{len(reasons) - _MOST_REASONS} more were sent as they were written")
        return tuple(notes)


def fill_in(
    text: str, namespace: Mapping[str, Any], budget: int = 8000, *, evaluate: bool = False, seconds: float = SECONDS
) -> FilledIn:
    """Fill in the references of a prompt that resolve among the user's variables, and the expressions that only read.

    Names of builtins, of modules and of what IPython puts among the variables do not resolve, nor do names that begin
    and end with two underscores. No item or attribute of a reference is called, and what raises does not resolve.
    Of expressions, all names must be the user's; those that only read are evaluated, each once. What is no text and has
    parts, or is long, is only named, and described below the prompt.

    Args:
        text: the prompt.
        namespace: the user's variables.
        budget: the most characters of all values together; the long ones are cut to equal shares.
        evaluate: whether any expression is evaluated, whatever it runs.
        seconds: how long the evaluation of one may take.

    Returns:
        The prompt, and what was filled in.

    Raises:
        UsageError: an expression raises, or takes too long.
        KeyboardInterrupt: the user stopped it.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Filling(text, namespace, budget, evaluate=evaluate, seconds=seconds).run()


class _Filling:
    """One prompt that is being filled in."""

    def __init__(self, text: str, namespace: Mapping[str, Any], budget: int, *, evaluate: bool, seconds: float) -> None:
        self._text = text
        self._names = namespace
        self._budget = budget
        self._evaluate = evaluate
        self._seconds = seconds
        self._found: dict[Braced, Value] = {}
        self._reasons: dict[Braced, str] = {}
        self._read: dict[Expression, Written | None] = {}
        self._left: dict[Braced, None] = {}

    def run(self) -> FilledIn:
        pieces = split(self._text, self._resolves, self._is_expression, self._leave)
        expressions = list(dict.fromkeys(piece for piece in pieces if isinstance(piece, Expression)))
        for expression in expressions:
            self._value_of(expression)
        pieces = [piece if isinstance(piece, str) or piece in self._found else piece.written for piece in pieces]
        pictures, said = pictures_among({one: self._found[one] for one in pieces if not isinstance(one, str)}, _name)
        worded = [piece for piece in pieces if piece not in pictures]
        written = {piece: self._found[piece].write(self._budget) for piece in worded if not isinstance(piece, str)}
        named = self._only_named(pieces, written)
        values = self._shared(worded, named, written)
        in_place = {one: ShownValue(_name(one), shown.cut) if one in named else shown for one, shown in values.items()}
        in_place |= {one: ShownValue(picture.mark) for one, picture in pictures.items()}
        filled = join(pieces, in_place)
        return FilledIn(
            filled.text,
            filled.names,
            filled.cut,
            described=tuple(describe_named(_name(one), self._found[one].value, values[one].text) for one in named),
            evaluated=tuple(one.written for one in expressions if one in self._found),
            left=(
                *(Left(one.written, self._reasons[one]) for one in self._left if self._reasons.get(one)),
                *(Left(written, "after a $ it belongs to a shell") for written in self._of_a_shell()),
            ),
            pictures=tuple(pictures.values()),
            pictured=said,
        )

    def _of_a_shell(self) -> list[str]:
        """Find the names of the user's that stay text because of the dollar before them."""
        found = dict.fromkeys(match.group() for match in _OF_A_SHELL.finditer(self._text) if self._is_own(match[1]))
        return list(found)

    def _resolves(self, reference: Reference) -> bool:
        if reference not in self._found and reference not in self._reasons:
            try:
                self._found[reference] = self._referred(reference)
            except NoValueError as error:
                self._reasons[reference] = str(error)
            except (KeyboardInterrupt, UsageError):
                raise
            except BaseException as error:  # noqa: BLE001 - whatever a property of the user's raises
                self._reasons[reference] = _said(error)
        return reference in self._found

    def _referred(self, reference: Reference) -> Value:
        """Follow a reference to its value; a property is the user's code, and may take its time.

        Raises:
            UsageError: it takes too long.

        """
        if not reference.steps:
            return formatted(reference, resolve(reference, self._names))
        from .expressions.timing import TooLongError, in_this_thread  # noqa: PLC0415 - loaded where it is needed

        try:
            return in_this_thread(lambda: formatted(reference, resolve(reference, self._names)), self._seconds)
        except TooLongError:
            raise self._too_long(reference) from None

    def _too_long(self, braced: Braced) -> UsageError:
        return _refused(braced, f"it took more than {self._seconds:g} s")

    def _is_expression(self, expression: Expression) -> bool:
        """Tell whether something is an expression of which all names are there, one of them the user's."""
        read = self._reading(expression)
        if read is None:
            return False
        own = [name for name in read.names if self._is_own(name)]
        return len(own) + sum(map(_is_builtin, set(read.names) - set(own))) == len(read.names) and (
            bool(own) or (self._evaluate and bool(read.names))
        )

    def _reading(self, expression: Expression) -> Written | None:
        if expression not in self._read:
            from .expressions.written import read  # noqa: PLC0415 - loaded where there is an expression

            self._read[expression] = read(expression.code)
        return self._read[expression]

    def _is_own(self, name: str) -> bool:
        return attempt(lambda: bool((variable(name, self._names),)), default=False)

    def _leave(self, braced: Braced) -> None:
        """Note why something stays text, where it looks like what is filled in."""
        if isinstance(braced, Reference):
            self._leave_reference(braced)
        elif read := self._reading(braced):
            self._leave_expression(braced, read)

    def _leave_reference(self, reference: Reference) -> None:
        if not self._is_own(reference.name) and reference.name not in self._names:
            near = self._near(reference.name)
            # With a format spec it may be a rule of CSS.
            self._reasons[reference] = "" if reference.spec and not near else f"there is no {reference.name}{near}"
        self._left[reference] = None

    def _leave_expression(self, expression: Expression, read: Written) -> None:
        own = [name for name in read.names if self._is_own(name)]
        unknown = [name for name in read.names if name not in own and not _is_builtin(name)]
        near = [f"there is no {name}{self._near(name)}" for name in unknown if own or self._near(name)]
        if near:
            self._reasons[expression] = near[0]
        elif not unknown and read.names and (read.calls or read.is_request):
            self._reasons[expression] = _on_request("it may do more than read")
        else:
            return
        self._left[expression] = None

    def _near(self, name: str) -> str:
        names = [one for one in self._names if isinstance(one, str) and not one.startswith("_")]
        names += [one for one in dir(builtins) if one.islower()]
        close = difflib.get_close_matches(name, names, n=1, cutoff=_NEAR)
        return f", did you mean {close[0]}?" if close else ""

    def _value_of(self, expression: Expression) -> None:
        """Evaluate an expression, or note why it stays text.

        Raises:
            UsageError: it raises, or takes too long.

        """
        from .expressions.refusal import CalledError, RefusedError  # noqa: PLC0415 - loaded where there is one
        from .expressions.timing import TooLongError  # noqa: PLC0415

        try:
            self._found[expression] = self._evaluated(expression)
        except RefusedError as error:
            self._reasons[expression] = _on_request(str(error)) if isinstance(error, CalledError) else str(error)
            self._left[expression] = None
        except TooLongError:
            raise self._too_long(expression) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it raises
            raise _refused(expression, _said(error)) from None

    def _evaluated(self, expression: Expression) -> Value:
        from .expressions.timing import in_this_thread, in_thread  # noqa: PLC0415 - loaded where there is one

        read = self._reading(expression)
        assert read is not None  # noqa: S101 - it was read to come so far
        if self._evaluate:
            code = compile(expression.code, "<prompt>", "eval", dont_inherit=True)
            return in_this_thread(
                lambda: formatted(expression, eval(code, dict(self._names))),  # noqa: S307 - what --eval is for
                self._seconds,
            )
        from .expressions.evaluator import Evaluator, checked  # noqa: PLC0415

        def evaluated() -> Value:
            found = Evaluator(partial(variable, namespace=self._names)).value(read.tree)
            if expression.conversion or expression.spec:
                checked(found)
            return formatted(expression, found)

        return in_thread(evaluated, self._seconds)

    def _only_named(self, pieces: Sequence[str | Braced], written: Mapping[Braced, ShownValue]) -> list[Braced]:
        """Return what the prompt only names."""
        return [
            one
            for one, alone in _alone(pieces).items()
            if one in written
            and self._found[one].formatted is None
            and is_only_named(self._found[one].value, written[one].text, named=_is_name(one), alone=alone)
        ]

    def _shared(
        self, pieces: Sequence[str | Braced], named: Sequence[Braced], written: Mapping[Braced, ShownValue]
    ) -> dict[Braced, ShownValue]:
        """Write the values again that are longer than their share of the budget; one that is only named costs once."""
        counts = Counter(piece for piece in pieces if not isinstance(piece, str))
        counts.update({one: 1 - counts[one] for one in named})
        share = _share((len(written[one].text) for one in counts.elements()), self._budget)
        return {
            one: self._found[one].write(share) if len(shown.text) > share else shown for one, shown in written.items()
        }


def _listed(written: Sequence[str]) -> str:
    more = len(written) - _MOST_LISTED
    return ", ".join(written[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _alone(pieces: Sequence[str | Braced]) -> dict[Braced, bool]:
    """Tell of each value whether, wherever it stands, nothing else stands on its line."""
    found: dict[Braced, bool] = {}
    line: list[Braced] = []
    words = False
    for piece in (*pieces, "\n"):
        if not isinstance(piece, str):
            line.append(piece)
            continue
        *ended, rest = piece.split("\n")
        for text in ended:
            alone = len(line) == 1 and not words and not text.strip()
            found |= {one: alone and found.get(one, True) for one in line}
            line, words = [], False
        words = words or bool(rest.strip())
    return found


def _name(braced: Braced) -> str:
    """Return what a value is called in a sentence."""
    return braced.code if isinstance(braced, Expression) else braced.written[1:-1]


def _is_name(braced: Braced) -> bool:
    return isinstance(braced, Reference) and not braced.steps


def _share(sizes: Iterable[int], budget: int) -> int:
    """Return the size to which the larger ones are cut for all to fit: what small ones leave, large ones take."""
    ordered = sorted(sizes)
    for taken, size in enumerate(ordered):
        share = budget // (len(ordered) - taken)
        if size > share:
            return share
        budget -= size
    return max(ordered, default=0)


def _is_builtin(name: str) -> bool:
    return hasattr(builtins, name) and not name.startswith("_")


def _on_request(reason: str) -> str:
    return f"{reason}; %%qwen --eval runs it"


def _said(error: BaseException) -> str:
    """Tell what was raised, on one short line."""
    text = " ".join((attempt(lambda: str(error), "") or "").split())
    line = f"{type_name(error)}: {text}" if text else type_name(error)
    return line if len(line) <= _REASON else f"{line[: _REASON - 1]}…"


def _refused(braced: Braced, reason: str) -> UsageError:
    hint = "Nothing was sent. Correct it, or send it as it is written with --raw."
    return UsageError(f"{braced.written} in the prompt: {reason}", hint=hint)
