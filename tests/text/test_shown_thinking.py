"""Thinking that an app shows in a fold, a quote or a box, at every place that it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.shown_thinking import split_shown_thinking

THOUGHTS = [
    "<details open><summary>Thinking…</summary>\n\nhmm, a draft\n\n</details>\n\nThe answer is 4.",
    "<details><summary>💭 Thought for 2 seconds</summary>\nhmm, a draft\n</details>\nThe answer is 4.",
    "<details><summary>思考过程</summary>hmm, a draft</details>The answer is 4.",
    "<details><summary><b>Размышления</b></summary>hmm, a draft</details>\nThe answer is 4.",
    "> hmm, a draft\n\n---\n\nThe answer is 4.",
    '<div class="thinking">hmm, a draft</div>\n\nThe answer is 4.',
    '<blockquote class="reasoning"><p>hmm, a draft</p></blockquote>\nThe answer is 4.',
]
ANSWERS = [
    "> a quote\n\nThe rest.",
    "<details><summary>More</summary>x</details>\ny",
    "<div>x</div>",
    "I think so.",
    "",
]


@pytest.mark.parametrize("shown", THOUGHTS)
def test_thinking_is_told_apart(shown: str) -> None:
    answer, thinking = split_shown_thinking(shown)
    assert answer == "The answer is 4."
    assert "hmm, a draft" in thinking
    for end in range(len(shown)):
        part, thought = split_shown_thinking(shown[:end], final=False)
        assert "summary" not in part + thought
        assert "hmm, a draft".startswith(thought) or "hmm, a draft" in thought or thought in thinking
        assert "The answer is 4.".startswith(part) or part.startswith(">")


@pytest.mark.parametrize("shown", ANSWERS)
def test_an_answer_stays(shown: str) -> None:
    assert split_shown_thinking(shown) == (shown, "")


@given(st.text(alphabet=st.sampled_from(list('<>/detailsummrythinkdv\n "=-')), max_size=80))
def test_any_text_is_taken(text: str) -> None:
    split_shown_thinking(text)
    split_shown_thinking(text, final=False)
