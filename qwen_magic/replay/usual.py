"""Where recorded answers are, by the folder, and what is done with them, by the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, get_args

from ..errors import UsageError
from .replay import Mode

if TYPE_CHECKING:
    from pathlib import Path


class ReplayFiles(NamedTuple):
    """Where recorded answers are.

    Attributes:
        own: the file that is written.
        others: the files that are only read.
        refusal: why nothing may be written, or "".

    """

    own: Path
    others: tuple[Path, ...] = ()
    refusal: str = ""


REPLAY_SUFFIX = ".qwen.jsonl"
_UNNAMED = "-unnamed"


def replay_mode(given: str | None = None) -> Mode:
    """Return what is done with recorded answers: as given, else as ``QWEN_REPLAY`` says, else nothing.

    The environment's "only" is a teacher's or CI's word that nobody is asked: nothing goes before it.

    Args:
        given: what somebody asks for, or "" or None.

    Raises:
        UsageError: there is no such mode.

    """
    environment = os.environ.get("QWEN_REPLAY", "").strip().lower()
    mode = environment if environment == "only" else given or environment or "off"
    if mode not in get_args(Mode):
        name = "replay, or QWEN_REPLAY," if given else "QWEN_REPLAY"
        raise UsageError(f"{name} is {mode!r}", hint=f"Use one of {', '.join(get_args(Mode))}.")
    return mode  # type: ignore[return-value]


def replay_files_in(folder: Path) -> ReplayFiles:
    """Return the file for recorded answers in a folder where no notebook's name is known, and others to read.

    It has the folder's name, and is no notebook's that lies there: what such a run records is its own. All other such
    files that lie there are read, for what was recorded where the notebook's name was told.
    """
    name = folder.name or "notebook"
    while os.path.lexists(folder / f"{name}.ipynb"):
        name += _UNNAMED
    own = folder / f"{name}{REPLAY_SUFFIX}"
    return ReplayFiles(own, tuple(path for path in replay_files_beside(folder) if path != own))


def replay_files_beside(folder: Path) -> list[Path]:
    """List the files of recorded answers in a folder, by name."""
    return sorted(path for path in folder.glob(f"*{REPLAY_SUFFIX}") if os.path.isfile(path))  # noqa: PTH113 - raises nothing


def notebooks_in(folder: Path) -> list[Path]:
    """List the notebooks in a folder, by name."""
    return sorted(path for path in folder.glob("*.ipynb") if os.path.isfile(path))  # noqa: PTH113 - raises nothing
