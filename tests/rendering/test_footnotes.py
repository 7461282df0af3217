"""Footnotes in an answer: marks are raised, notes are paragraphs of their own, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.rendering.footnotes import with_ids
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


def mark(label: int) -> str:
    return (
        f'<sup><a class="qm-mark" href="#qm-note-{label}" aria-label="Note [{label}]" rel="noopener noreferrer">'
        f"[{label}]</a></sup>"
    )


def note(label: int, inner: str) -> str:
    back = f'<a class="qm-back" href="#qm-mark-{label}" aria-label="Back to [{label}]" rel="noopener noreferrer">↩</a>'
    return f'<p class="qm-note"><sup>[{label}]</sup> {inner} {back}</p>'


HTML = (
    f"<p>Water is wet{mark(1)}, they say{mark(2)}{mark(13)}.</p>"
    f"{note(1, 'A <em>source</em>, <code>with code</code>, on two lines.')}"
    + note(2, '<a href="https://example.org" target="_blank" rel="noopener noreferrer">https://example.org</a>')
    + f"{note(13, 'The last.')}<p>After.</p>"
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
        ("text\n[^4]: right after", f"<p>text</p>{note(4, 'right after')}"),
        ("- item[^1]\n  [^1]: it", f"<ul><li>item{mark(1)}{note(1, 'it')}</li></ul>"),
        ("[^1]: note\n- list", f"{note(1, 'note')}<ul><li>list</li></ul>"),
        ("| a[^1] |\n|--|\n| b |", f"<th>a{mark(1)}</th>"),
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


def test_with_ids_the_ends_lead_to_each_other_and_to_nothing_else() -> None:
    text = "a[^1] b[^1] c[^2]\n\n[^1]: one\n\n[^1]: again\n\n[^3]: three"
    html = with_ids(to_html(text), "turn-7")
    assert re.findall(r' id="([^"]*)"', html) == ["turn-7-mark-1", "turn-7-note-1"]
    assert set(re.findall(r'href="#([^"]*)"', html)) == {"turn-7-mark-1", "turn-7-note-1"}
    assert "c<sup>[2]</sup>" in html, "a mark without a note is no link"
    assert re.sub("<[^>]*>|↩", "", html).split() == re.sub("<[^>]*>|↩", "", to_html(text)).split()


@pytest.mark.parametrize(
    "hostile",
    [
        '[x](#qm-note-1 "y")',
        '<a class="qm-mark" href="#qm-note-1" aria-label="z" rel="">[1]</a>',
        '`<a class="qm-mark" href="#qm-note-1" aria-label="z" rel="">[1]</a>`',
        '[^1" onclick="x]',
        "[^__proto__]",
        "[^constructor]: x",
        "[^１]",
        "[^1\u202e]",
        "[^-1]",
        "[^<b>]",
        "[^javascript:1]: x",
    ],
)
def test_names_of_others_making_lead_nowhere(hostile: str) -> None:
    html = with_ids(to_html(f"{hostile}\n\n[^1]: note"), "turn-1")
    tags = "".join(re.findall("<[^>]*>", html))
    assert "turn-1" not in tags
    assert "onclick" not in tags
    assert "qm-mark" not in tags


@given(
    st.lists(st.sampled_from(["[^1]", "[^1]: ", "[^", "]", ":", " ", "\n", "\n\n", "a", "- ", "> ", "    ", "(", "["]))
)
def test_whatever_comes_is_rendered(pieces: list[str]) -> None:
    text = "".join(pieces)
    html = to_html(text)
    letters = re.sub(r"<[^>]*>", "", html).count("a")
    assert letters == text.count("a"), "a word is lost"
