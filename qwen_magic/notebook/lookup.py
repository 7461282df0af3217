"""The variables of the notebook in a prompt: what a reference resolves to, and its value's text."""

from __future__ import annotations

import builtins
import warnings
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..text.cutting import ShownValue, cut
from ..text.variables import Attribute, Filled, Item, Reference, join, split
from .values import describe
from .values.safe_access import attempt, has, is_a, type_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_CONVERSIONS: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}
_MOST_DIGITS = 4
"""Digits of a width or precision in a format spec: more would only fill the memory."""
_LAST_OUTPUTS = {"_", "__", "___"}
_SHELL_NAMES = {"exit", "quit", "open", "get_ipython"}
_UNRESOLVED = object()


def fill_in(text: str, namespace: Mapping[str, Any], budget: int = 8000) -> Filled:
    """Fill in the references of a prompt that resolve among the user's variables.

    Names of builtins, of modules and of what IPython puts among the variables do not resolve, nor do names that begin
    and end with two underscores. No item or attribute is called, and what raises does not resolve.

    Args:
        text: the prompt.
        namespace: the user's variables.
        budget: the most characters of all values together; the long ones are cut to equal shares.

    Returns:
        The prompt, and what was filled in.

    Raises:
        KeyboardInterrupt: the user stopped it.

    """
    writers: dict[Reference, Callable[[int], ShownValue] | None] = {}

    def resolves(reference: Reference) -> bool:
        if reference not in writers:
            writers[reference] = attempt(lambda: _writer(reference, namespace), None)
        return writers[reference] is not None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pieces = split(text, resolves)
        counts = Counter(piece for piece in pieces if isinstance(piece, Reference))
        values = {reference: _write(writers[reference], budget) for reference in counts}
        share = _share((len(values[reference].text) for reference in counts.elements()), budget)
        for reference, value in values.items():
            if len(value.text) > share:
                values[reference] = _write(writers[reference], share)
    return join(pieces, values)


def _write(writer: Callable[[int], ShownValue] | None, budget: int) -> ShownValue:
    return writer(budget) if writer else ShownValue("")


def _share(sizes: Iterable[int], budget: int) -> int:
    """Return the size to which the larger ones are cut for all to fit: what small ones leave, large ones take."""
    ordered = sorted(sizes)
    for taken, size in enumerate(ordered):
        share = budget // (len(ordered) - taken)
        if size > share:
            return share
        budget -= size
    return max(ordered, default=0)


def _writer(reference: Reference, namespace: Mapping[str, Any]) -> Callable[[int], ShownValue] | None:
    """Return what writes the value of a reference within a budget; None if it has no value."""
    value = _resolve(reference, namespace)
    if value is _UNRESOLVED:
        return None
    if reference.conversion:
        value = _CONVERSIONS[reference.conversion](value)
    if reference.spec:
        if not _may_format(value, reference.spec):
            return None
        value = format(value, reference.spec)
    if reference.conversion or reference.spec:
        return partial(cut, str.__str__(value))
    return partial(_describe, value)


def _describe(value: Any, budget: int) -> ShownValue:
    """Describe a value; what is no text and has several lines is set off from the prompt's words."""
    described = describe(value, budget)
    is_text = is_a(value, str) or ("qwen_magic", "Reply") in type_names(value)
    return replace(described, is_block="\n" in described.text and not is_text)


def _may_format(value: object, spec: str) -> bool:
    """Tell whether a spec is one: a date would take any text for its own."""
    if has(type(value), "strftime") and "%" not in spec:
        return False
    digits = longest = 0
    for char in spec:
        digits = digits + 1 if char.isdigit() else 0
        longest = max(longest, digits)
    return longest <= _MOST_DIGITS


def _resolve(reference: Reference, namespace: Mapping[str, Any]) -> Any:
    name = reference.name
    if name not in namespace or (_is_dunder(name) and name not in _LAST_OUTPUTS):
        return _UNRESOLVED
    value = namespace[name]
    if name in _SHELL_NAMES and _is_of_the_shell(name, value):
        return _UNRESOLVED
    if name in _LAST_OUTPUTS and is_a(value, str) and not value:
        return _UNRESOLVED  # IPython's word for no output yet
    for step in reference.steps:
        value = _take(value, step)
        if value is _UNRESOLVED:
            return _UNRESOLVED
    return _UNRESOLVED if is_a(value, ModuleType) and not reference.steps else value


def _take(value: Any, step: Attribute | Item) -> Any:
    if isinstance(step, Attribute):
        return _UNRESOLVED if _is_dunder(step.name) else getattr(value, step.name)
    if is_a(value, defaultdict) and step.key not in value:
        return _UNRESOLVED  # it would make the item
    return value[step.key]


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _is_of_the_shell(name: str, value: Any) -> bool:
    """Tell whether a variable is what IPython has put there: its own, or a builtin in its wrapping."""
    if hasattr(builtins, name) and attempt(lambda: value.__wrapped__, value) is getattr(builtins, name):
        return True
    modules = (attempt(lambda: value.__module__, ""), attempt(lambda: type(value).__module__, ""))
    return any(is_a(module, str) and module.startswith("IPython.") for module in modules)
