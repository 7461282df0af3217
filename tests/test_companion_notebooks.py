"""The notebooks beside the quickstart run as they stand: the panel's by its recorded answers, the client's at a server."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from test_quickstart import need_local_model, texts

if TYPE_CHECKING:
    from collections.abc import Collection

    from servers.plugin import ServerFactory

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
NOBODY = "openai:http://127.0.0.1:9/v1#m"


def run(name: str, folder: Path, target: str, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Run a notebook in a folder, without some of its cells; give its code cells by their ids."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in without]
    env = {key: value for key, value in os.environ.items() if not key.startswith("QWEN_")}
    env |= {"PYTHONPATH": str(NOTEBOOKS.parent), "IPYTHONDIR": str(folder / "ipython"), "QWEN_TARGET": target}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.execute(env=env)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def test_all_are_committed_without_outputs_and_named_in_the_readme() -> None:
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    found = [path for path in NOTEBOOKS.glob("*.ipynb") if not path.name.endswith(".answered.ipynb")]
    assert len(found) >= 4
    for path in found:
        assert f"notebooks/{path.name}" in readme
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


def test_the_panels_notebook_is_replayed_each_time(tmp_path: Path) -> None:
    recorded = NOTEBOOKS / "panel.qwen.jsonl"
    shutil.copy(recorded, tmp_path)
    first, second = json.loads("[" + ",".join(recorded.read_text(encoding="utf-8").splitlines()) + "]")
    for _ in range(2):
        cells = run("panel.ipynb", tmp_path, NOBODY)
        assert (tmp_path / recorded.name).read_bytes() == recorded.read_bytes()
        assert first["text"] in "".join(texts(cells["ask"]))
        assert "replayed, recorded 2" in "".join(texts(cells["ask"]))
        for cell in ("panel", "chat-panel"):
            assert any("widget-view" in str(output) for output in cells[cell].outputs), cell
        assert first["text"] in str(cells["panel"].outputs)
        for cell in ("panel-ask", "full", "save"):
            assert "Name three animals." in "".join(texts(cells[cell])), cell
            assert second["text"] in "".join(texts(cells[cell])), cell


def test_the_clients_notebook_runs_at_a_server(tmp_path: Path, gradio_server: ServerFactory) -> None:
    server = gradio_server("6.31.0", "qwenlike")
    cells = run("client.ipynb", tmp_path, f"space:{server.url}")
    shown = {name: "".join(texts(cell)) for name, cell in cells.items()}
    assert "What is my name?" in shown["conversation"]
    assert shown["events"].endswith("stop\n")
    assert "That is all.\nstop" in shown["continue"]  # this app takes no limit
    assert "streams, history" in shown["describe"]
    assert "Ты - писатель" in shown["g4f"]
    assert "Назови три города." in shown["g4f"]


@pytest.mark.timeout(900)  # the engine is slow where its cores are taken
def test_the_clients_notebook_continues_an_answer_that_was_cut(tmp_path: Path) -> None:
    need_local_model()
    others = ("events", "describe", "g4f")
    shown = "".join(texts(run("client.ipynb", tmp_path, "local", without=others)["continue"]))
    assert "\nlength\n" in shown
    assert "True, Usage(" in shown
