"""An answer's code as the source of a cell; it is never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..text.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..text.fences import CodeBlock

_PYTHON = ("", "python", "py", "python3", "ipython", "ipython3", "pycon", "jupyter")
_CELL_MAGICS = {
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "console": "bash",
    "html": "html",
    "svg": "svg",
    "javascript": "javascript",
    "js": "javascript",
    "latex": "latex",
    "markdown": "markdown",
    "md": "markdown",
    "r": "R",
    "perl": "perl",
    "ruby": "ruby",
    "sql": "sql",
}


def cell_code(blocks: Sequence[CodeBlock]) -> str:
    """Return the code blocks of an answer as the source of a cell.

    Args:
        blocks: the answer's code blocks.

    Returns:
        All its Python; where it has none, its first block under the cell magic of its language, where there is one.
        "" where there is no block.

    """
    if python := [block.code for block in blocks if block.language in _PYTHON and block.code.strip()]:
        return "\n\n".join(python)
    return block_code(blocks[0]) if blocks else ""


def block_code(block: CodeBlock) -> str:
    """Return one block as the source of a cell."""
    magic = _CELL_MAGICS.get(block.language)
    return f"%%{magic}\n{block.code}" if magic else block.code


def nth_block(blocks: Sequence[CodeBlock], number: int) -> CodeBlock:
    """Return a block by its number, from 1.

    Raises:
        UsageError: there is none of that number.

    """
    if not 1 <= number <= len(blocks):
        there = f"The last answer has {counted(len(blocks), 'code block')}." if blocks else "Ask for code first."
        raise UsageError(f"there is no code block {number}", hint=there)
    return blocks[number - 1]


def as_comment(source: str) -> str:
    """Write a cell's source as comments."""
    return "\n".join(f"# {line}".rstrip() for line in source.strip("\n").splitlines())
