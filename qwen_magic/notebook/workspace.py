"""What surrounds a session in IPython: the notebook, the running cell, the user's variables."""

from __future__ import annotations

from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING

from ..chat.workspace import FilledPrompt, Named
from .front_end import runs_without_user
from .identity import cell_key, folder_of, notebook_path
from .own_names import files_like, own_cells, own_variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..parts import Part
    from ..replay.usual import ReplayFiles

_DATABASE = "qwen_magic.sqlite"
_WHICH = (
    "it is not known which of the notebooks in this folder runs. Run it with `jupyter execute NAME.ipynb`, one at a "
    "time, or in its own folder."
)


class NotebookWorkspace:
    """A shell, as a session sees it.

    Args:
        shell: the user's shell.

    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def notebook(self) -> Path | None:
        """Return the path of the notebook that this kernel runs, as far as it is told."""
        return notebook_path(self._shell)

    def database(self) -> Path | None:
        """Return the file for conversations, in the IPython profile's folder."""
        profile = getattr(self._shell, "profile_dir", None)
        return Path(profile.location) / _DATABASE if profile else None

    def replay_files(self) -> ReplayFiles:
        """Return the file for recorded answers, and others to read them from.

        It lies beside the notebook and has its name; where that is not known, it lies in the working folder. Nothing is
        recorded by a notebook that runs without a user, beside others, and of which nobody tells which it is.
        """
        from ..replay.usual import (  # noqa: PLC0415 - only where something is recorded
            REPLAY_SUFFIX,
            ReplayFiles,
            notebooks_in,
            replay_files_in,
        )

        if notebook := self.notebook():
            return ReplayFiles(notebook.with_name(notebook.stem + REPLAY_SUFFIX))
        folder = folder_of(self._shell)
        files = replay_files_in(folder)
        if runs_without_user(self._shell) and len(notebooks_in(folder)) > 1:
            return files._replace(refusal=_WHICH)
        return files

    def cell(self) -> str:
        """Return the key of the cell that runs, or ""."""
        return cell_key(self._shell)

    def execution_count(self) -> int:
        """Return the number of the cell that runs."""
        return int(getattr(self._shell, "execution_count", 0))

    def fill(self, written: str, *, evaluate: bool = False) -> FilledPrompt:
        """Fill the user's variables into a prompt; say what was cut, what was evaluated, and what stayed text.

        Raises:
            UsageError: an expression raises, or takes too long.

        """
        if "{" not in written:
            return FilledPrompt(written)
        from .lookup import fill_in  # noqa: PLC0415 - loading the extension stays light

        history = self._shell.history_manager
        inputs = {"In": history.input_hist_raw} if history else {}
        filled = fill_in(written, ChainMap(inputs, self._shell.user_ns), evaluate=evaluate)
        return FilledPrompt(filled.text, filled.notes, filled.described, filled.pictures)

    def names(self) -> list[Named]:
        """List the user's variables and cells; no value is looked into."""
        named = [Named(name, type(value).__name__) for name, value in sorted(own_variables(self._shell).items())]
        return [*(one for one in named if not one.code.startswith("_")), *own_cells(self._shell)]

    def files(self, typed: str) -> list[str]:
        """List the files whose paths begin with what was typed; a folder ends with a slash."""
        return files_like(folder_of(self._shell), typed)

    def attached(self, path: Path, most: int) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """Read a file for a prompt, as ``--attach`` does."""
        from .attachments import attached  # noqa: PLC0415 - only where something is attached

        found = attached([str(folder_of(self._shell) / path)], most=most)
        return found.parts, found.notes
