"""How a row becomes a prompt: columns, variables, names that are neither, and values of all kinds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic import Image
from qwen_magic.batch.prompts import SkippedRowError, template
from qwen_magic.batch.rows import rows_of
from qwen_magic.errors import UsageError

NUMPYS = (np.float32("nan"), np.longdouble("nan"), np.datetime64("NaT"), np.timedelta64("NaT", "ns"), Decimal("NaN"))
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def filled(prompt: str, row: dict, **variables: str) -> object:
    rows = rows_of([row])
    made = template(prompt, rows, lambda reference: variables.get(reference.name))
    return made.parts(rows, 0)


def test_a_name_is_a_column_first() -> None:
    assert filled("{text} by {who}", {"text": "good"}, text="no", who="me") == "good by me"


def test_which_names_are_what_is_said() -> None:
    rows = rows_of([{"text": "good"}])
    made = template("{text} by {who}", rows, lambda reference: {"who": "me"}.get(reference.name))
    assert made.columns == ("text",)
    assert made.variables == ("who",)
    assert [note.partition(":")[0] for note in made.notes] == ["text", "who"]


def test_a_name_that_is_neither_is_refused_with_the_columns() -> None:
    with pytest.raises(UsageError, match=r"\{txt\}.*\{text\}.*row\['my column'\].*Did you mean \{text\}"):
        filled("Say {txt}", {"text": "good", "my column": 1})


@pytest.mark.parametrize(
    ("prompt", "row", "expected"),
    [
        ("{row['my column']}", {"my column": "a"}, "a"),
        ('{row["my column"]}', {"my column": "a"}, "a"),
        ("{df.x}", {"df.x": "a"}, "a"),
        ("{row['{df.x}']}", {"{df.x}": "a"}, "a"),
        ("{df.x.y}", {"df.x": {"y": 1}, "df": 2}, None),
        ("{row['0']}", {0: "a"}, "a"),
        ("{row.text}", {"text": "a"}, "a"),
        ("{row}", {"row": "a"}, "a"),
        ("{my column} of {class}", {"my column": "a", "class": "b"}, "a of b"),
        ("{row.class} {in!r} {is:>3}", {"class": "b", "in": "c", "is": 1}, "b 'c'   1"),
        (
            r"\d{3} x_{in} \frac{in}{2} ${in} {{in}} {text}",
            {3: "a", "in": "b", "text": "c"},
            r"\d{3} x_{in} \frac{in}{2} ${in} {in} c",
        ),
        ("{price:.2f} €", {"price": 1.5}, "1.50 €"),
        ("{text!r}", {"text": "a"}, "'a'"),
        ("{meta['name']}", {"meta": {"name": "a"}}, "a"),
        ("{when.year}", {"when": dt.date(2024, 5, 6)}, "2024"),
        ("{когда}", {"когда": "сейчас"}, "сейчас"),
        ("{{text}} is {text}", {"text": "a"}, "{text} is a"),
        ('Answer {"mood": 1} of {text}', {"text": "a"}, 'Answer {"mood": 1} of a'),
        ("one of {happy, sad}: {text}", {"text": "a"}, "one of {happy, sad}: a"),
        (r"\frac{a}{b} {text}", {"text": "a"}, r"\frac{a}{b} a"),
    ],
)
def test_braces(prompt: str, row: dict, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(SkippedRowError):
            filled(prompt, row)
    else:
        assert filled(prompt, row) == expected


def test_a_computation_with_a_column_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\{text.upper\(\)\}.*column"):
        filled("{text.upper()}", {"text": "a"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (dt.datetime(2024, 5, 6), "2024-05-06"),  # noqa: DTZ001
        (dt.datetime(2024, 5, 6, 7, 8), "2024-05-06 07:08:00"),  # noqa: DTZ001
        (pd.Timestamp("2024-05-06"), "2024-05-06"),
        (["a", "b"], '["a", "b"]'),
        ({"ä": [1, None]}, '{"ä": [1, null]}'),
        (b"caf\xc3\xa9", "café"),
        (1, "1"),
        (2.5, "2.5"),
        (True, "True"),
        (pd.Series([1, 2]).to_numpy(), "[1, 2]"),
        (np.datetime64("2024-05-06", "ns"), "2024-05-06"),
        (np.array(["2024-05-06T07:08"], dtype="datetime64[ns]"), '["2024-05-06 07:08:00"]'),
        ([np.float32(1.5), np.datetime64("2024-05-06", "ns")], '[1.5, "2024-05-06"]'),
        (np.longdouble(1.5), "1.5"),
    ],
)
def test_values(value: object, expected: str) -> None:
    assert filled("{x}", {"x": value}) == expected


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT, pd.NA, *NUMPYS])
def test_a_row_of_which_nothing_is_there_is_not_asked(value: object) -> None:
    with pytest.raises(SkippedRowError, match="x is missing"):
        filled("Say {x}", {"x": value})
    assert filled("{y}: {x}", {"x": value, "y": "a"}) == "a: "


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(SkippedRowError, match="x is bytes"):
        filled("Say {x}", {"x": b"\xff\x00\xfe"})
    with pytest.raises(SkippedRowError, match="x cannot be read: the file is broken"):
        filled("Say {x}", {"x": PNG})


def test_a_picture_goes_through_as_a_part() -> None:
    picture = Image(PNG, "image/png")
    assert filled("What is {photo}?", {"photo": picture}) == ["What is ", picture, "?"]


def test_two_columns_of_one_name() -> None:
    frame = pd.DataFrame([["a", "b", "c"]], columns=["text", "text", "other"])
    rows = rows_of(frame)
    assert template("{other}", rows).parts(rows, 0) == "c"
    with pytest.raises(UsageError, match="2 columns are called text"):
        template("{text}", rows)


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_nothing_asked(prompt: str) -> None:
    with pytest.raises(UsageError, match="nothing was asked"):
        filled(prompt, {"text": "a"})


def test_a_prompt_without_a_column_is_said() -> None:
    rows = rows_of(["a", "b"])
    (note,) = template("Name a river.", rows).notes
    assert "no column" in note


@given(st.text(), st.text())
def test_a_value_goes_in_to_the_letter(value: str, around: str) -> None:
    around = (
        around.replace("{", "").replace("}", "").replace("\\", "").replace("$", "").replace("'", "").replace('"', "")
    )
    around = around.replace("^", "").replace("_", "")
    rows = rows_of([{"x": value}])
    assert template(f"{around} {{x}} {around} ", rows).parts(rows, 0) == f"{around} {value} {around} "
