"""An answer's code as a cell: the next one, or this one. It is never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

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
        there = f"The last answer has {len(blocks)}." if blocks else "The last answer has none."
        raise UsageError(f"no code block {number}", hint=there)
    return blocks[number - 1]


def as_comment(source: str) -> str:
    """Write a cell's source as comments."""
    return "\n".join(f"# {line}".rstrip() for line in source.strip("\n").splitlines())


def offer(shell: InteractiveShell | None, code: str, *, replace_with: str | None = None) -> None:
    """Put code into the next cell.

    Args:
        shell: the session.
        code: the code.
        replace_with: where this cell is to become the code instead, what stands above it.

    """
    if shell is None:
        return
    text = code if replace_with is None else f"{replace_with}\n\n{code}".lstrip("\n")
    shell.set_next_input(text, replace=replace_with is not None)
