"""What the front end that asked can do: draw a display anew, which consoles cannot, and make a next cell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from .identity import cell_key

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# A server of notebooks, Colab and Databricks set these; their front ends update displays, and may name no cell.
_OF_COLAB = ("COLAB_RELEASE_TAG", "COLAB_GPU")
_OF_NOTEBOOKS = ("JPY_SESSION_NAME", *_OF_COLAB, "DATABRICKS_RUNTIME_VERSION")


def updates_displays(shell: InteractiveShell | None) -> bool:
    """Tell whether a display can be updated where the running cell's output goes.

    `jupyter console`, qtconsole, Spyder's console and `jupyter run` take a display once and ignore its updates. They
    name no cell, and can be asked for input, which runners of notebooks (nbclient, papermill, Voila) cannot.

    Args:
        shell: the shell whose cell it is, or None.

    """
    if getattr(shell, "kernel", None) is None:
        return False
    if cell_key(shell) or any(os.environ.get(name) for name in _OF_NOTEBOOKS):
        return True
    return not _content(shell).get("allow_stdin")


def next_cell_of(shell: InteractiveShell | None) -> Literal["made", "unsure", "none"]:
    """Tell whether a next cell is made where a cell asks for one.

    Colab made none until about 2025 (googlecolab/colabtools issues 1619 and 5176). What runs a notebook without a user
    (nbclient, papermill, Voila) makes none; it names no cell, and nobody can be asked for input.

    Args:
        shell: the shell whose cell it is, or None.

    """
    if any(os.environ.get(name) for name in _OF_COLAB):
        return "unsure"
    if getattr(shell, "kernel", None) is None or cell_key(shell) or os.environ.get("JPY_SESSION_NAME"):
        return "made"
    return "made" if _content(shell).get("allow_stdin") else "none"


def runs_without_user(shell: InteractiveShell | None) -> bool:
    """Tell whether the running cell is one of a notebook that a program runs, with nobody before it.

    Args:
        shell: the shell whose cell it is, or None.

    """
    return "allow_stdin" in _content(shell) and next_cell_of(shell) == "none"  # a panel's message allows nothing


def _content(shell: Any) -> dict[str, Any]:
    get_parent = getattr(shell, "get_parent", None)
    parent = get_parent() if get_parent else None
    content = parent.get("content") if isinstance(parent, dict) else None
    return content if isinstance(content, dict) else {}
