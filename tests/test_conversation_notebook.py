"""The notebook whose answers are recorded beside it: it runs without a network and without a model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from test_quickstart import texts

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "conversation.ipynb"
RECORDED = ROOT / "notebooks" / "conversation.qwen.jsonl"


def run(folder: Path) -> dict[str, Any]:
    """Run the notebook in a folder, where nothing can be asked; give its code cells by their ids."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    env = {name: value for name, value in os.environ.items() if not name.startswith("QWEN_")}
    env |= {
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(folder / "ipython"),
        "QWEN_TARGET": "openai:http://127.0.0.1:9/v1#m",
    }
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.execute(env=env)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def test_it_is_replayed(tmp_path: Path) -> None:
    shutil.copy(RECORDED, tmp_path)
    cells = run(tmp_path)
    assert (tmp_path / RECORDED.name).read_bytes() == RECORDED.read_bytes()
    for name in ("variables", "follow", "json", "fix"):
        shown = texts(cells[name])
        assert any("replayed, recorded 2" in text for text in shown), shown
    assert "sum(values)" in texts(cells["use"])[0]
    assert texts(cells["data-used"]) == ["{'lowest': 9.5, 'highest': 17.5}"]
    assert [output.output_type for output in cells["fails"].outputs] == ["error"]
    assert "float(" in texts(cells["fix"])[0]
    assert "3 turns" in texts(cells["history"])[0]


def test_nothing_in_it_is_left_over() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    asked = [cell.id for cell in notebook.cells if cell.source.startswith(("%%qwen", "%qwen fix"))]
    assert len(asked) == len(RECORDED.read_text(encoding="utf-8").splitlines())
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
