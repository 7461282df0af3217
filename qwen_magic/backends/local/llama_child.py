"""The engine's process: llama.cpp's server on loopback, which ends with the process that started it.

It is started by its path and imports nothing of the package. On its standard input comes one line of JSON:
model (a path), projector (a path or ""), key, threads, context (tokens for each answer), slots (answers side by
side). On its standard output goes one line: ``{"url": ...}``, or ``{"error": kind, "message": ...}``. When its input
ends, it ends.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # This script's own folder holds modules with names of the standard library's.
    sys.path.pop(0)

import json
import os
import signal
import threading
import time
from typing import Any

_FLUSH_SECONDS = 0.3
"""llama.cpp writes its log from a thread of its own."""
_POLL_SECONDS = 1.0
_PICTURE_BATCH = 512
"""Tokens of a batch where there are pictures: some models' must be read at once."""
_LATE_OPTIONS = {
    "ui": False,
    "cache_ram_mib": 256,  # of old prompts; 8 GiB without a word
    "sse_ping_interval": 1,  # a ping that fails tells the server that nobody listens
}
"""Options that some versions of the engine have not."""


def main() -> None:
    """Serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed belongs with the log
    config = json.loads(sys.stdin.buffer.readline())
    _let_the_system_end_us()
    threading.Thread(target=_end_with_input, daemon=True).start()
    answer, server = _serve(config)
    report.write(json.dumps(answer) + "\n")
    report.close()
    # A process forked from the parent may hold our input open, so look at the parent too.
    while server is not None and os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(0)


def _let_the_system_end_us() -> None:
    """Have Linux end this process when its input ends: no thread of Python runs while a model is being loaded."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not on Windows

        signal.signal(signal.SIGIO, signal.SIG_DFL)  # which is to end
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _serve(config: dict[str, Any]) -> tuple[dict[str, str], Any]:
    """Start the server; return what is reported, and the server or None."""
    # Threads that spin for long while they wait lose nine tenths of the speed as soon as another program is busy;
    # threads that do not spin at all lose four tenths on a quiet machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        import xllamacpp  # noqa: PLC0415 - in this process alone
    except ModuleNotFoundError as error:
        return {"error": "no-module", "message": str(error)}, None
    except ImportError as error:
        return {"error": "no-library", "message": str(error)}, None
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, config))
    except MemoryError:
        return {"error": "memory", "message": ""}, None
    except (AttributeError, TypeError) as error:
        return {"error": "version", "message": str(error)}, None
    except Exception as error:  # noqa: BLE001 - the parent says it better
        time.sleep(_FLUSH_SECONDS)
        return {"error": "load", "message": str(error)}, None
    return {"url": server.listening_address}, server


def _parameters(xllamacpp: Any, config: dict[str, Any]) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = config["model"]
    if hasattr(parameters, "hostnames"):
        parameters.hostnames = ["127.0.0.1"]
    else:  # up to 2026.8
        parameters.hostname = "127.0.0.1"
    parameters.port = 0
    parameters.api_keys = [config["key"]]
    parameters.n_parallel = config["slots"]
    parameters.n_ctx = config["context"] * config["slots"]
    # A cancelled prompt is given up between two batches: small ones end soon, and as fast.
    parameters.n_batch = parameters.n_ubatch = 128
    if config["projector"]:
        parameters.mmproj.path = config["projector"]
        parameters.n_batch = parameters.n_ubatch = _PICTURE_BATCH
    for processors in (parameters.cpuparams, parameters.cpuparams_batch):
        processors.n_threads = config["threads"]
    parameters.verbosity = 1  # errors alone
    for name, value in _LATE_OPTIONS.items():
        if hasattr(parameters, name):
            setattr(parameters, name, value)
    return parameters


if __name__ == "__main__":
    main()
