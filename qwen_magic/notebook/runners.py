"""Which notebook a program runs that was given it by name: `jupyter execute`, nbconvert, papermill, Voila."""

from __future__ import annotations

import os
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNNERS = frozenset({"jupyter-execute", "jupyter-nbconvert", "nbconvert", "papermill", "voila"})
_VALUES = {"--output": 1, "-p": 2, "--parameters": 2, "-r": 2, "--parameters_raw": 2}
"""Options whose values may be names of notebooks that are not run: how many values each has."""


def notebook_run() -> Path | None:
    """Return the notebook that the program was given which started this kernel; None where it is none or not sure.

    Whoever starts a kernel leaves its number in JPY_PARENT_PID; what it was called with is asked of the system.
    """
    number = os.environ.get("JPY_PARENT_PID", "")
    return _run_by(int(number)) if number.isdecimal() else None


def notebook_in(words: Sequence[str], folder: Path) -> Path | None:
    """Find the one notebook that a command runs.

    Args:
        words: the command, with its program.
        folder: where it was given.

    """
    programs = [Path(word).stem for word in words[:4]]
    runner = next((name for name in _of_jupyter(programs) if name in _RUNNERS), "")
    if not runner:
        return None
    named = [path for word in _positional(words) if (path := _notebook(folder / word))]
    if runner == "papermill":
        named = named[:1]  # the others are what it writes
    return named[0] if len(set(named)) == 1 else None


def _of_jupyter(programs: Sequence[str]) -> list[str]:
    """Return programs with ``jupyter execute`` as what it starts."""
    return [*programs, *(f"{one}-{other}" for one, other in pairwise(programs))]


def _positional(words: Sequence[str]) -> list[str]:
    """Return the words of a command that are no options, nor their values as far as those may name a notebook."""
    rest, found = list(words), []
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            del rest[: _VALUES.get(word, 0)]
        else:
            found.append(word)
    return found


def _notebook(path: Path) -> Path | None:
    """Return a notebook's path; nbclient and nbconvert take it without its ending, too."""
    for one in (path, Path(f"{path}.ipynb")):
        if one.suffix == ".ipynb" and os.path.isfile(one):  # noqa: PTH113 - raises nothing, whatever the name
            return one
    return None


@lru_cache(maxsize=1)
def _run_by(number: int) -> Path | None:
    """Ask the system what a process was called with; a kernel's parent stays the same."""
    try:
        import psutil  # noqa: PLC0415 - a kernel has loaded it anyway
    except ImportError:
        return None
    try:
        process = psutil.Process(number)
        return notebook_in(process.cmdline(), Path(process.cwd()))
    except (psutil.Error, OSError, ValueError):
        return None
