"""Rows in files: CSV, JSON lines and parquet, read and written by the library that is installed."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FORMS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_HINT = f"Name a file that ends with {', '.join(_FORMS[:-1])} or {_FORMS[-1]}."


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
    try:
        if form == ".parquet":
            return _library().read_parquet(path)
        text = path.read_text(encoding="utf-8-sig")
        if form in (".jsonl", ".ndjson"):
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return list(csv.DictReader(text.splitlines(keepends=True), delimiter="\t" if form == ".tsv" else ","))
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(
            f"{path} cannot be read ({error})", hint="Check what is in it; texts are read as UTF-8."
        ) from None


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
    form, new = _form(path), path.with_name(f"{path.name}.new")
    try:
        if form == ".parquet":
            write = getattr(frame, "write_parquet", None) or frame.to_parquet
            write(new)
        else:
            _write_text(new, form, names, columns)
        new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error})", hint="What came is kept: name another file.") from None


def check_form(path: Path) -> None:
    """Refuse a file of no known form, or one that cannot be written here, before anything is asked.

    Raises:
        UsageError: it is so.

    """
    if _form(path) == ".parquet":
        _library()


def _write_text(path: Path, form: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    rows = zip(*columns, strict=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        if form in (".jsonl", ".ndjson"):
            for row in rows:
                file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str) + "\n")
            return
        writer = csv.writer(file, delimiter="\t" if form == ".tsv" else ",")
        writer.writerow(names)
        writer.writerows(rows)


def _form(path: Path) -> str:
    form = path.suffix.lower()
    if form not in _FORMS:
        raise UsageError(f"{path.name} has no ending that is known here", hint=_HINT)
    return form


def _library() -> Any:
    """Return what reads and writes parquet."""
    for name, needs in (("polars", ()), ("pandas", ("pyarrow",)), ("pandas", ("fastparquet",))):
        if all(importlib.util.find_spec(one) for one in (name, *needs)):
            return importlib.import_module(name)
    raise UsageError("nothing is installed that reads parquet", hint="pip install polars, or give CSV or JSON lines.")
