"""How footnotes are written in Markdown, and how they stand where a renderer knows none.

A note `[^1]: word` is the address of a link to most renderers: it goes out of sight, and its mark leads there. In a
cell's output a mark is a raised number that leads nowhere: JupyterLab takes ids out of a notebook that it does not
trust, and VS Code draws each output in a tree of its own, so what leads there would be dead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL = r"\[\^(?P<label>\d{1,3})\]"
"""A label: numbers alone, for `[^a-z]` and `[^aeiou]` are classes of letters much more often."""
MARK = re.compile(rf"{LABEL}(?!\(|\[(?!\^\d))")  # what is followed by an address is a link
NOTE = re.compile(rf"{LABEL}:[ \t]+(?=\S)")


def number_html(label: str) -> str:
    """Write the number of a note."""
    return f"<sup>[{label}]</sup>"


def raised_numbers(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Find the marks and notes in a stretch of a text, and how they are written with raised numbers.

    A note is a paragraph of its own, or in a list or a quote a line of its own.

    Args:
        text: Markdown.
        start: where the stretch begins, in which there is no code.
        end: where it ends.

    """
    for mark in MARK.finditer(text, start, end):
        if text.endswith("\\", 0, mark.start()):
            continue
        line = text.rfind("\n", 0, mark.start()) + 1
        before = text[line : mark.start()]
        note = NOTE.match(text, mark.start()) if not before.strip(" \t>") else None
        if note is None:
            yield mark.start(), mark.end(), number_html(mark["label"])
            continue
        above = text[text.rfind("\n", 0, line - 1) + 1 : line].strip(" \t>\n") if line else ""
        apart = "" if not above else "<br>" if before else "\n"
        yield note.start(), note.end(), f"{apart}{number_html(note['label'])} "
