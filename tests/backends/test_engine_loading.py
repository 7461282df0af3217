"""An engine that is still loading, which lets no thread of Python run, ends with its parent all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from qwen_magic.backends.local import llama_child

if TYPE_CHECKING:
    from pathlib import Path

LOADING = """
    import ctypes
    from pathlib import Path

    class _Any:
        def __getattr__(self, name):
            value = _Any()
            setattr(self, name, value)
            return value

    CommonParams = _Any

    def Server(parameters):
        Path(parameters.model.path).write_text("loading")
        ctypes.PyDLL(None).sleep(60)  # PyDLL: no other thread runs meanwhile, as while llama.cpp loads
"""
PARENT = """
    import json, subprocess, sys, time
    child = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE)
    config = {"model": sys.argv[2], "projector": "", "key": "k", "threads": 1, "context": 64, "slots": 1}
    child.stdin.write(json.dumps(config).encode() + b"\\n")
    child.stdin.flush()
    print(child.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems wait until the model is loaded")
def test_it_ends_with_a_killed_parent_while_it_loads(tmp_path: Path) -> None:
    (tmp_path / "xllamacpp.py").write_text(textwrap.dedent(LOADING))
    mark = tmp_path / "mark"
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), llama_child.__file__, str(mark)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    deadline = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    assert child.is_running()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        child.wait(10)
    finally:
        if child.is_running():
            child.kill()
