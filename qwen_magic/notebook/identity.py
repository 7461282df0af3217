"""Which notebook and which cell this is, as far as the front end tells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .runners import notebook_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

_VS_CODE = "vscode-notebook-cell:"


def notebook_path(shell: InteractiveShell | None) -> Path | None:
    """Find the notebook that this kernel runs.

    VS Code puts its path into a variable, papermill does where it is asked to (``--inject-paths``), and a Jupyter
    server names the session after it. A name counts only where it leads to a file: a console's is made up, VS Code's
    may be on another machine, and a notebook that was renamed has left its own. What runs a notebook without a front
    end (`jupyter execute`, nbconvert, papermill, Voila) was given its name.

    Returns:
        Its path, or None where nobody tells: nbclient in a script, Colab, PyCharm, a terminal.

    """
    for name in _names(shell):
        # A server that knows no folder tells a path below its root; the kernel runs where the notebook is.
        path = Path(name) if Path(name).is_absolute() else folder_of(shell) / Path(name).name
        if _is_file(path):
            return path
    return notebook_run()


def cell_key(shell: InteractiveShell | None) -> str:
    """Return the id of the cell that runs, or "" where the front end sends none (`jupyter execute`, a terminal)."""
    get_parent = getattr(shell, "get_parent", None)  # a kernel's shell has it, a terminal's has not
    metadata = _mapping(_mapping(get_parent() if get_parent else None).get("metadata"))
    key = metadata.get("cellId") or _mapping(metadata.get("colab")).get("cell_id")
    if not isinstance(key, str):
        return ""
    # VS Code sends an address, of which all but the end is the notebook's path on the user's machine.
    return key.rpartition("#")[2] if key.startswith(_VS_CODE) else key


def _names(shell: InteractiveShell | None) -> Iterator[str]:
    """Yield what may be the notebook's path; VS Code goes first, for its sessions on a server have made-up names."""
    variables = shell.user_ns if shell else {}
    told = (variables.get("__vsc_ipynb_file__"), variables.get("PAPERMILL_INPUT_PATH"))
    for name in (*told, os.environ.get("JPY_SESSION_NAME")):
        if isinstance(name, str) and name:
            yield name


def folder_of(shell: InteractiveShell | None) -> Path:
    """Return the folder that the kernel was started in, wherever it has gone since."""
    return Path(getattr(shell, "starting_dir", "") or Path.cwd())


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - raises nothing, whatever the name and the rights


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
