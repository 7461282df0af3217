"""Frames, series and arrays told to a model: what shape and types they have, what is missing, how they begin.

None of their packages is imported: a value of one of them brings its package with it.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ...text.counts import counted
from ...text.cutting import ShownValue, cut
from .safe_access import attempt, has, is_a, safe_repr, text_of, type_name, type_names, without_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HEAD = 5
_WHOLE = 8
"""Rows up to which a table is shown whole, such as what `describe` gives."""
_HEAD_COLUMNS = 30
_CELL = 60
"""Characters of a cell that are shown."""
_MOST_CELLS = 100_000_000
"""Cells up to which a table is looked through for what is missing."""
_TENSORS = {"numpy", "torch", "jax", "jaxlib", "tensorflow", "mlx"}
"""Packages whose arrays lie in memory, so that looking at one costs no download and no computation."""
_FEW = 200
"""Elements up to which an array is shown whole."""


def headline(value: object) -> str:
    """Tell what a frame, series or array is, in a few words; "" for anything else."""
    return attempt(lambda: _headline(value), "")


def describe_table(value: object, budget: int) -> ShownValue | None:
    """Describe a frame, a series or an array.

    Args:
        value: any value.
        budget: the most characters that come out.

    Returns:
        The description; None where the value is none of these, or does not behave like one.

    """
    title = headline(value)
    if not title:
        return None
    names = type_names(value)
    if _is_frame(names):
        return attempt(lambda: _describe_frame(value, title, budget), None)
    if _is_series(names):
        return attempt(lambda: _describe_series(value, title, budget), None)
    if ("polars", "LazyFrame") in names:
        plan = text_of(lambda: value.explain(optimized=False))  # type: ignore[attr-defined]
        return cut(f"{title}, whose plan is:\n{plan}" if plan else title, budget)
    return attempt(lambda: _describe_array(value, title, budget), cut(title, budget))


def _headline(value: Any) -> str:
    names = type_names(value)
    package = _package(names)
    if _is_frame(names):
        rows, columns = value.shape
        return f"{package} {type_name(value)}, {counted(rows, 'row')} x {counted(columns, 'column')}"
    if _is_series(names):
        name = f" {value.name!r}" if value.name else ""
        return f"{package} {type_name(value)}{name}, {len(value):,} values, {value.dtype}"
    if ("polars", "LazyFrame") in names:
        return "polars LazyFrame, not collected"
    if not _is_array(names, value):
        return ""
    shape = tuple(value.shape)
    if not all(is_a(size, int) for size in shape):
        return ""
    device = f" on {value.device}" if package == "torch" and value.device.type != "cpu" else ""
    return f"{package} {type_name(value)}, shape {shape}, {str(value.dtype).removeprefix('torch.')}{device}".lstrip()


def _package(names: list[tuple[str, str]]) -> str:
    """Return which package a value is from, as its users call it."""
    known = {"pandas", "polars", "numpy", "torch", "jax", "jaxlib", "tensorflow"}
    package = next((package for package, _ in names if package in known), "")
    return "jax" if package == "jaxlib" else package


def _is_frame(names: list[tuple[str, str]]) -> bool:
    return ("pandas", "DataFrame") in names or ("polars", "DataFrame") in names


def _is_series(names: list[tuple[str, str]]) -> bool:
    return ("pandas", "Series") in names or ("polars", "Series") in names


def _is_array(names: list[tuple[str, str]], value: object) -> bool:
    """Tell whether a value has the shape and dtype of an array, and is not something else that has them."""
    if ("numpy", "generic") in names or names[0][0] in {"pandas", "polars", "xarray"}:
        return False
    return has(type(value), "shape") and has(type(value), "dtype") and not is_a(value, type)


def _describe_frame(frame: Any, title: str, budget: int) -> ShownValue:
    is_pandas = ("pandas", "DataFrame") in type_names(frame)
    missing = _missing(frame, frame.shape, lambda: _pandas_missing(frame) if is_pandas else frame.null_count().row(0))
    names = [_column_name(name) for name in frame.columns]
    columns = [
        f"- {name}: {dtype}" + (f", {count:,} missing" if count else "")
        for name, dtype, count in zip(names, frame.dtypes, missing or [0] * len(names), strict=True)
    ]
    lines = [title, *(_index_lines(frame.index) if is_pandas else [])]
    if columns:
        note = "none missing" if missing and not any(missing) else "" if missing else "missing values not counted"
        lines.append(f"Columns{f' ({note})' if note else ''}:")
    top = "\n".join(lines)
    shown, is_cut = _fitting(columns, budget * 3 // 5 - len(top), "columns")
    top = "\n".join([top, *shown])
    if not frame.shape[0] or not columns:
        return _finish(top, budget, is_cut=is_cut)
    return _with_rows(top, frame, budget, is_cut=is_cut, render=_pandas_rows if is_pandas else _polars_rows)


def _missing(table: Any, shape: Iterable[int], count: Callable[[], Iterable[Any]]) -> list[int]:
    """Count the missing values of each column; nothing for a table that is too large for that."""
    cells = 1
    for size in shape:
        cells *= size
    return [int(number) for number in count()] if table is not None and cells <= _MOST_CELLS else []


def _pandas_missing(frame: Any) -> Iterable[Any]:
    return attempt(lambda: list(frame.isna().sum()), [])


def _column_name(name: object) -> str:
    return cut(name if isinstance(name, str) else safe_repr(name), _CELL).text


def _index_lines(index: Any) -> list[str]:
    """Tell a pandas index, unless it only counts the rows."""
    kind = type_name(index)
    if kind == "RangeIndex" and index.name is None:
        return []
    names = [name for name in index.names if name is not None]
    name = f" {', '.join(map(repr, names))}" if names else ""
    ends = f", {safe_repr(index[0])} to {safe_repr(index[-1])}" if len(index) else ""
    dtype = "" if kind == "MultiIndex" else f", {index.dtype}"
    return [cut(f"Index: {kind}{name}{dtype}{ends}", 4 * _CELL).text]


def _fitting(lines: list[str], budget: int, noun: str) -> tuple[list[str], bool]:
    """Take as many lines as fit, with a note of how many more there are."""
    if sum(map(len, lines)) + len(lines) <= budget:
        return lines, False
    note = f"[... {len(lines):,} of {len(lines):,} {noun} left out ...]"
    shown, room = [], budget - len(note) - 1
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    return [*shown, f"[... {len(lines) - len(shown):,} of {len(lines):,} {noun} left out ...]"], True


def _with_rows(
    top: str, table: Any, budget: int, *, is_cut: bool, render: Callable[[Any, int, int], str]
) -> ShownValue:
    """Add the first rows, as many of them and of their columns as there is room for."""
    rows, columns = table.shape[0], table.shape[1] if len(table.shape) > 1 else 1
    count, width = rows if rows <= _WHOLE else _HEAD, min(_HEAD_COLUMNS, columns)
    while True:
        of_columns = f", first {width:,} columns" if width < columns else ""
        head = "All rows" if count == rows else f"First {count} rows" if count > 1 else "First row"
        body = text_of(lambda: render(table, count, width))  # noqa: B023 - called here
        if body is None:
            return _finish(f"{top}\n[the rows cannot be shown]", budget, is_cut=True)
        text = f"{top}\n{head}{of_columns}:\n{without_addresses(body)}"
        if len(text) <= budget or (count == 1 and width == 1):
            return _finish(text, budget, is_cut=is_cut or width < columns)
        if width > count:
            width //= 2
        else:
            count = max(1, count // 2)
            width = width if count > 1 else max(1, width // 2)


def _finish(text: str, budget: int, *, is_cut: bool) -> ShownValue:
    done = cut(text, budget)
    return ShownValue(done.text, done.cut or is_cut)


def _pandas_rows(table: Any, rows: int, columns: int) -> str:
    if len(table.shape) == 1:
        return str(table.head(rows).to_frame().to_string(max_colwidth=_CELL, header=False))
    return str(table.iloc[:rows, :columns].to_string(max_colwidth=_CELL))


def _polars_rows(table: Any, rows: int, columns: int) -> str:
    if len(table.shape) == 1:
        table = table.to_frame()
    options: Any = attempt(
        lambda: sys.modules["polars"].Config(
            tbl_cols=-1,
            tbl_rows=-1,
            tbl_width_chars=10_000,
            fmt_str_lengths=_CELL,
            tbl_formatting="MARKDOWN",
            tbl_hide_dataframe_shape=True,
            tbl_hide_column_data_types=True,
        ),
        nullcontext(),
    )
    head = table.head(rows)[:, :columns]
    for name, dtype in zip(head.columns, head.dtypes, strict=True):
        if str(dtype) == "Object":  # polars would ask each cell itself, and complain of one that raises
            cells = [cut(safe_repr(cell), _CELL).text for cell in head[name]]
            head = head.with_columns(type(head[name])(name, cells))
    with options:
        return str(head)


def _describe_series(series: Any, title: str, budget: int) -> ShownValue:
    is_pandas = ("pandas", "Series") in type_names(series)
    missing = _missing(series, series.shape, lambda: [series.isna().sum() if is_pandas else series.null_count()])
    lines = [title + (f", {missing[0]:,} missing" if any(missing) else "")]
    lines += _index_lines(series.index) if is_pandas else []
    if len(series) > (missing[0] if missing else 0):
        text = attempt(lambda: _summary(series.min(), series.max(), series.mean()), "")
        lines += [text] if text else []
    top = "\n".join(lines)
    if not len(series):
        return _finish(top, budget, is_cut=False)
    return _with_rows(top, series, budget, is_cut=False, render=_pandas_rows if is_pandas else _polars_rows)


def _summary(low: Any, high: Any, mean: Any) -> str:
    return f"min {_number(low)}, max {_number(high)}, mean {_number(mean)}"


def _number(value: Any) -> str:
    return f"{value:.6g}" if is_a(value, float) or hasattr(value, "dtype") else f"{value}"


def _describe_array(value: Any, title: str, budget: int) -> ShownValue:
    array = attempt(lambda: _to_numpy(value), None)
    if array is None:
        return cut(f"{title}\n{safe_repr(value)}", budget)
    lines = [title]
    if array.size and array.size <= _MOST_CELLS and (text := attempt(lambda: _array_summary(array), "")):
        lines.append(text)
    numpy = sys.modules["numpy"]
    body = text_of(lambda: numpy.array2string(array, threshold=_FEW, max_line_width=100, separator=", "))
    lines.append("[the values cannot be shown]" if body is None else f"Values:\n{without_addresses(body)}")
    return _finish("\n".join(lines), budget, is_cut=array.size > _FEW)


def _to_numpy(value: Any) -> Any:
    """Return an array as numpy's, where that costs little; else None."""
    packages = {package for package, _ in type_names(value)}
    numpy = sys.modules.get("numpy")
    if numpy is None or not packages & _TENSORS:
        return None
    if ("numpy", "ndarray") in type_names(value):
        return value
    if "torch" in packages:
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    return numpy.asarray(value)


def _array_summary(array: Any) -> str:
    numpy: Any = sys.modules["numpy"]
    kind = array.dtype.kind
    if kind == "b":
        return f"{int(array.sum()):,} of {array.size:,} are True"
    if kind not in "iuf":
        return ""
    missing = int(numpy.isnan(array).sum()) if kind == "f" else 0
    if missing == array.size:
        return "all NaN"
    with numpy.errstate(all="ignore"):
        mean = numpy.nanmean(array, dtype="float64")
        text = _summary(numpy.nanmin(array), numpy.nanmax(array), mean)
    return f"{text}, {missing:,} NaN" if kind == "f" else text
