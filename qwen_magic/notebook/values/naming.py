"""Which values a prompt only names, and how they are told below it."""

from __future__ import annotations

import types
from typing import Any

from ...chat.workspace import Described
from ...text.counts import counted
from .nested import has_default_repr, is_nested
from .safe_access import has, is_a, type_name, type_names
from .tabular import headline

_LONG_TEXT = 500
"""Characters up to which a text stands where it is filled in."""
_SHORT = 100
"""Characters up to which any value does that has no name of its own."""
_LINE = 200
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


def is_only_named(value: object, text: str, *, named: bool, alone: bool) -> bool:
    """Tell whether a prompt only names a value, which is described below it.

    Args:
        value: the value.
        text: its description.
        named: whether it has a name that the user's code can use, and is no part of something or outcome.
        alone: whether it stands on lines of its own.

    """
    if is_a(value, str) or _is_reply(value):
        return not alone and len(_text_of(value)) > _LONG_TEXT
    if headline(value) or _is_code(value) or _is_picture(value):
        return True
    if "\n" in text or len(text) > (_LINE if named else _SHORT):
        return True
    return named and not _speaks(value) and (is_nested(value) or has_default_repr(value))


def describe_named(name: str, value: Any, text: str) -> Described:
    """Describe a value under its name.

    Args:
        name: its name, or the expression that it is the value of.
        value: the value.
        text: its description.

    """
    if headline(value) or ("matplotlib", "Figure") in type_names(value) or ("PIL", "Image") in type_names(value):
        return Described(name, f"{name} is {_article(text)} {text}")
    gap = "\n" if "\n" in text or _is_code(value) else " "
    return Described(name, f"{name} is {_kind(value)}:{gap}{text}")


def _kind(value: Any) -> str:
    if is_a(value, str):
        return f"a text of {counted(str.__len__(value), 'character')}"
    if _is_reply(value):
        return "an earlier answer"
    if _is_code(value):
        return "a class" if is_a(value, type) else "a function"
    name = type_name(value)
    for kind in (list, tuple, dict, set, frozenset):
        if type(value) is kind:
            size = len(value)
            return f"{_article(name)} {name} of {size:,} {'item' if size == 1 else 'items'}"
    return f"a value of type {name}"


def _article(text: str) -> str:
    return "an" if text[:1].lower() in "aeiou" else "a"


def _speaks(value: object) -> bool:
    """Tell whether an object says itself what it is."""
    return has(value, "__llm__") or has(value, "_repr_markdown_")


def _is_reply(value: object) -> bool:
    return ("qwen_magic", "Reply") in type_names(value)


def _text_of(value: Any) -> str:
    return str.__str__(value) if is_a(value, str) else str(value.text)


def _is_code(value: object) -> bool:
    return is_a(value, type, *_FUNCTIONS)


def _is_picture(value: object) -> bool:
    names = type_names(value)
    return any(name in names for name in (("matplotlib", "Figure"), ("matplotlib", "_AxesBase"), ("PIL", "Image")))
