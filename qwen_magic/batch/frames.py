"""Rows with more columns, as the kind of frame that they came as, or the one that is installed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from .cells import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .rows import Rows

_LIBRARIES = ("pandas", "polars", "pyarrow")


def with_columns(rows: Rows, new: Mapping[str, list[Any]]) -> Any:
    """Put columns beside those of rows.

    Args:
        rows: the rows.
        new: the columns by their names, one value for each row, None where there is none.

    Returns:
        A frame of the rows' own library with their index; of lists a frame of the first library that is installed, or
        a list of dicts where there is none.

    """
    named = unlike(rows.names, new)
    kind = rows.kind
    if kind == "pandas":
        return _pandas(rows.given, named)
    if kind == "polars":
        return _polars(rows.given, named)
    if kind == "pyarrow":
        return _arrow(rows.given, named)
    library = next((name for name in _LIBRARIES if importlib.util.find_spec(name)), None)
    columns: dict[Any, list[Any]] = own_columns(rows) if kind == "table" else dict(rows.columns())
    if library is None:
        return _records({**columns, **named}, len(rows))
    return _BUILT[library](columns, named)


def all_columns(rows: Rows, new: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the columns of rows and those that stand beside them, by names of which none is there twice."""
    own = own_columns(rows)
    return own | unlike(tuple(own), new)


def own_columns(rows: Rows) -> dict[str, list[Any]]:
    """Return the columns of rows by their names; the second that is called ``a`` is ``a_2``, and so on."""
    found: dict[str, list[Any]] = {}
    for name, values in rows.columns():
        free, number = str(name), 2
        while free in found or (number > 2 and free in rows.names):  # noqa: PLR2004 - the name that was tried first
            free, number = f"{name}_{number}", number + 1
        found[free] = values
    return found


def unlike(taken: tuple[str, ...], new: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Name new columns so that none takes the place of one that is there.

    Args:
        taken: the names of those that are there.
        new: the columns by their names.

    Returns:
        The columns; ``name`` is ``name_2`` where it is taken, and so on.

    """
    named: dict[str, list[Any]] = {}
    for name, values in new.items():
        free, number = name, 2
        while free in taken or free in named:
            free, number = f"{name}_{number}", number + 1
        named[free] = values
    return named


def _pandas(frame: Any, new: Mapping[str, list[Any]]) -> Any:
    found = frame.copy(deep=False)
    for name, values in new.items():
        found[name] = _series(values, found.index)
    return found


def _series(values: list[Any], index: Any) -> Any:
    """Make a column whose type holds missing values without changing the others."""
    import pandas as pd  # noqa: PLC0415 - the user brings it

    kinds = {type(value) for value in values if value is not None}
    gaps = any(value is None for value in values)
    if gaps and kinds == {int}:
        return pd.Series(pd.array(values, dtype="Int64"), index=index)
    if gaps and kinds == {bool}:
        return pd.Series(pd.array(values, dtype="boolean"), index=index)
    plain = kinds <= {int} or kinds <= {bool} or kinds <= {float} or kinds <= {str} or kinds <= {int, float}
    try:
        return pd.Series(values, index=index, dtype=None if plain and kinds else object)
    except UnicodeEncodeError:  # half a character, which pyarrow's texts cannot hold
        return pd.Series(values, index=index, dtype=object)


def _polars(frame: Any, new: Mapping[str, list[Any]]) -> Any:
    import polars as pl  # noqa: PLC0415 - the user brings it

    return frame.with_columns([pl.Series(name, _polars_column(values)) for name, values in new.items()])


def _polars_column(values: list[Any]) -> Any:
    import polars as pl  # noqa: PLC0415 - the user brings it

    made = _column(lambda values: pl.Series(values, strict=False), values)
    return pl.Series(list(map(text_of, values))) if made.dtype == pl.Object else made


def _arrow(table: Any, new: Mapping[str, list[Any]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - the user brings it

    for name, values in new.items():
        column = _column(pa.array, values)
        if hasattr(table, "schema") and not hasattr(table, "append_column"):
            table = pa.Table.from_batches([table])
        table = table.append_column(name, column)
    return table


def _column(make: Callable[[list[Any]], Any], values: list[Any]) -> Any:
    """Make a typed column; of values that no type of the library's holds together, one of texts."""
    try:
        return make(_even(values))
    except Exception:  # noqa: BLE001 - each library has errors of its own
        return make(list(map(text_of, values)))


def _even(values: list[Any]) -> list[Any]:
    """Bring values of several kinds into one, as a typed column needs it."""
    kinds = {type(value) for value in values if value is not None}
    mixed = len(kinds) > 1 and not kinds <= {int, float}
    return list(map(text_of, values)) if mixed else values


def _records(columns: Mapping[Any, list[Any]], length: int) -> list[dict[Any, Any]]:
    return [{name: values[row] for name, values in columns.items()} for row in range(length)]


def _of_pandas(columns: Mapping[Any, list[Any]], new: Mapping[str, list[Any]]) -> Any:
    import pandas as pd  # noqa: PLC0415 - the user brings it

    length = len(next(iter(columns.values()), next(iter(new.values()), [])))
    frame = pd.DataFrame(index=range(length))
    return _pandas(frame, {**columns, **new})


def _of_polars(columns: Mapping[Any, list[Any]], new: Mapping[str, list[Any]]) -> Any:
    import polars as pl  # noqa: PLC0415 - the user brings it

    return pl.DataFrame({str(name): _polars_column(values) for name, values in {**columns, **new}.items()})


def _of_arrow(columns: Mapping[Any, list[Any]], new: Mapping[str, list[Any]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - the user brings it

    return pa.table({str(name): _column(pa.array, values) for name, values in {**columns, **new}.items()})


_BUILT = {"pandas": _of_pandas, "polars": _of_polars, "pyarrow": _of_arrow}


def frame_of(library: str, columns: Mapping[str, list[Any]]) -> Any:
    """Make a frame of columns; where a typed one cannot hold the values of a column together, they are texts.

    Args:
        library: "pandas", "polars" or "pyarrow".
        columns: the columns by their names.

    """
    return _BUILT[library]({}, columns)
