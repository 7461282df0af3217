"""Formulas that nest so deep that a page breaks down over them."""

from __future__ import annotations

import pytest

from qwen_magic.text.math import nests_deep
from qwen_magic.text.safe import safe_markdown


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        (r"$x^{2^{3}}$ and {a: {b: {c: 1}}}", False),
        (r"x^{2} \frac{a}{b} word " * 2000, False),
        (r"$\alpha\beta\gamma$ " * 500, False),
        (r"\left( x \right) " * 500, False),
        ("}" * 500 + "{" * 90, False),
        ("{" * 101, True),
        ("a {" * 101, True),
        (r"$" + r"\sqrt{" * 101 + "x" + "}" * 101 + "$", True),
        (r"$" + r"\sqrt" * 101 + " x$", True),
        (r"$" + r"\sqrt{\hat" * 51 + " x", True),
        (r"\left(" * 101, True),
        ("^{" * 60, True),
    ],
)
def test_deep_nesting(text: str, deep: bool) -> None:
    assert nests_deep(text) is deep


def test_deep_formulas_are_shown_as_their_source() -> None:
    deep = r"$" + r"\sqrt{" * 1000 + "x" + "}" * 1000 + "$"
    shown = safe_markdown(f"Look: $y$\n\n{deep}\n\nand `code`\n")
    assert "$" not in shown
    assert shown.startswith("<pre><code>")
    assert safe_markdown("Look: $y$\n") == "Look: $y$\n"
