"""The processes of kernels: forks of one that has imported what each imports, which is most of a start, or new ones."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from support.light_imports import PYTHONPATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servers.forks import Fork

_FORKING = Path(__file__).with_name("forking_kernels.py")


class KernelProcess(Protocol):
    """A kernel's process."""

    def interrupt(self) -> None:
        """Interrupt it, with what it has started."""

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""


def start_kernel(python: str, file: Path, env: Mapping[str, str], folder: str, *, fresh: bool) -> KernelProcess:
    """Start a kernel on a connection file; as a fork, unless it is to be fresh or is another Python's."""
    now = {**os.environ, "PYTHONPATH": PYTHONPATH}
    read_early = any(name.startswith("PYTHON") and now.get(name) != value for name, value in env.items())
    if fresh or read_early or python != sys.executable or sys.platform != "linux":
        return _New(python, file, env, folder)
    return _Forked(_forker().fork(file, env, folder))


class _New:
    def __init__(self, python: str, file: Path, env: Mapping[str, str], folder: str) -> None:
        command = [python, "-m", "ipykernel_launcher", "-f", str(file)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            env={**env, "JPY_PARENT_PID": str(os.getpid())},
            cwd=folder,
            start_new_session=True,
        )

    def interrupt(self) -> None:
        _interrupt(self._process.pid)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)


class _Forked:
    def __init__(self, pid: int) -> None:
        from servers.forks import Fork

        self._pid = pid
        self._fork: Fork = Fork(pid)

    def interrupt(self) -> None:
        if self._fork.running():
            _interrupt(self._pid)

    def kill(self) -> None:
        self._fork.kill()


def _interrupt(pid: int) -> None:
    os.killpg(pid, signal.SIGINT)  # it leads a session


class _Forker:
    def __init__(self) -> None:
        dropped = ("QWEN_", "IPYTHON", "HF_", "JUPYTER")
        env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self._process = subprocess.Popen(
            [sys.executable, str(_FORKING)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**env, "PYTHONPATH": PYTHONPATH},
            text=True,
            start_new_session=True,  # an interrupt at the keyboard is not for it
        )

    def running(self) -> bool:
        return self._process.poll() is None

    def fork(self, file: Path, env: Mapping[str, str], folder: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        order = {"file": str(file), "env": dict(env), "folder": folder}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._process.communicate(timeout=30)


_running: list[_Forker] = []


def _forker() -> _Forker:
    if not _running or not _running[0].running():
        _running[:] = [_Forker()]
    return _running[0]


@atexit.register
def _close() -> None:
    for forker in _running:
        forker.close()
