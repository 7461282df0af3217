"""Rows of any frame or list, read a piece at a time, so that a million of them cost no second copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEM = "item"
"""The column of rows that are single values."""
_PIECE = 1024
"""Rows that are read at once."""
_HINT = "Give a DataFrame, a list of dicts or a list of texts."


class Source(Protocol):
    """Where rows come from.

    Attributes:
        names: the columns' names, as they are there.
        length: how many rows there are.

    """

    names: tuple[Any, ...]
    length: int

    def piece(self, column: int, start: int, stop: int) -> list[Any]:
        """Return the values of a column from one row to before another."""
        ...


class Rows:
    """Rows, by their place.

    Args:
        source: where they come from.
        given: what the caller gave.
        kind: what it is: "pandas", "polars", "pyarrow", "records", "items" or "table".

    Attributes:
        names: the columns' names as text, in order.
        given: what the caller gave.
        kind: what it is.

    """

    def __init__(self, source: Source, given: Any, kind: str) -> None:
        self._source = source
        self._pieces: dict[int, tuple[int, list[Any]]] = {}
        self.given = given
        self.kind = kind
        self.names = tuple(map(str, source.names))

    def __len__(self) -> int:
        return self._source.length

    def places(self, name: str) -> list[int]:
        """Return the places of the columns of a name: several where it is there more than once."""
        return [place for place, other in enumerate(self.names) if other == name]

    def value(self, column: int, row: int) -> Any:
        """Return one value; that of the next row costs next to nothing."""
        number = row // _PIECE
        kept = self._pieces.get(column)
        if kept is None or kept[0] != number:
            start = number * _PIECE
            values = self._source.piece(column, start, min(start + _PIECE, self._source.length))
            kept = self._pieces[column] = number, values
        return kept[1][row - number * _PIECE]

    def values(self, column: int, start: int, stop: int) -> list[Any]:
        """Return the values of a column from one row to before another."""
        return self._source.piece(column, start, stop)

    def columns(self) -> Iterator[tuple[Any, list[Any]]]:
        """Yield each column's name and all of its values."""
        for place, name in enumerate(self._source.names):
            yield name, self._source.piece(place, 0, self._source.length)


class _Pandas:
    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = tuple(frame.columns)
        self.length = len(frame)

    def piece(self, column: int, start: int, stop: int) -> list[Any]:
        return list(self._frame.iloc[start:stop, column].tolist())


class _Polars:
    def __init__(self, frame: Any) -> None:
        self._columns = frame.get_columns()
        self.names = tuple(frame.columns)
        self.length = frame.height

    def piece(self, column: int, start: int, stop: int) -> list[Any]:
        return list(self._columns[column].slice(start, stop - start).to_list())


class _Arrow:
    def __init__(self, table: Any) -> None:
        self._table = table
        self.names = tuple(table.column_names)
        self.length = table.num_rows

    def piece(self, column: int, start: int, stop: int) -> list[Any]:
        return list(self._table.column(column).slice(start, stop - start).to_pylist())


class _Records:
    """Mappings; a name that one of them has not is missing there."""

    def __init__(self, records: Sequence[Mapping[Any, Any]]) -> None:
        self._records = records
        self.names = tuple(dict.fromkeys(chain.from_iterable(records)))
        self.length = len(records)

    def piece(self, column: int, start: int, stop: int) -> list[Any]:
        name = self.names[column]
        return [record.get(name) for record in self._records[start:stop]]


class _Items:
    def __init__(self, items: Sequence[Any], name: Any = ITEM) -> None:
        self._items = items
        self.names = (ITEM if name is None else name,)
        self.length = len(items)

    def piece(self, column: int, start: int, stop: int) -> list[Any]:  # noqa: ARG002 - there is but one
        return list(self._items[start:stop])


