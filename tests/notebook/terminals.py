"""A terminal, and what it shows."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from kernels import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][0-9A-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")


IPYTHON = ("IPython", "--simple-prompt", "--no-banner", "--colors=NoColor", "--no-confirm-exit")


class Terminal:
    """IPython in a pty, or another module that is run there; each piece of its output is kept with its time."""

    def __init__(self, folder: Path, target: str, module: Sequence[str] = IPYTHON) -> None:
        import pexpect

        env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder), "QWEN_TARGET": target}
        env |= {"TERM": "xterm-256color"}
        command = ["-m", *module]
        self.child: Any = pexpect.spawn(
            sys.executable, command, env=env, encoding="utf-8", dimensions=(40, 200), timeout=30, echo=False
        )
        self.pieces: list[tuple[float, str]] = []

    def until(self, pattern: str, timeout: float = 30) -> str:
        """Read until a pattern came; give what was read."""
        import pexpect

        self.pieces = []
        end = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            try:
                self.pieces.append((time.monotonic(), self.child.read_nonblocking(65536, 0.2)))
            except pexpect.TIMEOUT:
                continue
        return self.text

    @property
    def text(self) -> str:
        return "".join(piece for _, piece in self.pieces)

    def line(self, line: str) -> None:
        self.child.send(line + "\n")

    def close(self) -> None:
        end(self.child)


def end(child: Any) -> None:
    """Kill a program in a pty and wait for it: pexpect gives up where a busy machine takes a tenth of a second."""
    if child.isalive():
        child.kill(signal.SIGKILL)
        child.wait()
    child.close()


def screen(text: str) -> str:
    """Give what a terminal would show: carriage returns and erased lines applied."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for piece in re.split(r"\r(?:\x1b\[K)?", line):
            shown = piece or shown if "\r\x1b[K" not in line else piece
        lines.append(ESCAPES.sub("", shown))
    return "\n".join(lines)
