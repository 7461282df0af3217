"""What a reference of a prompt stands for among the user's variables, and how its braces have it written."""

from __future__ import annotations

import builtins
from collections import defaultdict
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..text.cutting import ShownValue, cut
from ..text.variables import Attribute
from .values import describe
from .values.safe_access import attempt, has, is_a, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..text.variables import Braced, Item, Reference

_CONVERSIONS: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}
_MOST_DIGITS = 4
"""Digits of a width or precision in a format spec: more would only fill the memory."""
_MOST_PLACES = 10_000
"""Places of a decimal number that a format spec may write out."""
_LAST_OUTPUTS = {"_", "__", "___"}
_SHELL_NAMES = {"exit", "quit", "open", "get_ipython"}


class NoValueError(Exception):
    """A reference stands for nothing; the message says why."""


@dataclass(frozen=True)
class Value:
    """A value that has been found.

    Attributes:
        value: the value.
        formatted: its text, where the braces say how it is written; else None.

    """

    value: Any
    formatted: str | None = None

    def write(self, budget: int) -> ShownValue:
        """Write it in so many characters."""
        return describe(self.value, budget) if self.formatted is None else cut(self.formatted, budget)


def formatted(braced: Braced, value: Any) -> Value:
    """Write a value as its braces say.

    Raises:
        Exception: it cannot be written so.

    """
    if not braced.conversion and not braced.spec:
        return Value(value)
    text = _CONVERSIONS[braced.conversion](value) if braced.conversion else value
    if braced.spec:
        if not _may_format(text, braced.spec):
            raise NoValueError(f"it does not take the format {braced.spec!r}")
        text = format(text, braced.spec)
    return Value(value, str.__str__(text))


def _may_format(value: Any, spec: str) -> bool:
    """Tell whether a spec is one: a date would take any text for its own."""
    if has(type(value), "strftime") and "%" not in spec:
        return False
    if type_name(value) == "Decimal" and abs(attempt(lambda: int(value.adjusted()), 0)) > _MOST_PLACES:
        return False
    digits = longest = 0
    for char in spec:
        digits = digits + 1 if char.isdigit() else 0
        longest = max(longest, digits)
    return longest <= _MOST_DIGITS


def resolve(reference: Reference, namespace: Mapping[str, Any]) -> Any:
    """Follow a reference to its value.

    Raises:
        NoValueError: it has none.
        Exception: what an attribute or item raises.

    """
    try:
        value = variable(reference.name, namespace)
    except KeyError:
        raise NoValueError(f"{reference.name} is not one of your variables") from None
    for step in reference.steps:
        value = _take(value, step)
    if is_a(value, ModuleType) and not reference.steps:
        raise NoValueError(f"{reference.name} is a module")
    return value


def variable(name: str, namespace: Mapping[str, Any]) -> Any:
    """Return the user's variable of a name.

    Raises:
        KeyError: there is none: it is not there, or is what IPython has put there.

    """
    if name not in namespace or (_is_dunder(name) and name not in _LAST_OUTPUTS):
        raise KeyError(name)
    value = namespace[name]
    if name in _SHELL_NAMES and _is_of_the_shell(name, value):
        raise KeyError(name)
    if name in _LAST_OUTPUTS and is_a(value, str) and not value:
        raise KeyError(name)  # IPython's word for no output yet
    return value


def _take(value: Any, step: Attribute | Item) -> Any:
    if isinstance(step, Attribute):
        if _is_dunder(step.name):
            raise NoValueError("names that begin with two underscores are not read")
        return getattr(value, step.name)
    if is_a(value, defaultdict) and step.key not in value:
        raise KeyError(step.key)  # it would make the item
    return value[step.key]


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _is_of_the_shell(name: str, value: Any) -> bool:
    """Tell whether a variable is what IPython has put there: its own, or a builtin in its wrapping."""
    if hasattr(builtins, name) and attempt(lambda: value.__wrapped__, value) is getattr(builtins, name):
        return True
    modules = (attempt(lambda: value.__module__, ""), attempt(lambda: type(value).__module__, ""))
    return any(is_a(module, str) and module.startswith("IPython.") for module in modules)
