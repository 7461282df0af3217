"""Which values can be worked with so that no code of the user's runs: those of exactly these types, and what they hold.

A subclass may override anything, and an item of a list may have any ``__eq__`` or ``__lt__``: both are no case for
``isinstance``. Types are told by their identity, for even the hash of a type is its metaclass's own.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import sys
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any

from ..values.safe_access import type_name
from .refusal import CalledError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LOOKED_AT = 1_000_000
"""Items up to which a container, or a column of objects, is looked through."""
_DEPTH = 40
_TOO_LARGE = "it is too large to be checked"
_OBJECTS = "a table of objects may run code"

_SCALARS = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    Decimal,
    Fraction,
    uuid.UUID,
    dt.date,
    dt.timedelta,
    PosixPath,
    PurePosixPath,
    PureWindowsPath,
    WindowsPath,
    slice,
    type(...),
)
_ZONED = (dt.datetime, dt.time)
_ZONES = (type(None), dt.timezone, zoneinfo.ZoneInfo)
_SEQUENCES = (list, tuple, deque)
_SETS = (set, frozenset)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_DICTS = (dict, OrderedDict, Counter, defaultdict)
_PANDAS_SCALARS = ("Timestamp", "Timedelta", "Period")
_PANDAS_INDEXES = (
    "Index",
    "RangeIndex",
    "DatetimeIndex",
    "TimedeltaIndex",
    "PeriodIndex",
    "CategoricalIndex",
    "MultiIndex",
)
_NUMBERS = "biufc"


def _ids(types: Iterable[object]) -> frozenset[int]:
    return frozenset(map(id, types))


_KINDS = {
    id(kind): name
    for name, kinds in (
        ("scalar", (*_SCALARS, *_ZONED)),
        ("text", (str,)),
        ("sequence", _SEQUENCES),
        ("set", _SETS),
        ("view", _VIEWS),
        ("dict", _DICTS),
        ("range", (range,)),
    )
    for kind in kinds
}
_PLAIN_IDS = _ids(_SCALARS)
_ZONED_IDS = _ids(_ZONED)
_ZONE_IDS = _ids(_ZONES)
_LIGHT_IDS = _ids((type(None), bool, int, float))
_TEXT_ID = id(str)
_CONTAINERS = ("sequence", "set", "view", "dict", "range")


def kind_of(value: object) -> str:
    """Tell what a value is.

    Returns:
        "text", "scalar", "sequence", "set", "view", "dict", "range"; "frame", "series", "index", "array" for those of
        pandas and numpy, "polars frame", "polars series"; "module" for numpy and math; "" for anything else.

    """
    own = id(type(value))
    return _KINDS.get(own) or _package_kinds(_loaded()).get(own) or ("module" if _is_module(value) else "")


def _loaded() -> tuple[bool, bool, bool]:
    """Tell which packages are there: a value of one of them brings it along; nothing is imported."""
    modules = sys.modules
    return "numpy" in modules, "pandas" in modules, "polars" in modules


@functools.lru_cache
def _package_kinds(_loaded: tuple[bool, bool, bool]) -> dict[int, str]:
    found: list[tuple[str, str, tuple[str, ...]]] = [
        ("numpy", "array", ("ndarray",)),
        ("pandas", "frame", ("DataFrame",)),
        ("pandas", "series", ("Series",)),
        ("pandas", "index", _PANDAS_INDEXES),
        ("pandas", "scalar", _PANDAS_SCALARS),
        ("polars", "polars frame", ("DataFrame",)),
        ("polars", "polars series", ("Series",)),
    ]
    kinds = {
        id(cls): kind
        for package, kind, names in found
        for name in names
        if (cls := getattr(sys.modules.get(package), name, None)) is not None
    }
    if pandas := sys.modules.get("pandas"):
        kinds |= {id(type(value)): "scalar" for value in (getattr(pandas, "NaT", None), getattr(pandas, "NA", None))}
        kinds |= {id(type(None)): "scalar"}
    if numpy := sys.modules.get("numpy"):
        kinds |= {
            id(cls): "scalar"
            for cls in numpy.sctypeDict.values()
            if cls not in (numpy.object_, numpy.void, numpy.str_, numpy.bytes_)
        }
    return kinds


def _is_module(value: object) -> bool:
    return value is math or (value is not None and value is sys.modules.get("numpy"))


def is_plain(value: object) -> bool:
    """Tell whether a value with all that it holds is made of plain values, and is not too large to tell."""
    return weight(value, MOST_LOOKED_AT) is not None


def weight(value: object, most: int) -> int | None:
    """Count the items and characters of a value, each as often as it is reached.

    Args:
        value: any value.
        most: what the count may be.

    Returns:
        The count; None where it is more, or something in it is not plain.

    """
    try:
        return most - _weigh(value, most, _DEPTH)
    except RefusedError:
        return None


def _weigh(value: Any, room: int, depth: int) -> int:
    """Take a value's weight from the room that is left.

    Raises:
        RefusedError: there is too little, or something in the value is not plain.

    """
    kind = kind_of(value)
    if kind in ("scalar", "text") and _is_plain_scalar(value):
        room -= len(value) if type(value) in (str, bytes) else 1
    elif kind in _CONTAINERS and depth:
        room -= 1 + length(value)
    else:
        raise CalledError(f"a value of type {type_name(value)} may run code")
    if room < 0:
        raise RefusedError(_TOO_LARGE)
    if kind not in _CONTAINERS or kind == "range":
        return room
    for parts in (value.keys(), value.values()) if kind == "dict" else (value,):
        for part in parts:
            own = id(type(part))
            if own in _LIGHT_IDS:
                room -= 1
            elif own == _TEXT_ID and len(part) < room:
                room -= len(part)
            else:
                room = _weigh(part, room, depth - 1)
    return room


def length(value: Any) -> int:
    """Return how long a container of these is, also a range that is longer than what a machine's word holds."""
    try:
        return len(value)
    except OverflowError:
        return sys.maxsize


