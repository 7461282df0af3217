"""Start apps as forks of this process, which has imported Gradio: the import is most of an app's start.

It reads a line of JSON for each app from its standard input, answers with the process id, and ends with the input.
Its argument is the file descriptor that is the apps' standard input.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import signal
import sys
import traceback

import gradio  # noqa: F401 - for the apps
import uvicorn  # noqa: F401 - likewise

STDIN = int(sys.argv[1])


def reap(*_: object) -> None:
    """Let ended apps go."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become(path: str, env: dict[str, str], folder: str) -> None:
    """Be `python PATH` with an environment in a folder, and print to `output.txt` there."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir(folder)
        output = os.open("output.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for source, target in ((STDIN, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = [path]
        sys.path[0] = os.path.dirname(path)
        runpy.run_path(path, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork for each line."""
    signal.signal(signal.SIGCHLD, reap)
    gc.freeze()  # what is here is not looked through by each app
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            become(**order)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
