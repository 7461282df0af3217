"""An example DataFrame, of pandas or polars, as the kind of a list of rows like its own."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .building import PLAIN, array, choice, converting, moment, nullable, record
from .kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from .places import Place

_LOOKED_AT = 1000
"""Rows of the example that are looked at."""
_MOST_CATEGORIES = 200


def is_frame(given: object) -> bool:
    """Tell whether something is a DataFrame; no library is imported for it."""
    return any(
        library in sys.modules and isinstance(given, getattr(sys.modules[library], "DataFrame", ()))
        for library in ("pandas", "polars")
    )


def kind_of_frame(example: Any) -> Kind:
    """Return the kind of rows like those of an example; the value is a DataFrame with its columns and types.

    Args:
        example: the DataFrame.

    Raises:
        UsageError: it has no columns, or two of one name.

    """
    columns = list(example.columns)
    names = [str(column) for column in columns]
    if not names:
        raise UsageError("the example DataFrame has no columns", hint="Give one that has the columns you want.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"the example DataFrame has two columns {twice}", hint="Give each column another name.")
    pandas = type(example).__module__.partition(".")[0] == "pandas"
    read = _pandas_column if pandas else _polars_column
    kinds = {name: read(example[column], name) for name, column in zip(names, columns, strict=True)}
    make = _pandas_maker(example) if pandas else _polars_maker(example)
    row = record(kinds, names, fills=True)
    return _with_reason(array(row, make))


def _with_reason(kind: Kind) -> Kind:
    from .places import misfit  # noqa: PLC0415 - beside its use

    def convert(value: Any, place: Place) -> Any:
        try:
            return kind.convert(value, place)
        except (ValueError, TypeError, OverflowError) as error:
            raise misfit(place, f"the rows cannot be made into a DataFrame like the example: {error}") from None

    return Kind(kind.schema, convert, checked=kind.checked)


def _kind_of_values(values: list[Any]) -> Kind:
    """Return the kind of the values of a column that may hold anything."""
    kinds: tuple[tuple[tuple[type, ...], str], ...] = (
        ((bool,), "bool"),
        ((int,), "int"),
        ((int, float), "float"),
        ((date,), "date"),
    )
    for types, name in kinds:
        if values and all(
            isinstance(value, types) and (bool in types or not isinstance(value, bool)) for value in values
        ):
            return _time() if name == "date" and isinstance(values[0], datetime) else PLAIN[name]
    if values and all(isinstance(value, (list, tuple)) for value in values):
        return array(_kind_of_values([item for value in values for item in value]))
    return PLAIN["str"]


def _time() -> Kind:
    """Return the kind of a time, which the frame's own library converts."""
    checked = converting(lambda text: moment(text) and text, "a time such as 2024-05-31T12:00:00")
    return Kind({"type": "string", "format": "date-time"}, checked)


def _pandas_column(column: Any, name: str) -> Kind:
    column = column.head(_LOOKED_AT)
    known = column.dropna()
    letter = getattr(column.dtype, "kind", "O")
    if hasattr(column, "cat"):
        listed = [str(value) for value in column.cat.categories]
        kind = choice(listed) if 0 < len(listed) <= _MOST_CATEGORIES else PLAIN["str"]
    elif letter in "iu":
        kind = PLAIN["int"]
    elif letter in "bfM":
        kind = {"b": PLAIN["bool"], "f": PLAIN["float"], "M": _time()}[letter]
    elif letter in "OTU":
        kind = _kind_of_values(known.tolist())
    else:
        raise UsageError(f"column {name} of the example is of type {column.dtype}", hint="JSON has no such type.")
    return nullable(kind) if len(known) < len(column) else kind


def _pandas_maker(example: Any) -> Callable[[list[Any]], Any]:
    kinds, columns = example.dtypes, list(example.columns)
    make = type(example)

    def frame(rows: list[Any]) -> Any:
        made = make([[row[str(column)] for column in columns] for row in rows], columns=columns)
        for column in columns:
            # numpy has no missing whole number or truth value, pandas' own types have
            bears_missing = hasattr(kinds[column], "na_value") or kinds[column].kind not in "iub"
            if made[column].dtype != kinds[column] and (bears_missing or made[column].notna().all()):
                made[column] = made[column].astype(kinds[column])
        return made

    return frame


def _polars_column(column: Any, name: str) -> Kind:
    polars = sys.modules["polars"]
    column = column.head(_LOOKED_AT)
    dtype = column.dtype
    if dtype.is_integer():
        kind = PLAIN["int"]
    elif dtype.is_numeric():
        kind = PLAIN["float"]
    elif dtype == polars.Boolean:
        kind = PLAIN["bool"]
    elif dtype == polars.Date:
        kind = PLAIN["date"]
    elif dtype == polars.Datetime:
        kind = Kind(_time().schema, converting(moment, "a time"))
    elif dtype == polars.Enum:
        kind = choice(dtype.categories.to_list())
    elif dtype in (polars.String, polars.Categorical, polars.Object) or isinstance(dtype, polars.List):
        kind = _kind_of_values(column.drop_nulls().to_list())
    else:
        raise UsageError(f"column {name} of the example is of type {dtype}", hint="JSON has no such type.")
    return nullable(kind) if column.null_count() else kind


def _polars_maker(example: Any) -> Callable[[list[Any]], Any]:
    schema, make = example.schema, type(example)

    def frame(rows: list[Any]) -> Any:
        return make(rows, schema=schema, orient="row")

    return frame
