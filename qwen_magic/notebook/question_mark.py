"""``%qwen ask What is it?``: a line that ends in a question mark is IPython's help, unless it is ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ASKED = re.compile(r"\s*%qwen[ \t]+(?:ask|system|search)[ \t].*\?\s*")


def keep_questions(lines: list[str]) -> list[str]:
    """Put a blank behind the question mark of our own lines, so that IPython does not take it for its own.

    Args:
        lines: a cell's lines, with their ends.

    """
    return [f"{line.rstrip()} \n" if _ASKED.fullmatch(line) else line for line in lines]


def register(shell: InteractiveShell) -> None:
    """Let our lines end in a question mark."""
    unregister(shell)
    shell.input_transformers_cleanup.append(keep_questions)


def unregister(shell: InteractiveShell) -> None:
    """Leave all lines to IPython."""
    transformers = shell.input_transformers_cleanup
    transformers[:] = [one for one in transformers if getattr(one, "__name__", "") != keep_questions.__name__]
