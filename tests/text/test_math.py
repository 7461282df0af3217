"""LaTeX delimiters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.math import dollar_math, nests_deep
from qwen_magic.text.safe import safe_markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"so \(x^2\) and \( y \).", "so $x^2$ and $y$."),
        ("\\[\n\\int_0^1 x\\,dx\n\\]", "$$\n\\int_0^1 x\\,dx\n$$"),
        (r"- item \(a\)" + "\n- \\[b\\]", "- item $a$\n- $$b$$"),
        (r"`\(x\)` and ``\[y\]``", r"`\(x\)` and ``\[y\]``"),
        ("```\n\\(x\\)\n```\n\\(y\\)", "```\n\\(x\\)\n```\n$y$"),
        ("- a\n  ```tex\n  \\[x\\]\n  ```\n", "- a\n  ```tex\n  \\[x\\]\n  ```\n"),
        (r"\\(x\\) is JupyterLab's own", r"\\(x\\) is JupyterLab's own"),
        (r"open \(x", r"open \(x"),
        ("open \\(x\n\ny\\)", "open \\(x\n\ny\\)"),
        (r"\(a $ b\)", r"\(a $ b\)"),
        (r"\(\)", r"\(\)"),
        (r"an escaped \[link\](x) is one too", "an escaped $$link$$(x) is one too"),
        ("a lone ` and \\(x\\)", "a lone ` and $x$"),
    ],
)
def test_delimiters(text: str, expected: str) -> None:
    assert dollar_math(text) == expected


@given(st.text(alphabet="a$`~\n -()[]{}"))
def test_a_text_without_backslashes_is_left_alone(text: str) -> None:
    assert dollar_math(text) == text


@given(st.lists(st.sampled_from(["\\(", "\\)", "\\[", "\\]", "`", "```", "\n", "\n\n", "x", " ", "$", "\\", "- "])))
def test_only_delimiters_and_white_space_change(parts: list[str]) -> None:
    text = "".join(parts)
    kept = str.maketrans("", "", "\\()[]$ \n")
    assert dollar_math(text).translate(kept) == text.translate(kept)


def test_it_is_linear() -> None:
    text = "\\(" * 100_000 + "`" * 1000 + "\\[x" * 100_000
    assert len(dollar_math(text)) == len(text)


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
