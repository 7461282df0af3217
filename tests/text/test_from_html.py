"""HTML that an app made of Markdown becomes Markdown again, at every place that it is cut."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.from_html import html_to_markdown, is_html_text

LAYOUTS = Path(__file__).parents[1] / "servers" / "apps" / "layouts"
ANSWER = (
    'Here is it:\n```python\ndef f(x):\n    if x < 1:\n        return "a_b"\n    return x * 2\n```\nIt costs $5 & more.'
)


def as_html(text: str) -> str:
    sys.path.insert(0, str(LAYOUTS))
    try:
        import fake
    finally:
        sys.path.remove(str(LAYOUTS))
    return str(fake.as_html(text))


def test_lines_joined_by_breaks_and_code_in_pre_become_markdown() -> None:
    shown = as_html(ANSWER)
    assert is_html_text(shown)
    assert html_to_markdown(shown) == ANSWER


def test_it_grows_with_its_html() -> None:
    whole = as_html(ANSWER)
    for end in range(len(whole) + 1):
        part = html_to_markdown(whole[:end], final=False)
        text = part.removesuffix("```").rstrip()
        assert ANSWER.startswith(text) or text.rstrip("`") in ANSWER, (end, part)
        assert "<br" not in part
        assert "&nbsp" not in part


@pytest.mark.parametrize(
    ("shown", "markdown"),
    [
        ("<p>One.</p><p>Two <strong>bold</strong> and <em>so</em>.</p>", "One.\n\nTwo **bold** and *so*."),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<h2>Title</h2><p>Text &lt;here&gt;</p>", "## Title\n\nText <here>"),
        ('<p>See <a href="https://x.test">x</a>, <code>y</code></p>', "See [x](https://x.test), `y`"),
        ("<p>It is <math><mi>x</mi><mo>=</mo><mn>2</mn></math>.</p>", "It is $x=2$."),
    ],
)
def test_tags_become_marks(shown: str, markdown: str) -> None:
    assert html_to_markdown(shown) == markdown


@pytest.mark.parametrize(
    "text",
    [
        "A cell with `<br>` in it.\nMore.",
        "```html\n<p>Hello<br>you</p>\n```",
        "First.\n\n| a | b<br>c |\n|---|---|",
        "<b>bold</b> is all that I say.",
        "Plain.",
    ],
)
def test_what_a_model_wrote_in_a_markdown_app_stays(text: str) -> None:
    assert not is_html_text(text)


def test_a_question_that_is_shown_as_html_tells() -> None:
    assert is_html_text("<p>Hi</p>", "hello", "<p>hello</p>")
    assert not is_html_text("Use <br> here", "one\ntwo", "one\ntwo")


@given(st.text(alphabet=st.sampled_from(list('ab <>/&;pre`codebr\n"=#')), max_size=60))
def test_any_text_is_taken(text: str) -> None:
    html_to_markdown(text)
    html_to_markdown(text, final=False)