class _Table:
    def __init__(self, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        self._columns = columns
        self.names = tuple(names)
        self.length = len(columns[0]) if columns else 0

    def piece(self, column: int, start: int, stop: int) -> list[Any]:
        return list(self._columns[column][start:stop])


def table_of(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Rows:
    """Make rows of columns, of which several may have one name.

    Args:
        names: the columns' names.
        columns: their values, all equally many.

    """
    return Rows(_Table(names, columns), None, "table")


def rows_of(given: Any) -> Rows:
    """Read what a caller gave for rows.

    Args:
        given: a pandas, polars or pyarrow frame or series, dicts, texts, or any iterable of known length.

    Returns:
        The rows; nothing is copied before it is read. Values that are no dicts are a column of their own, "item".

    Raises:
        UsageError: it is no such thing, or its length is not known.

    """
    if isinstance(given, Rows):
        return given
    library, kind = type(given).__module__.partition(".")[0], type(given).__name__
    if library == "polars" or "polars" in _bases(given):
        return _of_polars(given, kind)
    if library == "pyarrow":
        return _of_arrow(given, kind)
    if hasattr(given, "iloc") and hasattr(given, "index"):  # pandas, and what has its manners
        if hasattr(given, "columns"):
            return Rows(_Pandas(given), given, "pandas")
        frame = given.to_frame(name=ITEM if given.name is None else given.name)
        return Rows(_Pandas(frame), frame, "pandas")
    return _of_iterable(given)


def repeated(rows: Rows, times: int) -> Rows:
    """Return rows in which each stands several times, one below the other; a frame keeps its kind and its index."""
    places = [place for place in range(len(rows)) for _ in range(times)]
    given, kind = rows.given, rows.kind
    if kind == "pandas":
        return rows_of(given.iloc[places])
    if kind == "polars":
        return rows_of(given[places])
    if kind == "pyarrow":
        return rows_of(given.slice(0, 0) if not places else given.take(places))
    columns = [values for _, values in rows.columns()]
    if kind == "records":
        return rows_of([given[place] for place in places])
    if kind == "table":
        return table_of(rows.names, [[values[place] for place in places] for values in columns])
    return Rows(_Items([columns[0][place] for place in places], rows.names[0]), None, kind)


def _of_polars(given: Any, kind: str) -> Rows:
    if kind == "LazyFrame":
        raise UsageError("the rows are a LazyFrame, which is not read yet", hint="Give its .collect().")
    if not (hasattr(given, "get_columns") or hasattr(given, "to_frame")):
        raise UsageError(f"the rows are of polars' type {kind}", hint=_HINT)
    frame = given if hasattr(given, "get_columns") else given.to_frame(given.name or ITEM)
    return Rows(_Polars(frame), frame, "polars")


def _of_arrow(given: Any, kind: str) -> Rows:
    if hasattr(given, "column_names"):
        return Rows(_Arrow(given), given, "pyarrow")
    if hasattr(given, "to_pylist"):
        return Rows(_Items(given.to_pylist()), given, "items")
    raise UsageError(f"the rows are a {kind}, which is not read yet", hint="Give its table, such as .read_all().")


def _of_iterable(given: Any) -> Rows:
    name = type(given).__name__
    if isinstance(given, (str, bytes, bytearray)):
        raise UsageError(f"the rows are one {name}", hint=f"{_HINT} To ask a single text, use ask.")
    if isinstance(given, Mapping):
        raise UsageError("the rows are one dict", hint="Give a list of dicts, or make a DataFrame of it.")
    if not isinstance(given, Iterable):
        raise UsageError(f"the rows are of type {name}", hint=_HINT)
    if not isinstance(given, Sized):
        raise UsageError(f"the length of this {name} is not known", hint="Give it as a list: list(rows).")
    items = given if isinstance(given, (list, tuple)) else list(given)
    are_records = {issubclass(kind, Mapping) for kind in set(map(type, items))}
    if are_records == {True}:
        return Rows(_Records(items), items, "records")
    if True in are_records:
        number = next(place for place, item in enumerate(items, 1) if not isinstance(item, Mapping))
        raise UsageError(f"row {number} is not a dict, but others are", hint="Give only dicts, or none.")
    return Rows(_Items(items), items, "items")


def _bases(given: Any) -> set[str]:
    return {base.__module__.partition(".")[0] for base in type(given).__mro__}
