"""Runs rendered one by one are what the whole is, and there are few of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.examples import examples

from qwen_magic.text.markdown import BlockSplitter

PARSER = MarkdownIt("commonmark").enable("table").disable("html_block")


def split(text: str, *, step: int = 0, least: int = 0, share: float = 0) -> list[str]:
    """Return the runs and, as the last, the tail."""
    splitter = BlockSplitter(least=least, share=share)
    runs: list[str] = []
    for start in range(0, len(text), step or len(text) or 1):
        runs += splitter.feed(text[start : start + step] if step else text)
        assert text.startswith("".join(runs) + splitter.tail)
    return [*runs, splitter.tail]


@pytest.mark.parametrize(
    "runs",
    [
        ["a\n\n", "b\n\nc"],
        ["# a\n\n\n", "b\nb\n\n", ""],
        ["a\n\n", "```\nx\n\ny\n```\n\n", "b\n\n", ""],
        ["~~~~\na\n\n~~~\nb\n\n```\nc\n\n~~~~\n\n", "d\n", ""],
        ["- a\n\n- b\n\n  more\n\n", "c\n", ""],
        ["1. a\n\n   ```\n   x\n\n   y\n   ```\n\n2. b\n\n", "c\n", ""],
        ["- a\n\n  ```\n  x\n\n", "b\n", ""],
        ["  ```\na\n\nb\n```\n\n", "c\n", ""],
        ["1. a\n\n  ```\nb\n\nc\n```\n\n", "d\n", ""],
        ["> a\n\n> b\n\n", "c\n", ""],
        ["| a |\n|---|\n| b |\n\n", "c\n", ""],
        ["a\n\n    x\n\n    y\n\n", "c\n", ""],
        ["$$\na\n\nb\n$$\n\n", "c\n", ""],
        ["\\[\na\n\nb\n\\]\n\n", "c\n", ""],
        ["\\begin{align*}\na\n\nb\n\\end{align}\n\nc\n\\end{align*}\n\n", "d\n", ""],
        ["`$$` and `` \\[ ``\n\n", "a\n", ""],
        ["\\$$ and \\\\[\n\n", "a\n", ""],
        ["```\n$$\n```\n\n", "a\n", ""],
        ["a\r\n\r\n", "b\r\n", ""],
        ["\n\n", "a\n", ""],
        ["a\n\n", "b\n\n", "c\nd"],
        [""],
    ],
)
def test_where_it_cuts(runs):
    text = "".join(runs)
    for step in (0, 1, 2, 3, 7):
        assert [run for run in split(text, step=step) if run] == [run for run in runs if run]


def test_cut_anywhere():
    text = "a\n\n```\nx\n\n```\n\n- b\n\n- c\n\nd\n\n$$\n\n$$\n\ne\n"
    whole = split(text)
    for cut in range(len(text) + 1):
        splitter = BlockSplitter(least=0, share=0)
        assert [*splitter.feed(text[:cut]), *splitter.feed(text[cut:]), splitter.tail] == whole


def test_a_math_opener_that_never_closes_gives_up():
    text = "it costs $$ 5\n\n" + "word\n\n" * 100
    runs = split(text)
    assert runs[0].count("\n") >= 60
    assert len(runs) > 40


def test_runs_are_few():
    text = "word " * 20 + "\n\n"
    runs = split(text * 1000, step=4, least=1000, share=1 / 12)
    assert len(text * 1000) > 100_000
    assert 10 < len(runs) < 45
    assert min(map(len, runs[:-1])) >= 1000
    assert "".join(runs) == text * 1000


def test_an_incomplete_line_decides_nothing():
    assert split("a\n\nb") == ["a\n\nb"]
    assert split("a\n\nb\n") == ["a\n\n", "b\n"]


@pytest.mark.parametrize("text", ["word " * 20 + "\n\n", "x", "- a\n", "```\n\n", "a\n", "\n", "$$ ` \\[ \n"])
def test_feeding_is_linear(text):
    text = (text * (300_000 // len(text) + 1))[:300_000]
    splitter = BlockSplitter()
    begin = time.process_time()
    for start in range(0, len(text), 4):
        splitter.feed(text[start : start + 4])
    # a few microseconds for a piece and for a line; going over the tail each time would be hours
    assert time.process_time() - begin < 6


WORD = st.sampled_from(
    ["alpha", "*beta*", "`gamma`", "**d** e", "$x$", "a_b", "5 < 6", "`` ` ``", "\\$$", "1. x", "- y"]
)
LINE = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
PARAGRAPH = st.lists(LINE, min_size=1, max_size=3).map("\n".join)
BODY = st.lists(st.sampled_from(["x = 1", "", "  y", "# no", "- no", "> no", "$$", "| a |", "``", "~~"]), max_size=5)
FENCE = st.builds(
    lambda mark, body, indent, closed: "\n".join(indent + line if line else "" for line in [mark + "py", *body, *([mark] if closed else [])]),
    st.sampled_from(["```", "~~~", "`````"]), BODY, st.sampled_from(["", "", "  "]), st.sampled_from([True, True, True, False]),
)  # fmt: skip
HEADING = LINE.map(lambda line: f"# {line}")
RULE = st.sampled_from(["---", "***", "- - -"])
TABLE = st.just("| a | b |\n|---|:-:|\n| `c` | d |")
MATH = st.sampled_from(["$$\na\n$$", "$$ a $$", "\\[\nb\n\\]", "\\begin{x}\nc\n\\end{x}", "$$\na\n\nb\n$$"])
CODE = st.sampled_from(["    code", "    code\n\n      more"])
LEAF = st.one_of(PARAGRAPH, FENCE, HEADING, RULE, TABLE, MATH, CODE)


def nested(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def item(marker: str, text: str) -> str:
        return marker + text.replace("\n", "\n" + " " * len(marker)).replace("\n" + " " * len(marker) + "\n", "\n\n")

    gap = st.sampled_from(["\n", "\n\n"])
    inner = st.builds(lambda parts, gap: gap.join(parts), st.lists(children, min_size=1, max_size=3), gap)
    items = st.lists(inner, min_size=1, max_size=3)
    lists = st.builds(
        lambda marker, items, gap: gap.join(item(marker, text) for text in items),
        st.sampled_from(["- ", "* ", "1. ", "3) "]),
        items,
        gap,
    )
    quotes = inner.map(lambda text: "> " + text.replace("\n", "\n> "))
    return st.one_of(lists, quotes)


BLOCK = st.one_of(LEAF, st.recursive(LEAF, nested, max_leaves=6))
DOCUMENT = st.lists(st.tuples(BLOCK, st.sampled_from(["\n", "\n\n", "\n\n", "\n\n\n"])), max_size=8).map(
    lambda parts: "".join(block + gap for block, gap in parts)
)


@settings(max_examples=examples(400))
@given(DOCUMENT, st.sampled_from([0, 1, 4]))
def test_runs_render_as_the_whole(document, step):
    runs = split(document, step=step)
    assert "".join(runs) == document
    assert "".join(PARSER.render(run) for run in runs) == PARSER.render(document)
