"""A value of the notebook described for a model to read; nothing is changed, no repr of the user's trusted."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import traceback
import types
import uuid
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from ...text.cutting import ShownValue, cut
from .nested import atom, has_default_repr, is_nested, write_nested
from .safe_access import attempt, has, is_a, text_of, type_name, type_names
from .sources import source_of
from .tabular import describe_table

_BYTES = 200
_SAID = (
    dt.date,
    dt.time,
    dt.timedelta,
    dt.tzinfo,
    PurePath,
    Decimal,
    Fraction,
    uuid.UUID,
    enum.Enum,
)
"""What is said best by its str."""
_FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    type(functools.lru_cache(len)),
    type,
)


def describe(value: object, budget: int = 4000) -> ShownValue:
    """Describe a value.

    A text is itself, code its source, a table its shape, types and first rows, a container as much of its items as
    fits, and what has `__llm__` or `_repr_markdown_` what that says. Nothing is iterated that would be used up by it,
    and whatever an object raises, something comes out.

    Args:
        value: any value.
        budget: the most characters of the description.

    Returns:
        The description, and whether something was left out.

    Raises:
        KeyboardInterrupt: the user stopped it.

    """
    budget = max(0, budget)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = attempt(lambda: _describe(value, budget), None)
    return done or cut(f"<{type_name(value)} object>", budget)


def _describe(value: object, budget: int) -> ShownValue:
    text = _own_words(value, "__llm__")
    if text is None and is_a(value, str):
        text = str.__str__(value)
    if text is None and (table := describe_table(value, budget)):
        return table
    for describer in (_describe_code, _describe_picture, _describe_plain, _describe_markdown):
        text = describer(value) if text is None else text
    if text is None and (is_nested(value) or has_default_repr(value)):
        return write_nested(value, budget)
    return cut(atom(value) if text is None else text, budget)


def _describe_markdown(value: object) -> str | None:
    return _own_words(value, "_repr_markdown_")


def _own_words(value: object, name: str) -> str | None:
    """Return what an object says of itself, if it really has that attribute; a class says nothing of itself."""
    if is_a(value, type) or not has(value, name):
        return None
    said = attempt(lambda: getattr(value, name), None)
    return text_of(said if callable(said) else lambda: said)


def _describe_code(value: Any) -> str | None:
    if is_a(value, types.ModuleType):
        return _describe_module(value)
    return source_of(value) if is_a(value, *_FUNCTIONS) else None


def _describe_module(module: Any) -> str:
    own = vars(module)
    version = own.get("__version__")
    doc = inspect.cleandoc(own["__doc__"]).splitlines() if isinstance(own.get("__doc__"), str) else []
    parts = [f"module {own.get('__name__', '')}", f"version {version}" if isinstance(version, str) else ""]
    return ", ".join(part for part in parts if part) + (f": {doc[0]}" if doc else "")


def _describe_picture(value: Any) -> str | None:
    names = type_names(value)
    if ("matplotlib", "Figure") in names:
        return attempt(lambda: _describe_figure(value), None)
    if ("matplotlib", "Axes") in names or ("matplotlib", "_AxesBase") in names:
        return attempt(lambda: _describe_axes(value), None)
    if ("PIL", "Image") in names:
        kind = f", {value.format}" if value.format else ""
        return f"image of {value.width} x {value.height} pixels, mode {value.mode}{kind}"
    return None


def _describe_figure(figure: Any) -> str:
    width, height = figure.get_size_inches()
    title = figure.get_suptitle() if has(type(figure), "get_suptitle") else ""
    head = f"matplotlib figure, {width:g} x {height:g} inches at {figure.dpi:g} dpi"
    return "\n".join([f"{head}, titled {title!r}" if title else head, *map(_describe_axes, figure.axes)])


def _describe_axes(axes: Any) -> str:
    said = {"title": axes.get_title(), "x": axes.get_xlabel(), "y": axes.get_ylabel()}
    held = {"lines": axes.lines, "collections": axes.collections, "patches": axes.patches, "images": axes.images}
    legend = axes.get_legend()
    entries = [text.get_text() for text in legend.get_texts()] if legend else []
    parts = [f"{name} {text!r}" for name, text in said.items() if text]
    parts += [f"{len(artists)} {name}" for name, artists in held.items() if len(artists)]
    parts += [f"legend {entries}"] if entries else []
    return "axes: " + (", ".join(parts) or "empty")


def _describe_plain(value: Any) -> str | None:
    """Describe what Python itself, or we, have a short form for."""
    if is_a(value, *_SAID):
        return text_of(lambda: str(value))
    if is_a(value, bytes, bytearray):
        size, head = len(value), bytes(value[:_BYTES])
        return f"{type_name(value)}, {size:,} long{', beginning' if size > _BYTES else ''}: {head!r}"
    if is_a(value, BaseException):
        return "".join(traceback.format_exception_only(type(value), value)).strip()
    if ("qwen_magic", "Reply") in type_names(value):
        return str(value.text)
    if is_a(value, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType):
        return f"{type_name(value)} {value.__qualname__}, not run"
    return None
