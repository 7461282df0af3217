"""``%qwen doctor``: what a report of a bug needs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..waiting import wait_for
from .command import Command, say

if TYPE_CHECKING:
    from ..session import NotebookSession

_SIGNS = (
    ("COLAB_RELEASE_TAG", "Colab"),
    ("KAGGLE_KERNEL_RUN_TYPE", "Kaggle"),
    ("VSCODE_PID", "VS Code"),
    ("VSCODE_CWD", "VS Code"),
    ("PYCHARM_HOSTED", "PyCharm"),
    ("SPYDER_ARGS", "Spyder"),
    ("JPY_SESSION_NAME", "a Jupyter server"),
    ("JPY_PARENT_PID", "Jupyter"),
)


def _doctor(session: NotebookSession, rest: str) -> None:
    from ...chat.doctor import examine  # noqa: PLC0415 - loaded where it is asked for

    if rest not in ("", "--check"):
        raise UsageError("%qwen doctor takes only --check", hint="--check asks each target whether it answers.")
    client = session.client
    checked = wait_for(client.check(), "the check was stopped") if rest else None
    say(str(examine(client, session.chat.workspace.database(), _surroundings(session), checked)))


def _surroundings(session: NotebookSession) -> list[tuple[str, str]]:
    kernel = getattr(session.shell, "kernel", None)
    facts = [("front end", _front_end() if kernel is not None else "a terminal")]
    if kernel is not None:
        subshells = getattr(kernel, "_supports_kernel_subshells", False)
        facts.append(("kernel", f"{type(kernel).__name__}, {'with' if subshells else 'without'} subshells"))
    nest = "on" if session.nest.active else "off"
    loop = type(getattr(getattr(kernel, "io_loop", None), "asyncio_loop", None)).__name__ if kernel is not None else ""
    facts.append(("event loop", f"{loop.replace('NoneType', 'unknown') or 'none'}, nested {nest}"))
    others = [name for name in ("nest_asyncio", "uvloop") if name in sys.modules]
    if others:
        facts.append(("also loaded", ", ".join(others)))
    return facts


def _front_end() -> str:
    return next((name for variable, name in _SIGNS if os.environ.get(variable)), "unknown")


COMMANDS = (
    Command(
        "doctor",
        "[--check]",
        "show what a bug report needs and what is wrong; --check asks targets",
        _doctor,
        topic="targets",
    ),
)
