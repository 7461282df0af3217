r"""Formulas that nest so deep that a page breaks down over them."""

from __future__ import annotations

import re

_DEEPEST = 100
_LEVEL = re.compile(r"\\(?P<left>left|begin)\b|\\(?P<right>right|end)\b|\\(?:[A-Za-z]+|.)|[{}^_]|\S", re.DOTALL)


def nests_deep(text: str) -> bool:
    """Tell whether formulas in a text may nest so deep that a page breaks down over them.

    MathJax draws each level as elements within elements; a thousand of them end a tab of Chromium.

    Args:
        text: Markdown outside code.

    Returns:
        Whether groups, and macros that follow one another as if each took the next, go beyond 100 levels.

    """
    groups = [0]
    run = 0
    for match in _LEVEL.finditer(text):
        mark = match[0]
        if mark == "{" or match["left"]:
            groups.append(groups[-1] + run + 1)
            run = 0
        elif mark == "}" or match["right"]:
            if len(groups) > 1:
                groups.pop()
            run = 0
        else:
            run = run + 1 if mark in "^_" or (mark[0] == "\\" and mark[1:].isalpha()) else 0
        if groups[-1] + run > _DEEPEST:
            return True
    return False
