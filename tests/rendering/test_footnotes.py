"""Footnotes in an answer: marks are raised, notes are paragraphs of their own, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.rendering.growing import GrowingHtml
from qwen_magic.rendering.html import to_html

ANSWER = """\
Water is wet[^1], they say[^2][^13].

[^1]: A *source*, `with code`,
on two lines.
[^2]: https://example.org
[^13]: The last.

After.
"""
HTML = (
    "<p>Water is wet<sup>[1]</sup>, they say<sup>[2]</sup><sup>[13]</sup>.</p>"
    '<p class="qm-note"><sup>[1]</sup> A <em>source</em>, <code>with code</code>, on two lines.</p>'
    '<p class="qm-note"><sup>[2]</sup> <a href="https://example.org" target="_blank" rel="noopener noreferrer">'
    "https://example.org</a></p>"
    '<p class="qm-note"><sup>[13]</sup> The last.</p><p>After.</p>'
)


def squeezed(html: str) -> str:
    return re.sub(r"\n(?=<)|\n\Z", "", html).replace("\n", " ")


def test_marks_and_notes() -> None:
    assert squeezed(to_html(ANSWER)) == HTML


def test_they_are_the_same_however_they_come() -> None:
    for cut in range(len(ANSWER)):
        growing = GrowingHtml()
        for piece in (ANSWER[:cut], ANSWER[cut:]):
            growing.add(piece)
            growing.delta()
        growing.delta(final=True)
        assert squeezed("".join(growing.blocks())) == HTML, cut


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("text\n[^4]: right after", '<p>text</p><p class="qm-note"><sup>[4]</sup> right after</p>'),
        ("- item[^1]\n  [^1]: it", '<ul><li>item<sup>[1]</sup><p class="qm-note"><sup>[1]</sup> it</p></li></ul>'),
        ("[^1]: note\n- list", '<p class="qm-note"><sup>[1]</sup> note</p><ul><li>list</li></ul>'),
        ("| a[^1] |\n|--|\n| b |", "<th>a<sup>[1]</sup></th>"),
    ],
)
def test_notes_stand_where_they_are_written(markdown: str, html: str) -> None:
    assert html in squeezed(to_html(markdown))


@pytest.mark.parametrize(
    "markdown",
    [
        "[^0-9] or [^abc]",
        "`[^1]`",
        "```\n[^1]: code\n```",
        "    [^1]: code",
        "\\[^1]",
        "[^1](https://x.org)",
        "[^1234]",
        "$[^1]$",
    ],
)
def test_what_is_none_stays(markdown: str) -> None:
    html = to_html(markdown)
    assert "<sup>" not in html
    assert "qm-note" not in html


def test_a_note_is_as_safe_as_any_text() -> None:
    html = to_html("[^1]: <script>x</script> [x](javascript:1) ![y](https://x.org/y.png)")
    assert "<script" not in html
    assert "javascript" not in re.sub(r"\[x\]\(javascript:1\)", "", html)
    assert "<img" not in html


@given(
    st.lists(st.sampled_from(["[^1]", "[^1]: ", "[^", "]", ":", " ", "\n", "\n\n", "a", "- ", "> ", "    ", "(", "["]))
)
def test_whatever_comes_is_rendered(pieces: list[str]) -> None:
    text = "".join(pieces)
    html = to_html(text)
    letters = re.sub(r"<[^>]*>", "", html).count("a")
    assert letters == text.count("a"), "a word is lost"
