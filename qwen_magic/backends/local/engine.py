"""The llama.cpp engine in a child process: started on first use, started anew when it died."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ...errors import EngineError, LocalError, WeightsError
from ...text.secrets import find_secrets
from . import machine
from .weight_sources import separate_group
from .wheels import missing

CONTEXT = 8192
"""Tokens for each answer, its prompt among them."""
SLOTS = 2
"""Answers side by side."""

_CHILD = Path(__file__).with_name("llama_child.py")
_MAGIC = b"GGUF"
_GB = 10**9
_LOG_BYTES = 8192
_SECRET_NAME = re.compile(r"(?i)key|token|secret|passw|credential|QWEN_TARGET")
_EXTRA = 'Install it: pip install "qwen-magic[local]"'
_HINTS = {
    "no-library": "Install it, on Debian and Ubuntu: apt-get install libgomp1.",
    "memory": "Close other programs, or use a smaller model.",
    "bad-gguf": "Download the file again, or use another.",
    "architecture": "Upgrade the engine: pip install --upgrade xllamacpp.",
    "other": "Ask again; if it never works, try another target.",
}


@dataclass(frozen=True)
class Address:
    """Where a running engine answers.

    Attributes:
        url: its base URL.
        key: the key that it asks for.

    """

    url: str
    key: str = field(repr=False)


class Engine:
    """One model in one child process.

    It may be used from several threads. The child ends with `close`, with this object, and with this process,
    however that ends.

    Args:
        model: a GGUF file.
        projector: the GGUF file of the projector by which it sees, or None.

    """

    def __init__(self, model: Path, projector: Path | None = None) -> None:
        self.model = model
        self.projector = projector
        self._starting = threading.Lock()
        self._child: _Child | None = None
        self._address: Address | None = None

    def __repr__(self) -> str:
        return f"Engine({self.model.name!r}, {'running' if self.running else 'not running'})"

    @property
    def running(self) -> bool:
        """Whether the engine is ready to answer."""
        child = self._child
        return child is not None and self._address is not None and child.alive

    @property
    def pid(self) -> int | None:
        """The child's process id, or None where there is none."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    def start(self) -> Address:
        """Return where the engine answers; start it where it does not run, and wait for its model.

        Raises:
            WeightsError: the file is no model.
            EngineError: the engine is missing, has too little memory, or does not start.

        """
        with self._starting:
            if self.running and self._address is not None:
                return self._address
            self.close()
            _check(self.model, self.projector)
            return self._start()

    def death(self, wait: float = 0.0) -> str:
        """Tell how the engine died; "" if it runs.

        Args:
            wait: how long a dying engine is waited for, in seconds.

        """
        child = self._child
        return "" if child is None else child.death(wait)

    def close(self) -> None:
        """End the child; the next `start` starts another."""
        child, self._child, self._address = self._child, None, None
        if child is not None:
            child.end()

    def _start(self) -> Address:
        child = self._child = _Child()
        key = secrets.token_urlsafe(32)
        config = {
            "model": str(self.model.absolute()),
            "projector": str(self.projector.absolute()) if self.projector else "",
            "key": key,
            "threads": machine.threads(),
            "context": CONTEXT,
            "slots": SLOTS,
        }
        report = child.ask(config)
        if "url" not in report:
            self.close()
            raise _start_error(report, child, self.model, self.projector)
        self._address = Address(report["url"], key)
        return self._address


def environment() -> dict[str, str]:
    """Return the environment without what is secret in it, or may be by its name: an engine needs no keys."""
    return {
        name: value
        for name, value in os.environ.items()
        if not _SECRET_NAME.search(name) and not find_secrets(f"{name}={value}")
    }


