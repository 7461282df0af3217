"""Calls that only read: builtins within the sizes of `sizes`, and listed methods with arguments that are checked."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from .methods import AGGREGATES, GROWING, KEYWORDS
from .refusal import CalledError, RefusedError
from .sizes import MOST_ITEMS, check_compared, check_items
from .trust import MOST_LOOKED_AT, is_numeric, is_plain, kind_of, length, weight

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_POSITIONS = 2
_MOST_DIGITS = 300
_MOST_JOINED = 20_000
"""Rows of text that a sum may join."""
_MOST_COLUMNS = 2000
_MOST_WIDE = 10_000
_MOST_ARGUMENT = 10_000
_TABLES = ("series", "index", "array", "polars series")
_FRAMES = ("frame", "polars frame")
_SHAPED = ("tolist", "item", "copy", "flatten", "ravel", "reshape", "transpose", "squeeze")
_PACKAGES = ("pandas", "polars", "numpy", "collections", "datetime", "fractions")
_LISTED = frozenset(("tolist", "to_list", "to_dict", "to_dicts", "rows", "to_string", "get_columns"))


def _listed(value: Any) -> Any:
    """Return something as a list, or what is one already; a table's column by its own items."""
    kind = kind_of(value)
    if kind in _TABLES:
        check_items(len(value))
        found: list[Any] = value.to_list() if kind == "polars series" else value.tolist()
        if not is_plain(found):
            raise CalledError("its items may run code")
        return found
    if kind == "frame":
        return list(value.columns)
    if kind not in ("text", "sequence", "set", "view", "dict", "range") and type(value) is not bytes:
        raise TypeError(f"{type(value).__name__!r} is not iterable")
    check_items(length(value))
    return value


def _number(value: Any) -> Any:
    if kind_of(value) not in ("scalar", "text") or type(value).__name__ == "Decimal":
        raise RefusedError("that cannot be made into a number here")
    return value


def _round(value: Any, ndigits: Any = None) -> Any:
    if ndigits is not None and (type(ndigits) is not int or abs(ndigits) > _MOST_DIGITS):
        raise RefusedError("it cannot be rounded like that here")
    if kind_of(value) == "scalar":
        _number(value)
    return round(value, ndigits) if kind_of(value) not in ("series", "frame") else value.round(ndigits or 0)


def _sum(values: Any, start: Any = 0) -> Any:
    items = list(_listed(values))
    if any(kind_of(item) != "scalar" for item in (start, *items)):
        raise RefusedError("only numbers can be added up here")
    return sum(items, start)


def _text(value: Any) -> str:
    if kind_of(value) in ("frame", *_TABLES, "polars frame"):
        return str(value)
    _check_weight(value)
    return str(value)


def _repr(value: Any) -> str:
    return _text(value) if kind_of(value) != "text" else repr(value)


def _check_weight(*values: Any, most: int = MOST_ITEMS) -> None:
    if any(weight(value, most) is None for value in values):
        raise RefusedError(f"that would be more than {most:,} items or characters")


def _best(choose: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any, **more: Any) -> Any:
        items = list(_listed(values[0])) if len(values) == 1 else list(values)
        _check_weight(items)
        return choose(items, **more)

    return call


def _sorted(values: Any, *, key: Any = None, reverse: Any = False) -> list[Any]:
    items = _listed(values)
    _check_weight(list(items))
    return sorted(items, key=key, reverse=bool(reverse))


def _range(*parts: Any) -> range:
    return range(*parts)


def _dict(value: Any = ()) -> dict[Any, Any]:
    return dict(_listed(value)) if kind_of(value) != "dict" else dict(value)


BUILTINS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "all": lambda values: all(_listed(values)),
    "any": lambda values: any(_listed(values)),
    "bool": bool,
    "chr": chr,
    "dict": _dict,
    "divmod": lambda one, other: divmod(_number(one), _number(other)),
    "enumerate": lambda values, start=0: list(enumerate(_listed(values), start)),
    "float": lambda value: float(_number(value)),
    "frozenset": lambda values=(): frozenset(_listed(values)),
    "int": lambda value: int(_number(value)),
    "len": len,
    "list": lambda values=(): list(_listed(values)),
    "max": _best(max),
    "min": _best(min),
    "ord": ord,
    "range": _range,
    "repr": _repr,
    "reversed": lambda values: list(reversed(list(_listed(values)))),
    "round": _round,
    "set": lambda values=(): set(_listed(values)),
    "sorted": _sorted,
    "str": _text,
    "sum": _sum,
    "tuple": lambda values=(): tuple(_listed(values)),
    "type": type,  # told by the evaluator, as its name
    "zip": lambda *values, strict=False: list(zip(*map(_listed, values), strict=bool(strict))),
}
"""The builtins that may be called. What gives its items one by one elsewhere gives them at once here."""
KEYS: dict[str, Callable[[Any], Any]] = {"len": len, "abs": abs, "str": str, "float": float, "int": int}
"""What may be sorted by."""


