"""Real Gradio servers as child processes on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .app_processes import start_app
from .environments import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from .app_processes import AppProcess

# Nothing of the outer world: no analytics, no Hub, no proxy between us and loopback.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "NO_PROXY": "*",
    "no_proxy": "*",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
}
DROPPED = ("GRADIO_", "HF_", "SPACE_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "QWEN_")


def free_port() -> int:
    """Give a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class GradioServer:
    """An app of `apps/` under one Gradio version: started on entry, stopped on exit.

    Attributes:
        version: Gradio's version.
        app: the app's name, "qwenlike".
        url: its address, without a slash at the end.

    """

    def __init__(self, version: str, app: str, *, timeout: float = 60, **env: str) -> None:
        self.version = version
        self.app = app
        self.env = env
        self.timeout = timeout
        self.port = 0
        self.url = ""
        self.start_seconds = 0.0
        self.folder: Path | None = None
        self.process: AppProcess | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        python = environment(self.version)
        self.folder = Path(tempfile.mkdtemp(prefix="qwen-magic-gradio-"))
        try:
            # Another process may take the port between our look and the server's bind.
            for attempt in range(3):
                if self._start_once(python, last=attempt == 2):
                    return self
        except BaseException:
            self.stop()
            raise
        raise AssertionError("unreachable")

    def restart(self) -> Self:
        """Start it anew, at the same address."""
        self.stop()
        return self.start()

    def _start_once(self, python: Path, *, last: bool) -> bool:
        assert self.folder
        begin = time.monotonic()
        self.port = self.port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {k: v for k, v in os.environ.items() if not k.upper().startswith(DROPPED) and "PROXY" not in k.upper()}
        env |= {**QUIET, "GRADIO_TEMP_DIR": str(self.folder / "files"), "HF_HOME": str(self.folder / "hub")}
        env |= {"PORT": str(self.port), "HOST": "127.0.0.1", "QWEN_TEST_WATCH_STDIN": "1"}
        env |= {"QWEN_TEST_LOG": str(self.folder / "log.jsonl"), **self.env}
        self.process = start_app(python, self.app, env, self.folder)
        while not self._answers():
            ended = not self.process.running()
            if ended and not last and ("port" in self.output().lower()):
                self.process.kill()
                self.port = 0
                return False
            if ended or time.monotonic() > begin + self.timeout:
                what = "ended" if ended else f"did not answer in {self.timeout:g} s"
                raise RuntimeError(f"Gradio {self.version} {self.app} {what}:\n{self.output()}")
            time.sleep(0.05)
        self.start_seconds = time.monotonic() - begin
        return True

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/config")
            return connection.getresponse().status in (200, 401)  # 401: it wants a login
        except OSError:
            return False
        finally:
            connection.close()

    def output(self) -> str:
        """Give what the server printed so far."""
        path = self.folder / "output.txt" if self.folder else None
        return path.read_text(encoding="utf-8", errors="replace") if path and path.exists() else ""

    def log(self) -> list[dict[str, Any]]:
        """Give what the app recorded so far: a "start" of each call with what it got, and its end."""
        path = self.folder / "log.jsonl" if self.folder else None
        if not path or not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")[:-1]  # the last one is empty, or not yet whole
        return [json.loads(line) for line in lines]

    def calls(self, fn: str | None = None) -> list[dict[str, Any]]:
        """Give the starts alone, of one function or all."""
        return [entry for entry in self.log() if entry["event"] == "start" and fn in (None, entry["fn"])]

    def wait_log(self, predicate: Callable[[dict[str, Any]], bool], timeout: float = 10) -> dict[str, Any]:
        """Wait for an entry. This blocks: in a test with a loop of its own, call it in a thread."""
        end = time.monotonic() + timeout
        while True:
            log = self.log()
            for entry in log:
                if predicate(entry):
                    return entry
            if time.monotonic() > end:
                raise AssertionError(f"not recorded in {timeout:g} s; the log: {log}")
            time.sleep(0.02)

    def clear_log(self) -> None:
        """Forget what was recorded."""
        if self.folder:
            with contextlib.suppress(FileNotFoundError):
                (self.folder / "log.jsonl").unlink()

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.running()

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        """End it, and remove what it wrote."""
        # No farewell: Gradio's own waits for open streams.
        self.kill()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
