"""Which cell the file stands for that IPython makes for a cell's code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_PLACE = re.compile(r"In\[(\d+)\]")


def cell_place(shell: InteractiveShell, filename: str) -> str:
    """Return the cell that a file stands for, as in ``In[3]``; "" where it is no cell's.

    Args:
        shell: the user's shell.
        filename: the file's name, as a code object or a `SyntaxError` has it.

    """
    compiler: Any = shell.compile
    if hasattr(compiler, "format_code_name"):
        named = compiler.format_code_name(filename)
        return str(named[1]) if named else ""
    # IPython 7, which Colab has, keeps no list of its files; it names each after the cell's code.
    history = shell.history_manager
    raw, parsed = (history.input_hist_raw, history.input_hist_parsed) if history else ([], [])
    for number in range(min(len(raw), len(parsed)) - 1, 0, -1):
        for end in ("", "\n"):  # the history leaves out the last one
            if compiler.get_code_name(raw[number] + end, parsed[number] + end, number) == filename:
                return f"In[{number}]"
    return ""


def cell_number(shell: InteractiveShell, filename: str) -> int:
    """Return the number of the cell that a file stands for, or 0."""
    found = _PLACE.fullmatch(cell_place(shell, filename))
    return int(found[1]) if found else 0
