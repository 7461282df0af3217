"""What is the user's own, by name: variables, cells, and the files beside the notebook."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..chat.workspace import Named

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

_MOST_CELLS = 20
_MOST_LISTED = 2000
"""Entries of a folder that are looked at."""
_CODE = 40


def own_variables(shell: InteractiveShell | None) -> dict[str, Any]:
    """Return the user's variables, without those that IPython put there."""
    if shell is None:
        return {}
    hidden = shell.user_ns_hidden
    found = dict(shell.user_ns)  # a cell may run meanwhile
    return {name: value for name, value in found.items() if name not in hidden or hidden[name] is not value}


def own_cells(shell: InteractiveShell) -> list[Named]:
    """Return the last cells that were run, the newest first, each with its output where it has one."""
    history = shell.history_manager
    inputs = list(history.input_hist_raw) if history else []
    outputs = dict(shell.user_ns.get("Out", {}))
    found = []
    for number in range(len(inputs) - 1, max(0, len(inputs) - 1 - _MOST_CELLS), -1):
        line = next(iter(inputs[number].strip().splitlines()), "")
        found.append(Named(f"In[{number}]", line[:_CODE]))
        if number in outputs:
            found.append(Named(f"Out[{number}]", type(outputs[number]).__name__))
    return found


def files_like(folder: Path, typed: str) -> list[str]:
    """List the files below a folder whose paths begin with what was typed, and the folders with a slash behind them.

    Hidden ones are listed where their dot was typed.
    """
    path, _, beginning = typed.rpartition("/")
    before = f"{path}/" if path or typed.startswith("/") else ""
    found = []
    try:
        with os.scandir(folder / before) as entries:
            for entry, _count in zip(entries, range(_MOST_LISTED), strict=False):
                hidden = entry.name.startswith(".") and not beginning.startswith(".")
                if not hidden and entry.name.lower().startswith(beginning.lower()):
                    found.append(f"{before}{entry.name}{'/' if entry.is_dir() else ''}")
    except (OSError, ValueError):
        return []
    return sorted(found, key=lambda name: (name.endswith("/"), name.lower()))
