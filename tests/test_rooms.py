"""The rooms of the house: what stands below a front end works without what the front end needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "qwen_magic"
FRONT_ENDS = ("notebook", "panel")
LONGEST = 400

IMPORT_ALL = """
import importlib, sys

class Barrier:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"IPython", "ipykernel", "ipywidgets", "traitlets", "anywidget"}:
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Barrier())
for name in sys.argv[1:]:
    importlib.import_module(name)
print(len(sys.argv) - 1)
"""
ASK = """
import sys
sys.meta_path.insert(0, type("Barrier", (), {"find_spec": lambda self, name, path=None, target=None: (_ for _ in ()).throw(
    ImportError(name)) if name.partition(".")[0] in {"IPython", "ipywidgets", "traitlets", "anywidget"} else None})())
from qwen_magic.chat.session import ChatSession
session = ChatSession()
assert session.draft("system: brief\\nhello {name}").prompt == "hello {name}"
assert session.memory.position().chosen
print(session.replay_mode())
"""


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_below_the_front_ends_is_imported_without_ipython_and_widgets() -> None:
    below = [name for name in modules() if name.split(".")[1:2] != [] and name.split(".")[1] not in FRONT_ENDS]
    below = [
        name for name in below if not name.endswith(("llama_child", "conformance"))
    ]  # a script; a suite for pytest
    assert len(below) > 100
    assert run(IMPORT_ALL, *below) == str(len(below))


def test_a_session_needs_no_ipython() -> None:
    assert run(ASK) == "off"


def test_no_module_is_long() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


def test_what_a_package_is_and_is_not() -> None:
    """Each room's first words say what it does, and what it does not do."""
    missing = []
    for path in PACKAGE.rglob("__init__.py"):
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if path.parent != PACKAGE and not any(word in told for word in (" not ", " no ", "nothing", "never")):
            missing.append(str(path.relative_to(ROOT)))
    assert not missing


@pytest.mark.parametrize("name", ["qwen_magic.backends", "qwen_magic.client"])
def test_the_public_package_is_light(name: str) -> None:
    assert run(f"import sys, qwen_magic; print({name!r} in sys.modules)") == "False"
