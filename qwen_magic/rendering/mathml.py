"""LaTeX as MathML, so that the page needs no script for it."""

from __future__ import annotations

import re
from html import escape

from math_core import LatexError, LatexToMathML

_LONGEST = 3000
_LONGEST_RESULT = 100_000
"""Characters; a macro may grow to a thousand times its length."""
_DEEPEST = 100
"""Browsers lay out no more than some hundred levels, and do so slowly."""

_TAG = re.compile(r"<(/?)[a-z][^<>]*?(/?)>")
_BOLD = re.compile("<(/?)b>")
_ITALIC = re.compile("<(/?)i>")
_NUMBERED = re.compile(r"\\(begin|end)\{(equation|align|gather|multline)\}")
_TAGGED = re.compile(r"\\tag\*?\{")
_NUMBERS = re.compile(r"\\label\{[^{}]*\}|\\(?:nonumber|notag)(?![A-Za-z])")
# what the library does not know, by what looks alike
_ENVIRONMENTS = (
    (re.compile(r"\\(begin|end)\{split\}"), r"\\\1{aligned}"),
    (re.compile(r"\\(begin|end)\{smallmatrix\}"), r"\\\1{matrix}"),
    (re.compile(r"\\(begin|end)\{(?:flalign|eqnarray)\*?\}"), r"\\\1{align*}"),
    (re.compile(r"\\begin\{alignat\*?\}\s*\{\d+\}"), r"\\begin{align*}"),
    (re.compile(r"\\end\{alignat\*?\}"), r"\\end{align*}"),
)
_CONVERTER = LatexToMathML(
    fancy_error=False,
    allow_unreliable_rendering=True,
    macros={"mbox": r"\text{#1}", "substack": r"\begin{matrix}#1\end{matrix}"},
)


def mathml(latex: str, *, display: bool) -> str:
    """Convert a formula.

    Equations have no numbers but those given by a tag: counting would begin anew in each formula.

    Args:
        latex: the formula without its delimiters. What it defines is gone after it.
        display: whether it stands by itself.

    Returns:
        A `math` element; the source as code where it cannot be converted. Not yet clean.

    """
    source = latex.strip()
    if len(source) <= _LONGEST:
        try:
            result = _CONVERTER.convert_with_local_state(_unnumbered(source), displaystyle=display)
        except LatexError:
            result = ""
        if result and len(result) <= _LONGEST_RESULT and _depth(result) <= _DEEPEST:
            return _BOLD.sub(r"<\1strong>", _ITALIC.sub(r"<\1em>", result))
    return f'<code class="qm-math-source">{escape(source, quote=False)}</code>'


def _unnumbered(latex: str) -> str:
    latex = _NUMBERS.sub("", latex)
    for pattern, known in _ENVIRONMENTS:
        latex = pattern.sub(known, latex)
    latex = _NUMBERED.sub(r"\\\1{\2*}", latex)
    if _TAGGED.search(latex) and not re.search(r"\\begin\{(?:equation|align|gather|multline)\*\}", latex):
        return rf"\begin{{equation*}}{latex}\end{{equation*}}"
    return latex


def _depth(markup: str) -> int:
    depth = deepest = 0
    for closing, empty in _TAG.findall(markup):
        depth += -1 if closing else not empty
        deepest = max(deepest, depth)
    return deepest
