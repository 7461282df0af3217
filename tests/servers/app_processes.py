"""The processes that Gradio apps run in."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

APPS = Path(__file__).parent / "apps"


class AppProcess(Protocol):
    """An app's process."""

    def running(self) -> bool:
        """Tell whether it has not ended."""

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""


def start_app(python: Path, app: str, env: Mapping[str, str], folder: Path) -> AppProcess:
    """Start an app of `apps/` with a Python that has Gradio: as a fork, where there are forks.

    Its standard input stays open while this process lives. What it prints is added to `output.txt` in the folder.
    """
    path = APPS / f"{app}.py"
    if sys.platform == "linux":
        from .forks import forker

        return forker(python, env).fork(path, env, folder)
    return _Child(python, path, env, folder)


class _Child:
    def __init__(self, python: Path, path: Path, env: Mapping[str, str], folder: Path) -> None:
        with (folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [str(python), str(path)], stdin=subprocess.PIPE, stdout=output, stderr=output, env=env, cwd=folder
            )

    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
