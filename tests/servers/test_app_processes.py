from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from servers.gradio_server import GradioServer
from servers.plugin import skip_without

TESTS = Path(__file__).parents[1]
VERSION = "6.31.0"


def test_an_app_that_does_not_start_tells_why() -> None:
    skip_without(VERSION)
    with pytest.raises(RuntimeError, match=r"no_such_app ended:(?s:.*)No such file"):
        GradioServer(VERSION, "no_such_app").start()


def test_servers_of_one_version_are_apart() -> None:
    skip_without(VERSION)
    with GradioServer(VERSION, "qwenlike") as one, GradioServer(VERSION, "qwenlike", QWEN_TEST_AUTH="u:p") as other:
        assert one.url != other.url
        other.kill()
        assert not other.alive()
        assert one.alive()
        assert "qwenlike" not in one.output()


def test_an_app_ends_with_the_process_that_started_it() -> None:
    skip_without(VERSION)
    code = f"""
        import os, signal
        from servers.gradio_server import GradioServer

        print(GradioServer({VERSION!r}, "qwenlike").start().port, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    program = "\n".join(line.strip() for line in code.splitlines())
    done = subprocess.run([sys.executable, "-c", program], cwd=TESTS, capture_output=True, text=True, check=False)
    port, end = int(done.stdout), time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise AssertionError("it still listens")
