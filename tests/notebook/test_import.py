"""Loading the extension is light: what an answer needs is imported with the first answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from kernels import ROOT

HEAVY = [
    "aiohttp",
    "xllamacpp",
    "huggingface_hub",
    "ipywidgets",
    "nest_asyncio2",
    "tqdm",
    "sqlite3",
    "keyring",
    "filelock",
    "difflib",
    "uuid",
    "platform",
]
CODE = """
import sys, json
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
import qwen_magic
shell.run_line_magic("load_ext", "qwen_magic")
assert "QwenMagics" in shell.magics_manager.registry
assert not {"qwen_magic.client", "qwen_magic.backends.gradio.backend", "qwen_magic.backends.openai.backend"} & set(sys.modules)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    done = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", HEAVY)
def test_not_imported(imported: list[str], name: str) -> None:
    assert name not in imported


def test_what_checks_a_value_is_loaded_while_the_target_is_asked() -> None:
    """Beside JupyterLab it takes seconds to load, in which the loop that streams every answer would stand still."""
    code = """
import sys, threading
from qwen_magic.schema import as_shape
assert "jsonschema" not in sys.modules
as_shape("name, age int")
(loading,) = [thread for thread in threading.enumerate() if thread.name == "qwen_magic schema"]
loading.join(120)
assert "jsonschema" in sys.modules
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
