"""Rows of every frame and list, and frames of the same kind made of them again."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from qwen_magic.batch.frames import with_columns
from qwen_magic.batch.rows import rows_of
from qwen_magic.errors import UsageError

RECORDS = [{"a": number, "b": f"text {number}"} for number in range(2500)]


def read(given: object, column: int) -> list:
    rows = rows_of(given)
    return [rows.value(column, row) for row in range(len(rows))]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, list, tuple])
def test_all_kinds_are_read_alike(make: type) -> None:
    given = make(RECORDS)
    assert rows_of(given).names == ("a", "b")
    assert read(given, 0) == [record["a"] for record in RECORDS]
    assert read(given, 1) == [record["b"] for record in RECORDS]


def test_pyarrow() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"a": [1, 2]})
    assert read(table, 0) == [1, 2]
    assert with_columns(rows_of(table), {"answer": ["x", None]}).column("answer").to_pylist() == ["x", None]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (["x", "y"], "item"),
        (("x", "y"), "item"),
        ({"x": 1, "y": 2}.keys(), "item"),
        (pd.Series(["x", "y"]), "item"),
        (pd.Series(["x", "y"], name="text"), "text"),
        (pl.Series("text", ["x", "y"]), "text"),
        (pd.Index(["x", "y"]).to_series(), "item"),
        (pd.Series(["x", "y"]).to_numpy(), "item"),
    ],
)
def test_single_values(given: object, name: str) -> None:
    assert rows_of(given).names == (name,)
    assert read(given, 0) == ["x", "y"]


def test_a_range() -> None:
    assert read(range(3), 0) == [0, 1, 2]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("one text", "one str"),
        ({"a": [1]}, "one dict"),
        (5, "type int"),
        (None, "type NoneType"),
        ((x for x in "ab"), "length"),
        (pl.LazyFrame({"a": [1]}), "LazyFrame"),
        (pl.DataFrame({"a": [1]}).group_by("a"), "polars' type GroupBy"),
        ([{"a": 1}, "text"], "row 2 is not a dict"),
    ],
)
def test_what_is_no_rows(given: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        rows_of(given)


def test_a_name_that_a_dict_has_not_is_missing() -> None:
    assert read([{"a": 1}, {"b": 2}], 1) == [None, 2]


def test_index_and_columns_stay() -> None:
    index = pd.MultiIndex.from_tuples([("x", 1), ("x", 1), ("y", 2)])
    frame = pd.DataFrame([[1, 2, 3]] * 3, columns=["a", "a", "answer"], index=index)
    out = with_columns(rows_of(frame), {"answer": ["p", None, "q"], "number": [1, None, 3], "ok": [True, None, False]})
    assert out.index.equals(index)
    assert list(out.columns) == ["a", "a", "answer", "answer_2", "number", "ok"]
    assert out["answer_2"].tolist()[::2] == ["p", "q"]
    assert str(out["number"].dtype) == "Int64"
    assert str(out["ok"].dtype) == "boolean"
    assert list(frame.columns) == ["a", "a", "answer"]


def test_polars_stays_polars() -> None:
    out = with_columns(rows_of(pl.DataFrame({"a": [1, 2]})), {"answer": ["x", None]})
    assert isinstance(out, pl.DataFrame)
    assert out["answer"].to_list() == ["x", None]


@pytest.mark.parametrize("empty", [[], pd.DataFrame({"a": []}), pl.DataFrame({"a": []}), pd.DataFrame()])
def test_no_rows(empty: object) -> None:
    rows = rows_of(empty)
    assert len(rows) == 0
    assert len(with_columns(rows, {"answer": [], "status": []})) == 0


def test_an_index_that_repeats() -> None:
    frame = pd.DataFrame({"a": ["x", "y", "z"]}, index=[7, 7, 7])
    out = with_columns(rows_of(frame), {"answer": ["1", "2", "3"]})
    assert out["answer"].tolist() == ["1", "2", "3"]
    assert out.index.tolist() == [7, 7, 7]
