"""What a value is, on one short line: its type, its size, and the value where it is small."""

from __future__ import annotations

import inspect
import types
from contextlib import suppress
from itertools import islice
from typing import Any

from ...text.counts import counted

_MOST = 200
_FEW = 5
_COLUMNS = 30
_NO_KIND = "a value that cannot be described"


def kind_of(value: object) -> str:
    """Say what a value is.

    Nothing is imported for it: data frames, arrays and tensors are known by their types' modules. A value whose
    attributes or repr raise is named by its type alone.

    Args:
        value: anything.

    Returns:
        One line of at most 200 characters, for example ``int = 3`` or ``list of 3 (int, str)``.

    """
    try:
        line = " ".join(_kind(value).split())
    except Exception:  # noqa: BLE001 - values of the user's own may do anything
        line = _name(type(value))
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"


def _kind(value: Any) -> str:  # noqa: PLR0911 - one row a kind
    kind = type(value)
    if value is None or value is ... or kind in (bool, int, float, complex):
        return "None" if value is None else f"{kind.__name__} = {value!r}"
    if kind in (str, bytes):
        return f"{kind.__name__} of {counted(len(value), 'character' if kind is str else 'byte')} = {_short(value)}"
    if kind in (list, tuple, set, frozenset):
        return f"{kind.__name__} of {len(value)}{_types(value)}"
    if kind is dict:
        keys = ", ".join(_short(key) for key in islice(value, _FEW)) + (", …" if len(value) > _FEW else "")
        return f"dict of {len(value)} ({keys})" if value else "dict of 0"
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, type):
        return f"class {value.__name__}{_signature(value)}"
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return f"{'method' if inspect.ismethod(value) else 'function'} {value.__name__}{_signature(value)}"
    return _data(value) or _name(kind)


def _data(value: Any) -> str:
    """Describe a table or an array; "" for anything else."""
    kind = type(value)
    root, name = kind.__module__.partition(".")[0], kind.__name__
    if name == "DataFrame" and root in ("pandas", "polars"):
        rows, width = value.shape
        pairs = zip(islice(value.columns, _COLUMNS), islice(value.dtypes, _COLUMNS), strict=False)
        columns = ", ".join(f"{column} {dtype}" for column, dtype in pairs)
        size = f"{counted(rows, 'row')} x {counted(width, 'column')}"
        return f"{root} DataFrame, {size}: {columns}"
    if name == "Series" and root in ("pandas", "polars"):
        return f"{root} Series of {len(value)} {value.dtype}" + (f", name {value.name}" if value.name else "")
    if hasattr(kind, "shape") and hasattr(kind, "dtype"):
        return f"{root} {name}, shape {tuple(value.shape)}, {value.dtype}"
    return ""


def _types(values: Any) -> str:
    names: list[str] = []
    for value in islice(values, 100):
        name = type(value).__name__
        if name not in names:
            names.append(name)
    if not names:
        return ""
    return f" ({', '.join(names[:_FEW])}{', …' if len(names) > _FEW else ''})"


def _short(value: Any) -> str:
    if isinstance(value, (str, bytes)) and len(value) > 60:  # noqa: PLR2004 - of a long one the beginning says enough
        return f"{value[:59]!r}…"
    return repr(value)


def _signature(function: Any) -> str:
    with suppress(ValueError, TypeError):  # some built-in ones tell none
        return str(inspect.signature(function))
    return ""


def _name(kind: type) -> str:
    with suppress(Exception):  # a metaclass may do anything
        module = kind.__module__
        return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"
    return _NO_KIND