def builtin(name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Call a builtin with trusted arguments."""
    return BUILTINS[name](*arguments, **keywords)


def function(module: Any, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Call a function of numpy or math that is listed."""
    _check_arguments(name, arguments, keywords)
    for argument in (*arguments, *keywords.values()):
        kind = kind_of(argument)
        if type(argument).__name__ == "Decimal" or kind in _FRAMES or (kind in _TABLES and not is_numeric(argument)):
            raise RefusedError("only numbers can be calculated with here")
        if kind not in _TABLES:
            _check_weight(argument)
    if name == "corrcoef" and arguments and length(arguments[0]) > _MOST_COLUMNS:
        raise RefusedError(f"that would be more than {_MOST_COLUMNS:,} columns")
    found = _own(getattr(module, name), ("numpy", "math"))
    return found(*arguments, **keywords)


def method(value: Any, kind: str, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Call a listed method of a trusted value with trusted arguments.

    Args:
        value: whose method it is.
        kind: what it is, by a name of `methods.METHODS`.
        name: the method.
        arguments: the arguments by place.
        keywords: the arguments by name.

    Raises:
        RefusedError: what comes of it may be too large, or an argument is none that is known to read.
        Exception: what the method raises.

    """
    _check_arguments(name, arguments, keywords)
    if kind in ("text", "bytes"):
        _check_text(value, name, arguments)
        _check_weight(*arguments)
    elif kind in ("sequence", "set", "range", "dict"):
        _check_weight(*arguments)
        if name in ("count", "index", "most_common") or kind == "set":
            _check_weight(value)
        if kind == "dict" and name == "get" and not all(map(is_plain, dict.keys(value))):
            raise CalledError("its keys may run code")
    else:
        _check_table(value, kind, name, arguments, keywords)
    found = _own(getattr(type(value), name), _PACKAGES)
    return found(value, *arguments, **keywords)


def _own(found: Any, packages: tuple[str, ...]) -> Any:
    """Refuse a function that somebody has put in the place of the package's own."""
    if isinstance(found, FunctionType) and found.__module__.partition(".")[0] not in packages:
        raise CalledError("it may do more than read")
    return found


def _check_arguments(name: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
    if unknown := [word for word in keywords if word not in KEYWORDS and word != "key"]:
        raise CalledError(f"{name} cannot be called with {unknown[0]} here")
    if len(arguments) > _MOST_POSITIONS or "key" in keywords:
        raise CalledError(f"{name} cannot be called like that here")
    if name == "agg" and not all(_are_aggregates(one) for one in arguments):
        raise CalledError("it may do more than read")
    if name in ("reshape", "strftime", "clip"):
        _check_weight(*[one for one in arguments if kind_of(one) not in (*_TABLES, *_FRAMES)])


def _are_aggregates(given: Any) -> bool:
    if isinstance(given, dict):
        return all(_are_aggregates(one) for one in given.values())
    names = [given] if isinstance(given, str) else given
    return isinstance(names, list) and all(isinstance(one, str) and one in AGGREGATES for one in names)


def _check_text(value: Any, name: str, arguments: list[Any]) -> None:
    if len(value) > MOST_LOOKED_AT:
        raise RefusedError(f"that is more than {MOST_LOOKED_AT:,} characters")
    if name == "join":
        parts = _listed(arguments[0]) if arguments else ()
        _check_weight(list(parts))
        check_items(length(value) * length(parts))
    elif name == "replace" and len(arguments) == _MOST_POSITIONS and all(kind_of(one) == "text" for one in arguments):
        old, new = arguments
        check_items(len(value) + (value.count(old) if old else len(value) + 1) * len(new))
    elif name in ("decode", "hex") and arguments:
        raise CalledError(f"{name} cannot be called like that here")


def _check_table(value: Any, kind: str, name: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
    for argument in (*arguments, *keywords.values()):
        if kind_of(argument) not in (*_TABLES, *_FRAMES):
            _check_weight(argument, most=_MOST_ARGUMENT)
        elif kind in (*_TABLES, *_FRAMES):
            check_compared(value, argument)
    if kind == "frame":
        _check_frame(value, name)
    if kind in (*_FRAMES, *_TABLES):
        _check_column(value, kind, name, numeric=keywords.get("numeric_only") is True)
    if name in ("groupby", "group_by"):
        _check_groups(value, kind, arguments, keywords)


def _check_frame(frame: Any, name: str) -> None:
    rows, columns = frame.shape
    for names, count, most in ((("corr", "cov"), columns, _MOST_COLUMNS), (("transpose",), rows, _MOST_WIDE)):
        if name in names and count > most:
            raise RefusedError(f"that would be more than {most:,} columns")


def _check_column(value: Any, kind: str, name: str, *, numeric: bool) -> None:
    numeric = numeric or kind.startswith("polars") or is_numeric(value)
    if name in GROWING and not numeric and length(value) > _MOST_JOINED:
        raise RefusedError(
            f"the texts of more than {_MOST_JOINED:,} rows cannot be joined here; numeric_only=True skips them"
        )
    if kind == "array" and name not in _SHAPED and not numeric:
        raise RefusedError("only numbers can be calculated with here")
    if name in _LISTED:
        size = value.height * value.width if kind == "polars frame" else getattr(value, "size", None) or len(value)
        check_items(int(size))


def _check_groups(value: Any, kind: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
    labels = [*arguments, *([keywords["by"]] if "by" in keywords else [])]
    if kind == "series":
        if len(labels) > 1 or any(kind_of(one) not in ("series", "scalar") for one in labels):
            raise RefusedError("it cannot be grouped like that here")
        return
    names = [name for label in labels for name in (label if isinstance(label, list) else [label])]
    if not names or not all(isinstance(name, str) for name in names):
        raise RefusedError("rows can only be grouped by columns here")
    many = len(names) > 1
    if many and kind == "frame" and any(hasattr(value[name].dtype, "categories") for name in names if name in value):
        raise RefusedError("categories cannot be combined here")
