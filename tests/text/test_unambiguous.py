"""One reading of formulas, money, brackets, emphasis and tags, wherever an answer is cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from formula_cases import BRACKETS, FORMULAS, MONEY
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.text.harmless_tags import HARMLESS
from qwen_magic.text.shown import shown_markdown
from qwen_magic.text.spans import read_spans
from qwen_magic.text.unambiguous import BACKSLASH, DOLLAR, disambiguate

RENDER = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "render").glob("*.md"))
}
FORMULA = ("formula", "display", "environment")


def formulas(text: str, *, growing: bool = False) -> list[str]:
    return [span.latex.strip() for span in read_spans(text, growing=growing) if span.kind in FORMULA]


@pytest.mark.parametrize("text", [*MONEY, *BRACKETS])
def test_what_is_no_formula(text: str) -> None:
    assert formulas(text) == []
    shown = disambiguate(text)
    outside = re.sub(r"`[^`]*`|%24", "", shown)
    assert outside.count("$") <= 1  # one alone cannot be paired by any renderer
    assert disambiguate(shown) == shown


@pytest.mark.parametrize(("text", "expected"), FORMULAS)
def test_what_is_a_formula(text: str, expected: list[str]) -> None:
    assert formulas(text) == expected
    again = formulas(disambiguate(text))
    assert len(again) == len(expected)


@pytest.mark.parametrize("text", [*MONEY, *BRACKETS, *(text for text, _ in FORMULAS)])
def test_no_formula_is_taken_back_while_an_answer_grows(text: str) -> None:
    # A table and a lone bracket need their further lines to be what they are.
    if "|-" in text or "[\n" in text:
        return
    whole = formulas(text)
    for end in range(len(text)):
        found = formulas(text[:end], growing=True)
        assert found == whole[: len(found)], text[:end]


@given(
    st.lists(
        st.sampled_from(
            [
                *"$`\\|*[]()5x \n",
                "$$",
                "\\(",
                "\\)",
                "\\[",
                "\\]",
                "\n\n",
                "and",
                "=",
                "是",
                "**",
                "<b>",
                "</b>",
                "- ",
                "> ",
                "|-|",
                "```",
                "\\begin{align}",
                "\\end{align}",
                "https://x.y/$",
            ]
        ),
        max_size=40,
    ).map("".join)
)
@settings(max_examples=examples(400))
def test_the_spans_are_the_text(text: str) -> None:
    for growing in (True, False):
        assert "".join(span.source for span in read_spans(text, growing=growing)) == text
        shown_markdown(text, growing=growing)


@given(st.text(alphabet="aб \n-_#.,:;!?'\"+=/{}", max_size=60))
def test_a_text_without_marks_is_left_alone(text: str) -> None:
    assert disambiguate(text) == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs $5 and $10.", f"It costs {DOLLAR}5 and {DOLLAR}10."),
        ("It costs $5.", "It costs $5."),
        (r"It costs $5 for \(p\)", f"It costs {DOLLAR}5 for $p$"),
        (r"\(f\)\(x\)", "$f$ $x$"),
        ("`$a` and $5, $6", f"`$a` and {DOLLAR}5, {DOLLAR}6"),
        ("```\n$5 $6\n```\n$7 $8", f"```\n$5 $6\n```\n{DOLLAR}7 {DOLLAR}8"),
        ("    $ cd a\n    $ ls\n", "    $ cd a\n    $ ls\n"),
        ("[$5](https://x.y/$a) $6", f"[{DOLLAR}5](https://x.y/%24a) {DOLLAR}6"),
        (r"so \(x^2\) and \( y \).", "so $x^2$ and $y$."),
        ("\\[\n\\int_0^1 x\\,dx\n\\]", "$$\n\\int_0^1 x\\,dx\n$$"),
        ("\\[ a\n\n+ b \\]", "$$ a + b $$"),
        ("> \\[\n> a\n> = b\n> \\]", "> $$ a = b $$"),
        (r"\(\$5\)", r"$\$5$"),
        ("[ \\frac{a}{b} ]", "$$ \\frac{a}{b} $$"),
        ("| f |\n|---|\n| \\(|x|\\) |", "| f |\n|---|\n| $\\vert x\\vert$ |"),
        ("|f|\n|-|\n|$\\|x\\|$ and $\\|A\\|_F$|", "|f|\n|-|\n|$\\vert x\\vert$ and $\\Vert A\\Vert _F$|"),
        (r"\[a-z\]\(x\)", f"{BACKSLASH}[a-z{BACKSLASH}]{BACKSLASH}(x{BACKSLASH})"),
        (r"C:\(x86\)", f"C:{BACKSLASH}(x86{BACKSLASH})"),
        (r"C:\\(x86\\)", f"C:{BACKSLASH}(x86{BACKSLASH})"),
        (r"see \[1\]", r"see \[1\]"),
        ("$ \\alpha $", "$\\alpha$"),
        ("**注意：**请看", "<strong>注意：</strong>请看"),
        ("**“重点”**。", "**“重点”**。"),
        ("是**“重点”**。", "是<strong>“重点”</strong>。"),
        ("*「強調」*です。***「全部」***も", "<em>「強調」</em>です。<em><strong>「全部」</strong></em>も"),
        ("**중요(필수)**는 ~~'삭제'~~는", "<strong>중요(필수)</strong>는 <del>'삭제'</del>는"),
        ("**`代码`**是，**$x$**是", "<strong>`代码`</strong>是，<strong>$x$</strong>是"),
        ("**价格$5**，**价格$6**是", f"**价格{DOLLAR}5**，**价格{DOLLAR}6**是"),
        ("| **注意：**请 | **b** |\n|-|-|", "| <strong>注意：</strong>请 | **b** |\n|-|-|"),
        ("**重点**是 *a* 2**3**4", "**重点**是 *a* 2**3**4"),
        ("`**注意：**请` \\**注意：**请", "`**注意：**请` \\**注意：**请"),
        ("a<br>b<BR/>c H<sub>2</sub>O <KBD>x</KBD>", "a<br>b<br>c H<sub>2</sub>O <kbd>x</kbd>"),
        ("the <b> tag, </i> and <u>", "the &lt;b> tag, &lt;/i> and &lt;u>"),
        ("<b onclick=x>a</b> <img src=x>", "<b onclick=x>a&lt;/b> <img src=x>"),
        ("`<b>` <b>`</b>`</b>", "`<b>` <b>`</b>`</b>"),
        ("<b>a\n\nb</b>", "&lt;b>a\n\nb&lt;/b>"),
        ("<details open><summary>a</summary>\n\nb\n\n</details>", "<details><summary>a</summary>\n\nb\n\n</details>"),
        ("```md\n```py\nx\n```\n```\n", "````md\n```py\nx\n```\n````\n"),
        ('a<pre><code class="language-py">x&lt;1<br>y</code></pre>b', "a\n\n```py\nx<1\ny\n```\n\nb"),
        ("`<pre>` and <pre> alone", "`<pre>` and <pre> alone"),
    ],
)  # fmt: skip
def test_what_is_written(text: str, expected: str) -> None:
    assert disambiguate(text) == expected


def test_the_panel_knows_the_harmless_tags() -> None:
    page = (Path(__file__).parents[2] / "qwen_magic" / "panel" / "page" / "html.js").read_text(encoding="utf-8")
    known = re.search(r"const KNOWN =\n((?:.*\n)*?.*);", page)
    assert known
    assert set(re.findall(r"\w+", known[1])) >= HARMLESS


def test_while_it_grows() -> None:
    assert disambiguate("`$HOME and $PATH", growing=True) == f"`{DOLLAR}HOME and {DOLLAR}PATH"
    assert disambiguate("$x$", growing=True) == f"{DOLLAR}x{DOLLAR}"  # a digit may follow
    assert disambiguate("$x$ a", growing=True) == "$x$ a"
    assert disambiguate("H<sub>2", growing=True) == "H<sub>2"
    assert disambiguate("<pre><code>a<b", growing=True).startswith("\n\n```\na")


@pytest.mark.parametrize("name", RENDER)
def test_a_case_is_safe_wherever_it_is_cut(name: str) -> None:
    text = RENDER[name]
    for end in range(len(text) + 1):
        shown = shown_markdown(text[:end], growing=end < len(text))
        assert not re.search(
            r"<(?!/?(?:br|sub|sup|kbd|strong|details|summary|span|pre|code)\b)[a-z]", shown.replace("df$age2 <-", "")
        )


def test_cases() -> None:
    assert len(RENDER) == 16
    shown = {name: shown_markdown(text) for name, text in RENDER.items()}
    for name in ("C1a-money", "C1b-money-bold", "C1g-table", "C1j-european"):
        assert "$" not in shown[name]
    assert shown["C23-shell-session"].count("```\n$ cd a\n$ ls\n```") == 1
    assert "````markdown\n# Tool\n\n```python\nprint(1)\n```\n\n## End\n````\n" in shown["C2a-nested-fence"]
    assert "```python\ndef f(x):\n    return x\n```" in shown["C6-html-answer"]
