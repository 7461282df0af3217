"""Rows in files: CSV, JSON lines and parquet, read and written by the library that is installed."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..regular_file import open_regular_file
from .cells import is_missing, plain_value, text_of
from .frames import frame_of
from .rows import table_of
from .whole_files import reason, whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .rows import Rows

_FORMS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_HINT = f"Name a file that ends with {', '.join(_FORMS[:-1])} or {_FORMS[-1]}."
_NESTED = (dict, list, tuple, set, frozenset)


def read_rows(path: Path) -> Any:
    """Read the rows of a file.

    Args:
        path: a file whose name says its form.

    Raises:
        UsageError: it is not there, of no known form, or what reads it is not installed.

    """
    form = _form(path)
    if not path.exists():
        raise UsageError(f"there is no {path}", hint="Check its name.")
    if form == ".parquet":
        return _read_parquet(path)
    try:
        with open_regular_file(path) as file:
            text = file.read().decode("utf-8-sig")
        rows = _read_lines(text) if form in (".jsonl", ".ndjson") else _read_table(text, form)
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(
            f"{path} cannot be read ({error})", hint="Check what is in it; texts are read as UTF-8."
        ) from None
    if rows is None:
        raise UsageError(f"{path} is empty", hint="Give a file with rows.")
    return rows


def write_rows(path: Path, names: Sequence[str], columns: Sequence[Sequence[Any]], frame: Any) -> None:
    """Write rows to a file, whole or not at all.

    Args:
        path: a file whose name says its form.
        names: the columns' names.
        columns: their values.
        frame: the same as a frame, for parquet.

    Raises:
        UsageError: it cannot be written.

    """
    form = _form(path)
    try:
        with whole_file(path) as draft:
            if form == ".parquet":
                _write_parquet(draft, names, columns, frame)
            else:
                _write_text(draft, form, names, columns)
    except OSError as error:
        what = f"{path} cannot be written ({reason(error)})"
        raise UsageError(what, hint="What came is kept: name another file.") from None


def check_form(path: Path) -> None:
    """Refuse a file of no known form, or one that cannot be written here, before anything is asked.

    Raises:
        UsageError: it is so.

    """
    if _form(path) == ".parquet":
        _library()
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="Make it, or name another file.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="Name another file.")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"the folder {path.parent} cannot be written", hint="Name a file in another one.")


def _read_lines(text: str) -> list[Any] | None:
    """Read JSON lines; line feeds alone part them, since a text in JSON may hold any other separator."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return found or None


def _read_table(text: str, form: str) -> Rows | None:
    """Read CSV or TSV as columns, each with its name, though it be there twice.

    Raises:
        ValueError: a line has more values than there are names.

    """
    lines = _fields(text, "\t" if form == ".tsv" else ",")
    _, names = next(lines, (0, None))
    if names is None:
        return None
    columns: list[list[str | None]] = [[] for _ in names]
    for number, fields in lines:
        if any(fields[len(names) :]):
            raise ValueError(
                f"line {number} has more values ({len(fields)}) than the first line has names ({len(names)})"
            )
        for place, column in enumerate(columns):
            column.append(fields[place] if place < len(fields) else None)
    return table_of(names, columns)


def _fields(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line that is not empty; a field may be as long as the file."""
    before = csv.field_size_limit(max(1 << 17, len(text)))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    finally:
        csv.field_size_limit(before)


def _read_parquet(path: Path) -> Any:
    library = _library()
    try:
        return library.read_parquet(path)
    except Exception as error:  # noqa: BLE001 - each library has errors of its own
        raise UsageError(f"{path} cannot be read ({_first_line(error)})", hint="Check what is in it.") from None


def _write_parquet(path: Path, names: Sequence[str], columns: Sequence[Sequence[Any]], frame: Any) -> None:
    """Write the frame as it is, or where its library cannot, a frame of the same columns in types that parquet has.

    Raises:
        UsageError: neither can be written.

    """
    try:
        (getattr(frame, "write_parquet", None) or frame.to_parquet)(path)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - each library has errors of its own
        try:
            _write_typed(path, {name: list(values) for name, values in zip(names, columns, strict=True)})
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - so again
            hint = "What came is kept: name a file that ends with .jsonl."
            raise UsageError(f"parquet does not take the rows ({_first_line(error)})", hint=hint) from None


def _write_typed(path: Path, columns: dict[str, list[Any]]) -> None:
    if importlib.util.find_spec("polars"):
        frame_of("polars", columns).write_parquet(path)
    else:
        importlib.import_module("pyarrow.parquet").write_table(frame_of("pyarrow", columns), path)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def json_lines(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Yield rows as JSON, each a line without its line feed; see `write_rows`."""
    for row in zip(*columns, strict=True):
        yield _json_line(dict(zip(names, row, strict=True)))


def _write_text(path: Path, form: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    rows = zip(*columns, strict=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        if form in (".jsonl", ".ndjson"):
            file.writelines(f"{line}\n" for line in json_lines(names, columns))
            return
        writer = csv.writer(file, delimiter="\t" if form == ".tsv" else ",")
        writer.writerow(map(text_of, names))
        writer.writerows([_field(value) for value in row] for row in rows)


def _json_line(row: dict[str, Any]) -> str:
    """Write a row as JSON that any reader takes: no NaN, and half a character as its escape."""
    plain = {name: None if is_missing(value) else value for name, value in row.items()}
    line = json.dumps(plain, ensure_ascii=False, default=plain_value)
    try:
        line.encode()
    except UnicodeEncodeError:
        line = json.dumps(plain, default=plain_value)
    return line


def _field(value: Any) -> Any:
    """Write a value for CSV: what is nested as JSON, and nothing where nothing is there."""
    return text_of(value) if isinstance(value, (str, bytes, *_NESTED)) or is_missing(value) else plain_value(value)


def _form(path: Path) -> str:
    form = path.suffix.lower()
    if form not in _FORMS:
        raise UsageError(f"the ending of {path.name} is not known", hint=_HINT)
    return form


def _library() -> Any:
    """Return what reads and writes parquet."""
    for name, needs in (("polars", ()), ("pandas", ("pyarrow",)), ("pandas", ("fastparquet",))):
        if all(importlib.util.find_spec(one) for one in (name, *needs)):
            return importlib.import_module(name)
    raise UsageError("nothing is installed that reads parquet", hint="pip install polars, or give CSV or JSON lines.")
