"""Formulas between double dollars while an answer grows, wherever it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.double_dollars import DoubleDollars

CASES = [
    ("Inline \\(a^2\\) and $x^2$.\n", "Inline $$a^2$$ and $$x^2$$.\n"),
    ("It costs $5 to $10.\n", "It costs $5 to $10.\n"),
    ("So\n\n\\[ \\int_0^1 x\\,dx \\]\n\nis it", "So\n\n$$\n\\int_0^1 x\\,dx\n$$\n\nis it"),
    ("\\[\na = b\n\\]\nEnd", "$$\na = b\n$$\nEnd"),
    ("$$\na\n$$\n", "$$\na\n$$\n"),
    (
        "```python\nre.split(r'\\(a\\)', x)  # $a$ $b$\n```\n$y^2$",
        "```python\nre.split(r'\\(a\\)', x)  # $a$ $b$\n```\n$$y^2$$",
    ),
    ("`\\(a\\)` and \\(b\\)\n", "`\\(a\\)` and $$b$$\n"),
    ("~~~\n```\n$a$\n~~~\n", "~~~\n```\n$a$\n~~~\n"),
    ("never closed \\[ a\n\nnext\n", "never closed \\[ a\n\nnext\n"),
]


def written(pieces: list[str]) -> str:
    writer = DoubleDollars()
    return "".join([*map(writer.add, pieces), writer.close()])


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_at_every_cut(text: str, wanted: str) -> None:
    assert written([text]) == wanted
    assert written(list(text)) == wanted
    for cut in range(len(text)):
        assert written([text[:cut], text[cut:]]) == wanted


def test_what_begins_no_formula_is_shown_at_once() -> None:
    writer = DoubleDollars()
    assert writer.add("Some words") == "Some words"
    assert writer.add(" and \\(a") == " and "
    assert writer.add("^2\\) so") == ""
    assert writer.add(" on\nnext") == "$$a^2$$ so on\nnext"
    assert writer.add(" `co") == " "
    assert writer.add("de` and") == "`code` and"
    assert writer.close() == ""


def test_what_is_held_can_be_taken_back() -> None:
    writer = DoubleDollars()
    assert writer.add("so $x") == "so "
    writer.take_back(1)
    assert writer.add("y$\n") == "$$y$$\n"


@given(st.lists(st.sampled_from(["$", "\\(", "\\)", "\\[", "\\]", "```", "`", "a", " ", "\n", "1", "\\"]), max_size=30))
def test_no_letter_is_lost_wherever_it_is_cut(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = written([text])
    assert whole.count("a") == text.count("a")
    assert written(list(text)).count("a") == text.count("a")
