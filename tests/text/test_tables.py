"""Tables, as markdown-it finds them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.examples import examples

from qwen_magic.text.tables import Table, as_frames, find_tables

PARSER = MarkdownIt("commonmark").enable("table").disable(["html_block", "reference", "lheading"])
CELLS = (
    st.text(alphabet=st.sampled_from("ab1|.:- \\`é*"), max_size=8)
    .map(str.strip)
    .filter(lambda cell: not cell.endswith("\\"))
)


def cells_of(text: str) -> list[list[list[str]]]:
    """Give the cells of each table as markdown-it reads them."""
    tables: list[list[list[str]]] = []
    tokens = PARSER.parse(text)
    for place, token in enumerate(tokens):
        match token.type:
            case "table_open":
                tables.append([])
            case "tr_open":
                tables[-1].append([])
            case "th_open" | "td_open":
                tables[-1][-1].append(tokens[place + 1].content)
    return tables


def found(text: str) -> list[list[list[str]]]:
    return [[list(table.columns), *([str(cell) for cell in row] for row in table.rows)] for table in find_tables(text)]


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n|---|:-:|\n| x | y |\n| z | w |\n\nafter",
        "a | b\n-|-\nx | y",
        "before\na | b\n--|--\nx | y\nprose goes into the table\n\nend",
        "| a |\n|---|\n| x |",
        "|a|b|\n|:--|--:|\n|x\\|y|`a\\|b`|",
        "|a|b|\n|---|---|\n|x|\n|x|y|z|\n||",
        "| a | b |\n|---|---|",
        "| a | b |\n|---|",
        "- item\n\n  | a | b |\n  |---|---|\n  | x | y |\n\n- | c |\n  |---|\n  | z |\n",
        "- | c | d |\n  |---|---|\n  | z | w |\n| not | it |\n",
        "> | a | b |\n> |---|---|\n> | x | y |\n\n> > a|b\n> > -|-\n> > x|y\n> z\n",
        "```\n| a | b |\n|---|---|\n```\n",
        "    | a | b |\n    |---|---|\n",
        "| a | b |\n|---|---|\n| x | y |\n# heading\n",
        "| a | b |\n|---|---|\n| x | y |\n- item\n",
        "| a | b |\n|---|---|\n| x | y |\n> quote\n",
        "| a | b |\n|---|---|\n| x | y |\n---\n",
        "| a | b |\n|---|---|\n| x | y |\n```\ncode\n```\n",
        "|  | a |\n|---|---|\n| x |  |\n",
        "a\n-\n",
        "a | b\n- | -\n",
    ],
)
def test_as_markdown_it(text: str) -> None:
    assert found(text) == cells_of(text)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5), st.sampled_from(["", "> ", "  "]))
@settings(max_examples=examples(300))
def test_round_trip(rows: list[list[str]], prefix: str) -> None:
    header, *body = rows
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    lines.insert(1, "|---|--:|")
    text = "before\n\n" + "\n".join(prefix + line for line in lines) + "\n\nafter"
    (table,) = find_tables(text)
    assert list(table.columns) == header
    assert len(table.rows) == len(body)
    for row, written in zip(table.rows, body, strict=True):
        for cell, source in zip(row, written, strict=True):
            assert cell == source or float(cell) == float(source)


@given(
    st.lists(
        st.sampled_from(
            ["|", "a", "-", ":", "\n", " ", "\\", ">", "|---|---|\n", "| a | b |\n", "- ", "```", "csv\n", '"', ","]
        )
    )
)
@settings(max_examples=examples(400))
def test_any_text(parts: list[str]) -> None:
    for table in find_tables("".join(parts)):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert repr(table)


@given(
    st.lists(
        st.sampled_from(["| a | b |\n", "|---|---|\n", "a|b\n", "-|-\n", "x\n", "\n", "> ", "| 1 |\n", "# h\n"]),
        max_size=9,
    )
)
@settings(max_examples=examples(400))
def test_lines_in_any_order_as_markdown_it(parts: list[str]) -> None:
    text = "".join(parts)
    if ">" not in text:
        assert found(text) == cells_of(text)


@given(
    st.lists(
        st.lists(st.text(alphabet="ab,;\"' \n1é", min_size=1).map(str.strip), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_csv_round_trip(rows: list[list[str]]) -> None:
    rows = [[f"x{cell}" for cell in row] for row in rows]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([["first", "second"], *rows])
    (table,) = find_tables(f"Here:\n```csv\n{written.getvalue()}```\n")
    assert table.columns == ("first", "second")
    assert [list(row) for row in table.rows] == rows


def test_separated() -> None:
    text = "```tsv\na\tb\n1\t2.5\n```\n\n| c |\n|---|\n| x |\n\n```csv\nd;e\n1;x\n2\n```\n```csv\nf, g\n1, 2, 3\n```\n```csv\n\n```"
    assert find_tables(text) == [
        Table(("a", "b"), ((1, 2.5),)),
        Table(("c",), (("x",),)),
        Table(("d", "e"), ((1, "x"), (2, ""))),
        Table(("f", "g", "column 3"), ((1, 2, 3),)),
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2", "0"], [1, -2, 0]),
        (["1", "2.50"], [1.0, 2.5]),
        (["1", ""], ["1", ""]),
        (["1", "x"], ["1", "x"]),
        (["007"], ["007"]),
        (["1e5"], ["1e5"]),
        (["1,234"], [1234]),
        (["1,203.5", "7"], [1203.5, 7.0]),
        (["1,23"], ["1,23"]),
        (["12,34,567"], ["12,34,567"]),
        (["1.203,5"], ["1.203,5"]),
        (["$5", "$1,200.50", "-$3"], [5.0, 1200.5, -3.0]),
        (["5 €", "6\u00a0€"], [5, 6]),
        (["\u22125", "3"], [-5, 3]),
        (["\u2212$1,200.50", "$\u22123"], [-1200.5, -3.0]),
        (["\u2212 %"], ["\u2212 %"]),
        (["$5", "6 €"], ["$5", "6 €"]),
        (["$5", "6"], ["$5", "6"]),
        (["5 % of"], ["5 % of"]),
        (["+1"], ["+1"]),
        (["-0"], ["-0"]),
        (["1."], ["1."]),
        ([".5"], [".5"]),
        (["50 %", "12.5%"], [50.0, 12.5]),
        (["50 %", "12"], ["50 %", "12"]),
        (["NaN"], ["NaN"]),
        (["1_000"], ["1_000"]),
        (["١٢"], ["١٢"]),
        (["12345678901234567890"], ["12345678901234567890"]),
        (["0.12345678901234567"], ["0.12345678901234567"]),
        (["**1**"], ["**1**"]),
    ],
)
def test_numbers(cells: list[str], expected: list[object]) -> None:
    (table,) = find_tables("| n | t |\n|---|---|\n" + "".join(f"| {cell} | x |\n" for cell in cells))
    column = [row[0] for row in table.rows]
    assert column == expected
    assert list(map(type, column)) == list(map(type, expected))


def test_frames() -> None:
    pandas = pytest.importorskip("pandas")
    (frame,) = as_frames(find_tables("| n | x | t |\n|---|---|---|\n| 1 | 0.5 | 007 |\n| 2 | 3 | a |"))
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["n", "x", "t"]
    assert [kind.kind for kind in frame.dtypes[:2]] == ["i", "f"]
    assert frame["t"].tolist() == ["007", "a"]
    (twins,) = as_frames(find_tables("| a | a |\n|---|---|"))
    assert twins.shape == (0, 2)
    assert as_frames([]) == []


def test_repr() -> None:
    (table,) = find_tables("| name | n |\n|---|---|\n| a \x1b[31m | 10 |\n| a longer one | 2 |")
    assert repr(table) == "name         | n\n-------------+---\na            | 10\na longer one | 2"
    (long,) = find_tables("| n |\n|---|\n" + "| 1 |\n" * 100)
    assert repr(long).endswith("... 100 rows")
