"""Footnotes of an answer in a cell: raised numbers, and no note goes out of sight, whoever draws it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from qwen_magic.text.shown import shown_markdown

ANSWER = "Water boils[^1] and freezes[^2].\n\n[^1]: word\n[^2]: https://example.org\n"
NOTES = ["<p><sup>[1]</sup> word</p>", "<p><sup>[2]</sup> https://example.org</p>"]


def test_a_note_of_one_word_or_an_address_stays_in_sight() -> None:
    """To a renderer without footnotes it would be the address of a link, and not be shown."""
    html = MarkdownIt("commonmark").render(shown_markdown(ANSWER))
    assert html.splitlines() == ["<p>Water boils<sup>[1]</sup> and freezes<sup>[2]</sup>.</p>", *NOTES]


def test_so_it_does_in_nbconvert() -> None:
    mistune = pytest.importorskip("nbconvert.filters.markdown_mistune")
    html = re.sub(r"</?a[^>]*>", "", mistune.markdown2html_mistune(shown_markdown(ANSWER)))
    assert html.splitlines()[1:] == NOTES


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("text\n[^4]: right after", "text\n\n<sup>[4]</sup> right after"),
        ("- item[^1]\n  [^1]: it", "- item<sup>[1]</sup>\n  <br><sup>[1]</sup> it"),
        ("> a[^1]\n>\n> [^1]: it", "> a<sup>[1]</sup>\n>\n> <sup>[1]</sup> it"),
        ("| a[^1] |\n|--|\n| b |", "| a<sup>[1]</sup> |\n|--|\n| b |"),
        ("as in [^12]: so", "as in <sup>[12]</sup>: so"),
        ("a[^1][^2]", "a<sup>[1]</sup><sup>[2]</sup>"),
    ],
)
def test_where_it_stands(markdown: str, shown: str) -> None:
    assert shown_markdown(markdown) == shown


@pytest.mark.parametrize(
    "markdown",
    [
        "[^a-z] or [^0-9]",
        "`[^1]`",
        "```\n[^1]: code\n```",
        "    [^1]: code",
        "\\[^1]",
        "[^1](https://example.org)",
        "[^1234]",
        "$[^1]$",
    ],
)
def test_what_is_no_footnote_stays(markdown: str) -> None:
    assert "sup" not in shown_markdown(markdown)


@given(
    st.lists(
        st.sampled_from(["[^1]", "[^1]: ", "[^", "]", ":", " ", "\n", "\n\n", "a", "- ", "> ", "    ", "(", "$", "\\"])
    )
)
def test_no_letter_is_lost(pieces: list[str]) -> None:
    markdown = "".join(pieces)
    shown = re.sub(r"</?(?:sup|br|span)>", "", shown_markdown(markdown))
    assert shown.count("a") == markdown.count("a")
    assert len(re.findall(r"\d", re.sub(r"&#\d+;", "", shown))) == markdown.count("1")
