"""Be kernels as forks of this process, which has imported what a kernel and a first question import of others' packages.

It reads a line of JSON for each kernel from its standard input, answers with the process id, and ends with the input.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
from importlib import import_module

IMPORTED = (
    *("ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell", "IPython.core.completer", "debugpy"),
    *("aiohttp", "anywidget", "ipywidgets", "markdown_it", "nh3", "pygments.formatters.html", "pygments.lexers.python"),
)


def reap(*_: object) -> None:
    """Let ended kernels go."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become(file: str, env: dict[str, str], folder: str) -> None:
    """Be `python -m ipykernel_launcher -f FILE` with an environment in a folder, in a session of its own."""
    from ipykernel.kernelapp import launch_new_instance

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))
    parent = (
        f"--IPKernelApp.parent_handle={os.getppid()}"  # its default is read from the environment when it is imported
    )
    sys.argv = ["ipykernel_launcher.py", "-f", file, parent]
    del sys.path[0]  # the folder of this file
    launch_new_instance()


def main() -> None:
    """Fork for each line."""
    for name in IMPORTED:
        import_module(name)
    signal.signal(signal.SIGCHLD, reap)
    gc.freeze()  # what is here is not looked through by each kernel
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            become(**order)
            return
        print(pid, flush=True)


if __name__ == "__main__":
    main()