class _Child:
    """The process, its log, and its end."""

    def __init__(self) -> None:
        if not sys.executable:
            raise EngineError("this Python cannot start another process", hint="Try another target.")
        # A file and no pipe: it never fills up, and needs no thread that drains it.
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment(),
            **separate_group(),
        )
        self.tail = ""
        self._finalizer = weakref.finalize(self, _end, self.process, self.log, os.getpid())

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, config: dict[str, Any]) -> dict[str, str]:
        """Give the child its orders; return its report, {} if it died."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe
        assert self.process.stdout is not None  # noqa: S101 - a pipe
        with contextlib.suppress(OSError, ValueError):  # died, or was ended in the meantime
            self.process.stdin.write(json.dumps(config).encode() + b"\n")
            self.process.stdin.flush()
            report = json.loads(self.process.stdout.readline())
            if isinstance(report, dict):
                return report
        return {}

    def death(self, wait: float) -> str:
        try:
            code = self.process.wait(wait)
        except subprocess.TimeoutExpired:
            return ""
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End the process, and keep the end of its log."""
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError, ValueError):
            self.log.seek(max(0, self.log.seek(0, os.SEEK_END) - _LOG_BYTES))
            self.tail = self.log.read().decode("utf-8", "replace")
        self._finalizer()


def _end(process: subprocess.Popen[bytes], log: IO[bytes], owner: int) -> None:
    """Kill the process, unless we are a fork of the one that started it, and close the files."""
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
    for file in (process.stdin, process.stdout, log):
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def _check(model: Path, projector: Path | None) -> None:
    """Refuse what cannot work before a process is started for it."""
    needed = memory_needed(_size_of(model)) + (_size_of(projector) if projector else 0)
    available = machine.available_memory()
    if available is not None and needed > available:
        raise EngineError(
            f"too little memory: about {needed / _GB:.1f} GB are needed, {available / _GB:.1f} GB are free",
            hint=_HINTS["memory"],
        )


def _size_of(path: Path) -> int:
    """Return a GGUF file's size in bytes; refuse what is none."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
        size = path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror})", hint="Check the path.") from error
    if magic != _MAGIC:
        raise WeightsError(f"{path.name} is not a GGUF file", hint=_HINTS["bad-gguf"])
    return size


def memory_needed(size: int) -> int:
    """Estimate what a model takes in memory.

    Args:
        size: its file's size, in bytes.

    Returns:
        Bytes, with the context of all slots; measured on a 0.5B and computed for a 7B.

    """
    return int(size * (1.2 + CONTEXT * SLOTS / 40_000))


def _start_error(  # noqa: PLR0911 - a table
    report: dict[str, str], child: _Child, model: Path, projector: Path | None
) -> LocalError:
    """Say why an engine did not start, from its report and its log."""
    kind, message, log = report.get("error", ""), report.get("message", ""), child.tail
    if kind == "no-module":
        return missing(message)
    if kind == "no-library":
        library = re.search(r"[\w.+-]*libgomp[\w.+-]*", message)
        hint = _HINTS[kind] if library else f"Install the library, or install the engine again: {_EXTRA[12:]}."
        return EngineError(f"the llama.cpp engine needs a system library that is missing ({message})", hint=hint)
    if kind == "version":
        return EngineError(
            f"this version of the llama.cpp engine cannot be used ({message})", hint=_HINTS["architecture"]
        )
    if kind == "memory" or re.search(r"insufficient memory|failed to allocate|bad_alloc", log):
        return EngineError("too little memory for the model", hint=_HINTS["memory"])
    if unknown := re.search(r"unknown model architecture: '?([\w.-]+)", log):
        return EngineError(
            f"the engine does not know the architecture of the model, {unknown[1]}", hint=_HINTS["architecture"]
        )
    if "CLIP cannot be used as main model" in log:
        hint = f"Name the model before it: local:MODEL.gguf+{model.name}."
        return WeightsError(f"{model.name} is a projector, not a model", hint=hint)
    if kind == "load" and projector and "failed to load multimodal" in log:
        what = "does not fit the model" if "mismatch between text model" in log else "is broken, or is not a projector"
        return WeightsError(f"{projector.name} {what}", hint="Use the projector that comes with the model.")
    if kind == "load":
        why = re.search(r"error loading model: (.+)", log) or re.search(r"E gguf\w*: (.+)", log)
        what = f"{model.name} is a broken GGUF file, or one that the engine cannot run"
        return WeightsError(f"{what} ({why[1]})" if why else what, hint=_HINTS["bad-gguf"])
    lines = log.strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    return EngineError(f"the engine did not start ({child.death(0)}{last})", hint=_HINTS["other"])