def _is_plain_scalar(value: Any) -> bool:
    own = id(type(value))
    if own in _ZONED_IDS:
        return id(type(value.tzinfo)) in _ZONE_IDS
    if type(value) is slice:
        return all(id(type(part)) in _PLAIN_IDS and type(part) is not slice for part in _slice_parts(value))
    return own in _PLAIN_IDS or own in _package_kinds(_loaded())


def _slice_parts(value: slice) -> tuple[Any, Any, Any]:
    return value.start, value.stop, value.step


def trusted(value: Any) -> Any:
    """Return a value that runs no code of the user's, with all that it holds, whatever is done with it.

    Raises:
        RefusedError: it is none of those, or too large to tell.

    """
    kind = kind_of(value)
    if kind in ("frame", "polars frame"):
        _check_columns(value, kind)
    elif kind in ("series", "polars series", "index", "array"):
        _check_column(value, kind)
    elif kind not in ("text", "range"):
        _weigh(value, MOST_LOOKED_AT, _DEPTH)
    return value


def _check_columns(frame: Any, kind: str) -> None:
    if kind == "polars frame":
        if any("Object" in str(dtype) for dtype in frame.dtypes):
            raise CalledError(_OBJECTS)
        return
    _check_column(frame.index, "index")
    _check_column(frame.columns, "index")
    for number, dtype in enumerate(frame.dtypes):
        if not _is_known(dtype) or dtype.kind == "O":
            _check_column(frame.iloc[:, number], "column")


def _check_column(column: Any, kind: str) -> None:
    if kind == "polars series":
        if "Object" in str(column.dtype):
            raise CalledError(_OBJECTS)
        return
    if kind == "series":
        _check_column(column.index, "index")
    if type(column).__name__ == "MultiIndex":
        for level in column.levels:
            _check_column(level, "index")
    else:
        _check_items(column, kind)


def _check_items(column: Any, kind: str) -> None:
    dtype = column.dtype
    if not _is_known(dtype) or dtype.kind == "V":
        raise CalledError(_OBJECTS)
    if getattr(dtype, "categories", None) is not None:
        _check_column(dtype.categories, "index")
    elif dtype.kind == "O" and type(dtype).__name__ != "StringDtype":
        if column.size > MOST_LOOKED_AT:
            raise RefusedError(_TOO_LARGE)
        for item in column.ravel() if kind == "array" else list(column):
            if kind_of(item) not in ("scalar", "text") or not _is_plain_scalar(item):
                raise CalledError(_OBJECTS)


def _is_known(dtype: Any) -> bool:
    """Tell whether a type of columns is numpy's or pandas' own."""
    return type(dtype).__module__.partition(".")[0] in ("numpy", "pandas")


def is_numeric(value: Any) -> bool:
    """Tell whether all of a frame, series, index or array are numbers or times."""
    kind = kind_of(value)
    if kind.startswith("polars"):
        dtypes = value.dtypes if kind == "polars frame" else [value.dtype]
        return all(dtype.is_numeric() or dtype.is_temporal() or str(dtype) == "Boolean" for dtype in dtypes)
    dtypes = value.dtypes if kind == "frame" else [value.dtype]
    return all(_is_known(dtype) and dtype.kind in f"{_NUMBERS}mM" for dtype in dtypes)
