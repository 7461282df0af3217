"""Rows in files: what is read is what stands there, and what came is written whatever its values are."""

from __future__ import annotations

import csv
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.batch.files import check_form, read_rows, write_rows
from qwen_magic.batch.frames import all_columns, with_columns
from qwen_magic.batch.rows import repeated, rows_of
from qwen_magic.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

SEPARATORS = "a\u2028b\x0bc\x0cd\x85e\x1cf\u2029g"
"""What str.splitlines takes for ends of lines, and neither CSV nor JSON does."""
HALF = "a\ud800b"


def read(path: Path, text: str | bytes) -> dict[str, list[Any]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return all_columns(rows_of(read_rows(path)), {})


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as the command does."""
    found = rows_of(rows)
    columns = all_columns(found, {"answer": ["x"] * len(rows)})
    write_rows(path, list(columns), list(columns.values()), with_columns(found, {"answer": ["x"] * len(rows)}))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_parted_by_ends_of_lines_alone(tmp_path: Path, end: str) -> None:
    table = end.join(["id,text", f"1,{SEPARATORS}", f'2,"two{end}lines"', ""])
    assert read(tmp_path / "r.csv", table) == {"id": ["1", "2"], "text": [SEPARATORS, f"two{end}lines"]}
    lines = end.join(json.dumps({"text": text}, ensure_ascii=False) for text in (SEPARATORS, "b"))
    assert read(tmp_path / "r.jsonl", lines) == {"text": [SEPARATORS, "b"]}


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2), min_size=1))
def test_a_table_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("rows") / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *lines])
    assert list(zip(*all_columns(read_rows(path), {}).values(), strict=True)) == [tuple(line) for line in lines]


def test_columns_of_one_name_are_all_kept(tmp_path: Path) -> None:
    assert read(tmp_path / "r.csv", "a,b,a,a_2\n1,2,3,4\n") == {"a": ["1"], "b": ["2"], "a_3": ["3"], "a_2": ["4"]}
    rows = read_rows(tmp_path / "r.csv")
    assert with_columns(rows, {"answer": ["x"]})["a_3"].tolist() == ["3"]
    assert all_columns(repeated(rows, 2), {})["a_3"] == ["3", "3"]
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert all_columns(rows_of(frame), {"a": ["x"]}) == {"a": [1], "a_2": [2], "a_3": ["x"]}
    assert all_columns(rows_of([{1: "x", "1": "y"}]), {}) == {"1": ["x"], "1_2": ["y"]}


def test_a_table_of_odd_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    assert read(path, "text,n\n\nx\ny,1,\n\n") == {"text": ["x", "y"], "n": [None, "1"]}
    assert read(path, "text\n") == {"text": []}
    assert read(path, f"text\n{'x' * 200_000}\n") == {"text": ["x" * 200_000]}
    assert read(path, b"\xef\xbb\xbftext\nx\n") == {"text": ["x"]}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.csv", "", "is empty"),
        ("r.jsonl", "\n\n", "is empty"),
        ("r.csv", "text\nx\ny,2\n", r"line 3 has more values \(2\) than"),
        ("r.jsonl", '{"a": 1}\n{oops\n', "line 2: "),
        ("r.csv", "text\ncaf\xe9\n".encode("latin-1"), "texts are read as UTF-8"),
        ("r.parquet", "no parquet", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str | bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        read(tmp_path / name, text)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        check_form(tmp_path / "none" / "out.csv")


ODD: list[Any] = [
    None,
    float("nan"),
    HALF,
    b"\xff",
    [1, "x"],
    {"k": [None]},
    {1},
    dt.date(2024, 5, 6),
    np.int64(3),
    np.array([1, 2]),
    2**70,
]


def test_any_value_is_written_as_json_that_any_reader_takes(tmp_path: Path) -> None:
    path = written(tmp_path / "o.jsonl", [{"v": value} for value in ODD])

    def no_constant(_: str) -> None:
        raise AssertionError

    lines = path.read_text(encoding="utf-8").splitlines()
    values = [json.loads(line, parse_constant=no_constant)["v"] for line in lines]
    assert values == [None, None, HALF, "b'\\xff'", [1, "x"], {"k": [None]}, "[1]", "2024-05-06", 3, [1, 2], 2**70]


def test_any_value_is_written_as_a_field(tmp_path: Path) -> None:
    path = written(tmp_path / "o.csv", [{"v": value} for value in ODD])
    with path.open(encoding="utf-8", newline="") as file:
        values = [row["v"] for row in csv.DictReader(file)]
    assert values[:6] == ["", "", "a\ufffdb", "b'\\xff'", '[1, "x"]', '{"k": [null]}']
    assert values[6:] == ["[1]", "2024-05-06", "3", "[1, 2]", str(2**70)]


@pytest.mark.parametrize(
    "values",
    [ODD, [1, "x"], [[1], ["x"]], [[1], {"k": 1}], [HALF], [{1}], [2**70, 1], [None, None], [b"\xff", None]],
    ids=repr,
)
def test_any_value_is_written_to_parquet(tmp_path: Path, values: list[Any]) -> None:
    path = written(tmp_path / "o.parquet", [{"n": number, "v": value} for number, value in enumerate(values)])
    frame = pl.read_parquet(path)
    assert frame["n"].to_list() == list(range(len(values)))
    assert frame["answer"].to_list() == ["x"] * len(values)
    if values == [1, "x"]:
        assert frame["v"].to_list() == ["1", "x"]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_columns_that_no_type_holds_stand_as_texts(library: str) -> None:
    module = pytest.importorskip(library)
    frame = module.DataFrame({"n": [1, 2]}) if library == "polars" else module.table({"n": [1, 2]})
    out = with_columns(rows_of(frame), {"half": [HALF, None], "mixed": [[1], {"k": 1}]})
    columns = out.to_dict(as_series=False) if library == "polars" else out.to_pydict()
    assert columns == {"n": [1, 2], "half": ["a\ufffdb", None], "mixed": ["[1]", '{"k": 1}']}


def test_half_a_character_stands_in_a_frame_of_pandas() -> None:
    out = with_columns(rows_of([{"text": HALF}, {"text": "b"}]), {"answer": ["x", None]})
    assert out["text"].tolist() == [HALF, "b"]
