"""Notebooks that a program runs: each has recorded answers of its own, or none are recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from kernels import Kernel
from recorder import Recorder
from support.light_imports import PYTHONPATH

from qwen_magic.notebook.runners import notebook_in
from qwen_magic.notebook.workspace import NotebookWorkspace

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = "%load_ext qwen_magic\n%qwen use {target}\n%qwen replay on"


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with two notebooks."""
    (tmp_path / "work").mkdir()
    for name in ("one", "other"):
        (tmp_path / "work" / f"{name}.ipynb").touch()
    return tmp_path / "work"


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("python /bin/jupyter-execute one.ipynb", "one"),
        ("python /bin/jupyter-execute one", "one"),
        ("python /bin/jupyter execute work/../one.ipynb", ""),
        ("python -m jupyter execute one.ipynb --output other.ipynb", "one"),
        ("python /bin/jupyter-execute --output=other.ipynb one.ipynb", "one"),
        ("python /bin/jupyter-execute one.ipynb other.ipynb", ""),
        ("python -m nbconvert --to notebook --execute one.ipynb --output other", "one"),
        (r"C:\python.exe jupyter-nbconvert --execute one.ipynb --inplace", "one"),
        ("python /bin/papermill one.ipynb other.ipynb", "one"),
        ("python -m papermill -p template other.ipynb one.ipynb out.ipynb", "one"),
        ("python /bin/voila --port 8866 one.ipynb", "one"),
        ("python /bin/voila", ""),
        ("python /bin/jupyter-execute gone.ipynb", ""),
        ("python /bin/jupyter-lab one.ipynb", ""),  # it opens others, too
        ("python run.py one.ipynb", ""),
        ("", ""),
    ],
)
def test_the_command_says_which_notebook_runs(folder: Path, command: str, runs: str) -> None:
    found = notebook_in(command.split(), folder)
    assert found == (folder / f"{runs}.ipynb" if runs else None)


def test_two_notebooks_of_one_folder_record_apart(folder: Path, server: Recorder) -> None:
    """Both ask the same, under `jupyter execute`: neither is answered from, nor writes into, what is the other's."""
    setup = SETUP.format(target=server.target)
    for name in ("one", "other"):
        cells = [
            nbformat.v4.new_code_cell(code)
            for code in (setup, "%%qwen --alone\nthe same", f"%%qwen --alone\nof {name}", "%qwen replay prune")
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "IPYTHON", "JPY_"))}
    env = {**clean, "PYTHONPATH": PYTHONPATH, "IPYTHONDIR": str(folder / "ipython")}
    for name in ("one", "other"):
        command: list[str | Path] = [
            Path(sys.executable).with_name("jupyter-execute"),
            "--output=done",
            f"{name}.ipynb",
        ]
        subprocess.run(command, cwd=folder, env=env, check=True, timeout=120)
    assert server.requests == 4
    assert sorted(path.name for path in folder.glob("*.qwen.jsonl")) == ["one.qwen.jsonl", "other.qwen.jsonl"]
    for name in ("one", "other"):
        lines = (folder / f"{name}.qwen.jsonl").read_text(encoding="utf-8").splitlines()
        assert sorted(json.loads(line)["prompt"] for line in lines) == [f"of {name}", "the same"]


def test_nothing_is_recorded_where_nobody_tells_which_of_several_runs(server: Recorder) -> None:
    """As nbclient does in a script: no name, no ids of cells, no input. The answer comes all the same."""
    with Kernel() as kernel:
        folder = Path(kernel.value("__import__('os').getcwd()"))
        for name in ("one", "other"):
            (folder / f"{name}.ipynb").touch()
        run = kernel.run(SETUP.format(target=server.target))
        assert "nothing is recorded: it is not known which of the notebooks" in run.printed
        run = kernel.run("%%qwen --alone\nhow far?")
        assert "how far?" in run.answer
        assert "not recorded: it is not known which" in run.shown[-1]["text/plain"]
        assert list(folder.glob("*.qwen.jsonl")) == []


@pytest.mark.parametrize(
    ("content", "cell", "notebooks", "refused"),
    [
        ({"allow_stdin": False}, "", 2, True),
        ({"allow_stdin": False}, "", 1, False),  # the folder's own
        ({"allow_stdin": True}, "", 2, False),  # a console
        ({"allow_stdin": False}, "0b6f", 2, False),  # a front end's cell
        ({}, "", 2, False),  # a panel's message
    ],
)
def test_a_user_or_a_folder_of_its_own_is_enough(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, bool], cell: str, notebooks: int, *, refused: bool
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    if notebooks == 1:
        (folder / "other.ipynb").unlink()
    parent = {"content": content, "metadata": {"cellId": cell}}
    shell: Any = SimpleNamespace(kernel=object(), user_ns={}, starting_dir=str(folder), get_parent=lambda: parent)
    files = NotebookWorkspace(shell).replay_files()
    assert files.own == folder / "work.qwen.jsonl"
    assert bool(files.refusal) == refused
