"""Apps as forks of a process that has imported their Gradio: the import is nine tenths of what a start costs."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from .app_processes import APPS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

assert sys.platform == "linux"

_KEPT = 4
"""Versions that are kept imported, each in some 150 MB."""
_forkers: dict[Path, Forker] = {}


class Fork:
    """An app's process; it is no child of ours."""

    def __init__(self, pid: int) -> None:
        self._handle: int | None = None
        with contextlib.suppress(ProcessLookupError):  # it has ended
            self._handle = os.pidfd_open(pid)

    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self._handle is not None and not select.select([self._handle], [], [], 0)[0]

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        if self._handle is None:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        select.select([self._handle], [], [], 30)
        os.close(self._handle)
        self._handle = None


class Forker:
    """A process of `apps/forking.py`, which has imported Gradio.

    Args:
        python: the Python that has it.
        env: the environment of the import.

    """

    def __init__(self, python: Path, env: Mapping[str, str]) -> None:
        self._folder = tempfile.mkdtemp(prefix="qwen-magic-gradio-")
        # Gradio looks for these when it is imported.
        self._folders = {"GRADIO_TEMP_DIR": f"{self._folder}/files", "HF_HOME": f"{self._folder}/hub"}
        self._process = subprocess.Popen(
            [str(python), str(APPS / "forking.py"), str(_stdin())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**env, **self._folders},
            cwd=self._folder,
            pass_fds=[_stdin()],
            text=True,
        )

    def fork(self, path: Path, env: Mapping[str, str], folder: Path) -> Fork:
        """Start an app."""
        assert self._process.stdin
        assert self._process.stdout
        order = {"path": str(path), "env": {**env, **self._folders}, "folder": str(folder)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Fork(int(self._process.stdout.readline()))

    def close(self) -> None:
        """End it; its apps go on."""
        self._process.communicate(timeout=30)
        shutil.rmtree(self._folder, ignore_errors=True)


def forker(python: Path, env: Mapping[str, str]) -> Forker:
    """Give the one of a Python, started where there is none."""
    found = _forkers.pop(python, None) or Forker(python, env)
    _forkers[python] = found  # the last one used stands last
    for idle in list(_forkers)[:-_KEPT]:
        _forkers.pop(idle).close()
    return found


@functools.cache
def _stdin() -> int:
    # The end of a pipe whose other end closes when this process ends, however it does.
    return os.pipe()[0]


@atexit.register
def _close() -> None:
    for each in _forkers.values():
        each.close()
