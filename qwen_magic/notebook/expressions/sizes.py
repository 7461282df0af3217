"""What an operator may make of two trusted values: refused where it would be too large, before anything is computed."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any

from .refusal import RefusedError
from .trust import is_numeric, kind_of, length, weight

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ITEMS = 1_000_000
"""Items, characters or bytes that one step may make."""
MOST_CELLS = 20_000_000
"""Cells of an array or a table that one step may make."""
MOST_BITS = 100_000
"""Bits of a whole number."""
_SMALL_POWER = 1000

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_TABLES = ("frame", "series", "index", "array", "polars frame", "polars series")


def check_binary(kind: type[ast.operator], left: Any, right: Any) -> None:
    """Refuse an operation whose result is, or may be, too large."""
    kinds = kind_of(left), kind_of(right)
    if any(one in _TABLES for one in kinds):
        _check_tables(kind, left, right, kinds)
        return
    repeated = [is_repeated(value) for value in (left, right)]
    if kind is ast.Mod and repeated[0]:
        raise RefusedError("text cannot be formatted here")
    if kind is ast.Add and all(repeated):
        check_items(length(left) + length(right))
    if kind is ast.Mult:
        _check_product(left, right)
    if kind is ast.Pow:
        _check_power(left, right)


def check_items(count: int) -> None:
    """Refuse to make so many items, characters or bytes."""
    if count > MOST_ITEMS:
        raise RefusedError(f"that would be more than {MOST_ITEMS:,} items or characters")


def _check_product(left: Any, right: Any) -> None:
    whole = _whole(left), _whole(right)
    for value, times in ((left, whole[1]), (right, whole[0])):
        if times is not None and is_repeated(value):
            check_items(length(value) * max(0, times))
    if whole[0] is not None and whole[1] is not None:
        _check_bits(whole[0].bit_length() + whole[1].bit_length())


def _check_power(base: Any, exponent: Any) -> None:
    whole, times = _whole(base), _whole(exponent)
    if type(base) in (float, complex) or type(exponent) in (float, complex):
        return
    if whole is None or times is None:
        if times is None or abs(times) > _SMALL_POWER:
            raise RefusedError("such a power may be too large")
    elif abs(whole) > 1:
        _check_bits(whole.bit_length() * abs(times))


def _check_bits(bits: int) -> None:
    if bits > MOST_BITS:
        raise RefusedError(f"that would be a number of more than {MOST_BITS:,} bits")


def is_repeated(value: Any) -> bool:
    """Tell whether a value times a number is the value so many times."""
    return kind_of(value) in ("text", "sequence") or type(value) is bytes


def _whole(value: Any) -> int | None:
    """Return a whole number as Python's own, numpy's too; None for anything else."""
    if type(value) in (int, bool):
        return int(value)
    return int(value) if kind_of(value) == "scalar" and is_whole(getattr(value, "dtype", None)) else None


def is_whole(dtype: Any) -> bool:
    """Tell whether a type of numpy's is one of whole numbers."""
    return dtype is not None and dtype.kind in "iu"


def _check_tables(kind: type[ast.operator], left: Any, right: Any, kinds: tuple[str, str]) -> None:
    pairs = tuple(zip((left, right), kinds, strict=True))
    tables = [value for value, one in pairs if one in _TABLES]
    if kind is not ast.Add and not all(map(is_numeric, tables)):
        raise RefusedError("only numbers can be calculated with here")
    if any(one not in (*_TABLES, "scalar", "text") for one in kinds):
        raise RefusedError("tables can only be combined with tables and numbers here")
    for value, one in pairs:
        if one == "text":
            check_cells(len(value) * max(map(len, tables)))
    check_compared(left, right)
    if kind is ast.MatMult:
        check_cells(_product_size(left, right))


def check_compared(left: Any, right: Any) -> None:
    """Refuse to set two tables side by side whose rows would multiply; or to compare what is too large."""
    kinds = kind_of(left), kind_of(right)
    tables = [value for value, one in zip((left, right), kinds, strict=True) if one in _TABLES]
    if not tables:
        if any(weight(value, MOST_ITEMS * 2) is None for value in (left, right)):
            raise RefusedError("that is too much to compare")
        return
    if len(tables) < len(kinds):
        return
    if "array" in kinds:
        check_cells(_broadcast_size(left, right))
    axes = [value.axes for value, one in zip((left, right), kinds, strict=True) if one in ("frame", "series")]
    if len(axes) == len(kinds):
        labels = [axis for table in axes for axis in table]
        if not all(axis.is_unique for axis in labels) and not all(
            one.equals(other) for one, other in zip(*axes, strict=False)
        ):
            raise RefusedError("rows of the same label would multiply")


def check_cells(count: int) -> None:
    """Refuse to make so many cells."""
    if count > MOST_CELLS:
        raise RefusedError(f"that would be more than {MOST_CELLS:,} cells")


def _broadcast_size(left: Any, right: Any) -> int:
    size = 1
    shapes = [tuple(reversed(value.shape)) for value in (left, right)]
    for place in range(max(map(len, shapes))):
        size *= max(shape[place] if place < len(shape) else 1 for shape in shapes)
    return size


def _product_size(left: Any, right: Any) -> int:
    size = 1
    for count in (*left.shape[:-1], *right.shape[-1:]) if len(right.shape) > 1 else left.shape[:-1]:
        size *= count
    return size
