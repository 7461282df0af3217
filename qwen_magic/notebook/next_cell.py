"""Code into a cell of the notebook: the next one, or this one. It is never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


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
