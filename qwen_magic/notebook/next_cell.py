"""Code into a cell of the notebook: the next one, or this one. It is never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text.terminal import escaped

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_HIDDEN = "⚠ it had characters that hide or turn around what code says; they are written out, such as \\u202e"


def offer(shell: InteractiveShell | None, code: str, *, replace_with: str | None = None) -> str:
    r"""Put code into the next cell; what would show it in another order than it runs is written as ``\u202e``.

    Args:
        shell: the session.
        code: the code.
        replace_with: where this cell is to become the code instead, what stands above it.

    Returns:
        What is to be said of it, or "".

    """
    written = escaped(code)
    if shell is not None:
        text = written if replace_with is None else f"{replace_with}\n\n{written}".lstrip("\n")
        shell.set_next_input(text, replace=replace_with is not None)
    return "" if written == code else _HIDDEN
