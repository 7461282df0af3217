"""A Python in a browser, as JupyterLite has: the import is possible, and a question ends in one line.

It is a Python here that says it is one, without threads, sockets and the two packages that have no wheels there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from kernels import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = """
import importlib.abc, sys, threading

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("math_core", "nh3"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

def start(self):
    raise RuntimeError("can't start new thread")

import IPython, IPython.core.interactiveshell, IPython.core.history
import asyncio
IPython.core.history.HistoryAccessor.enabled = False
shell = IPython.core.interactiveshell.InteractiveShell.instance()
sys.meta_path.insert(0, Absent())
threading.Thread.start = start
sys.platform = "emscripten"
import qwen_magic
print("imported", qwen_magic.__version__)
"""
LINE = (
    "UsageError: Python in a browser (Pyodide, JupyterLite) has no threads and no sockets, and an answer needs both."
    " Use a notebook whose kernel runs on a computer: JupyterLab, VS Code, Colab."
)


@pytest.mark.parametrize(
    "code",
    [
        "%load_ext qwen_magic\nget_ipython().run_cell_magic('qwen', '', 'hello')",
        "%load_ext qwen_magic\n%qwen ask hello",
        "%load_ext qwen_magic\n%qwen panel",
        "import qwen_magic\nqwen_magic.QwenClient('openai:http://127.0.0.1:9/v1#m').ask_sync('hello')",
    ],
)
def test_a_question_ends_in_one_line(code: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path), "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", f"{BEGIN}\nshell.run_cell({code!r})"],
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert lines[0].startswith("imported "), lines
    assert lines[1:] in ([LINE], [LINE.replace("UsageError", "qwen_magic.errors.UsageError")]), lines
