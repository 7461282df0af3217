from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from kernels import Kernel
from support.light_imports import PYTHONPATH

from qwen_magic.notebook.identity import cell_key, notebook_path
from qwen_magic.notebook.workspace import NotebookWorkspace
from qwen_magic.replay.usual import replay_files_beside

TELL = """
from qwen_magic.notebook import identity
from qwen_magic.notebook.workspace import NotebookWorkspace
shell = get_ipython()
import os; os.chdir("/")  # a notebook may go elsewhere
told = (identity.cell_key(shell), str(identity.notebook_path(shell)), *map(str, NotebookWorkspace(shell).replay_files()[:1]))
print(repr(told))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def shell(folder):
    return SimpleNamespace(user_ns={}, starting_dir=str(folder), get_parent=dict)


def touch(*paths):
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")


# What front ends tell


def test_a_jupyter_server_names_the_session_after_the_notebook(shell, folder, monkeypatch):
    touch(folder / "nb.ipynb", folder / "script.py")
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "nb.ipynb"))
    assert notebook_path(shell) == folder / "nb.ipynb"
    assert NotebookWorkspace(shell).replay_files() == (folder / "nb.qwen.jsonl", (), "")
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "script.py"))  # opened as a notebook, by jupytext
    assert NotebookWorkspace(shell).replay_files()[0] == folder / "script.qwen.jsonl"
    monkeypatch.setenv("JPY_SESSION_NAME", "below/nb.ipynb")  # it knows no folder
    assert notebook_path(shell) == folder / "nb.ipynb"


@pytest.mark.parametrize(
    "name", ["Console 1", "gone.ipynb", "", "below/renamed.ipynb", "console-1-0b6f", "../work", "."]
)
def test_a_name_that_leads_to_no_file_is_none(shell, folder, monkeypatch, name):
    for written in (str(folder / name), name):
        monkeypatch.setenv("JPY_SESSION_NAME", written)
        assert notebook_path(shell) is None
        assert NotebookWorkspace(shell).replay_files()[0] == folder / "work.qwen.jsonl"


def test_vs_code_goes_before_the_session_that_it_makes_up(shell, folder, monkeypatch):
    touch(folder / "nb.ipynb", folder / "nb-jvsc-0b6f.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "nb-jvsc-0b6f.ipynb"))
    shell.user_ns["__vsc_ipynb_file__"] = str(folder / "nb.ipynb")
    assert notebook_path(shell) == folder / "nb.ipynb"
    shell.user_ns["__vsc_ipynb_file__"] = str(folder / "on another machine" / "nb.ipynb")
    assert notebook_path(shell) == folder / "nb-jvsc-0b6f.ipynb"
    for nonsense in (None, 3, [], "", object(), "x" * 5000, "/a\0b"):
        shell.user_ns["__vsc_ipynb_file__"] = nonsense
        assert notebook_path(shell) == folder / "nb-jvsc-0b6f.ipynb"


def test_papermill_tells_where_it_is_asked_to(shell, folder):
    touch(folder / "in.ipynb")
    shell.user_ns["PAPERMILL_INPUT_PATH"] = "in.ipynb"
    assert NotebookWorkspace(shell).replay_files()[0] == folder / "in.qwen.jsonl"


def test_a_session_without_a_shell_or_a_front_end(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert notebook_path(None) is None
    assert cell_key(None) == ""
    assert NotebookWorkspace(None).replay_files()[0] == folder / "work.qwen.jsonl"  # type: ignore[arg-type]
    shell: Any = SimpleNamespace(user_ns={}, starting_dir=os.sep)
    assert NotebookWorkspace(shell).replay_files()[0].name == "notebook.qwen.jsonl"


@pytest.mark.parametrize(
    ("parent", "key"),
    [
        ({}, ""),
        (None, ""),
        ({"metadata": None}, ""),
        ({"metadata": {}}, ""),
        ({"metadata": {"cellId": None}}, ""),
        ({"metadata": {"cellId": 3}}, ""),
        ({"metadata": {"cellId": "0b6f-11"}}, "0b6f-11"),
        ({"metadata": {"cellId": "a#b"}}, "a#b"),
        ({"metadata": {"cellId": "vscode-notebook-cell:/home/me/n%23b.ipynb#W2sZmlsZQ%3D%3D"}}, "W2sZmlsZQ%3D%3D"),
        ({"metadata": {"colab": {"cell_id": "xyz"}}}, "xyz"),
        ({"metadata": {"colab": None}}, ""),
    ],
)
def test_the_cell_is_known_by_what_the_front_end_sends(shell, parent, key):
    shell.get_parent = lambda: parent
    assert cell_key(shell) == key


# Which files


def test_without_a_name_all_files_of_the_folder_are_read(shell, folder):
    own, a, b = (folder / f"{name}.qwen.jsonl" for name in ("work", "a", "b"))
    assert NotebookWorkspace(shell).replay_files() == (own, (), "")
    touch(b)
    assert NotebookWorkspace(shell).replay_files() == (own, (b,), "")  # another notebook's is read, never written
    touch(a)
    assert NotebookWorkspace(shell).replay_files() == (own, (a, b), "")
    touch(own)
    assert NotebookWorkspace(shell).replay_files() == (own, (a, b), "")
    b.unlink()
    assert NotebookWorkspace(shell).replay_files() == (own, (a,), "")
    (folder / "folder.qwen.jsonl").mkdir()
    touch(folder / "sub" / "c.qwen.jsonl", folder / ".x.qwen.jsonl.tmp")
    assert replay_files_beside(folder) == [a, own]
    touch(folder / "work.ipynb")  # whose file it may be
    assert NotebookWorkspace(shell).replay_files() == (folder / "work-unnamed.qwen.jsonl", (a, own), "")


def test_a_folder_whose_name_is_a_pattern(tmp_path, shell):
    folder = tmp_path / "[a]*?"
    touch(folder / "a.qwen.jsonl")
    shell.starting_dir = str(folder)
    assert NotebookWorkspace(shell).replay_files() == (folder / "[a]*?.qwen.jsonl", (folder / "a.qwen.jsonl",), "")


# Real kernels


def tell(kernel, cell=""):
    run = kernel.run(TELL, cell=cell)
    assert run.status == "ok", run.reply
    return list(eval(run.printed))


def test_a_real_kernel_tells_its_cell_and_its_notebook(folder):
    touch(folder / "nb.ipynb")
    with Kernel(JPY_SESSION_NAME=str(folder / "nb.ipynb")) as kernel:
        named = [str(folder / "nb.ipynb"), str(folder / "nb.qwen.jsonl")]
        assert tell(kernel, "0b6f") == ["0b6f", *named]
        assert tell(kernel, "11aa") == ["11aa", *named]
        assert tell(kernel) == ["", *named]
        (folder / "nb.ipynb").rename(folder / "renamed.ipynb")
        start = Path(kernel._folder)
        assert tell(kernel) == ["", "None", str(start / f"{start.name}.qwen.jsonl")]


def test_a_jupyter_server_tells_its_kernels_their_notebook(folder, tmp_path):
    """Start one, open a notebook in a folder below its root, as JupyterLab does, and ask the kernel."""
    touch(folder / "nb.ipynb")
    runtime = tmp_path / "runtime"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PYTHONPATH": PYTHONPATH, "JUPYTER_RUNTIME_DIR": str(runtime), "IPYTHONDIR": str(tmp_path)}
    env |= {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_PLATFORM_DIRS": "1"}
    words = ["--ServerApp.root_dir", str(tmp_path), "--port", str(port), "--IdentityProvider.token=t", "--allow-root"]
    words += ["--no-browser", "--ServerApp.port_retries=0", "--ServerApp.jpserver_extensions={}"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *words], env=env, stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        asked = {"path": "work/nb.ipynb", "name": "nb.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
        session = json.loads(post(f"http://127.0.0.1:{port}/api/sessions?token=t", asked))
        client = BlockingKernelClient()
        client.load_connection_file(str(runtime / f"kernel-{session['kernel']['id']}.json"))
        client.start_channels()
        try:
            reply = client.execute(TELL, user_expressions={"told": "told"}, reply=True, timeout=60)["content"]
        finally:
            client.stop_channels()
        assert reply["status"] == "ok", reply
        assert eval(reply["user_expressions"]["told"]["data"]["text/plain"]) == (
            "",
            str(folder / "nb.ipynb"),
            str(folder / "nb.qwen.jsonl"),
        )
    finally:
        server.terminate()
        server.wait(20)


def post(url, body):
    """Post once the server is there."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    end = time.monotonic() + 40
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.read()
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError) or time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_jupyter_execute_finds_what_a_front_end_recorded(folder, tmp_path):
    notebook = {
        "cells": [
            {"cell_type": "code", "id": "one", "metadata": {}, "source": TELL, "outputs": [], "execution_count": None}
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "nb.ipynb").write_text(json.dumps(notebook))
    touch(folder / "nb.qwen.jsonl", folder / "other.ipynb", folder / "other.qwen.jsonl")
    env = {**os.environ, "PYTHONPATH": PYTHONPATH, "IPYTHONDIR": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    jupyter = [shutil.which("jupyter", path=str(Path(sys.executable).parent)) or "jupyter", "execute"]
    subprocess.run([*jupyter, "--output=done", "work/nb.ipynb"], cwd=tmp_path, env=env, check=True, capture_output=True)
    (output,) = json.loads((folder / "done.ipynb").read_text())["cells"][0]["outputs"]
    assert eval("".join(output["text"])) == ("", str(folder / "nb.ipynb"), str(folder / "nb.qwen.jsonl"))
