"""The notebook of rows and shapes runs as it stands, by its recorded answers, and with the local model."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from test_companion_notebooks import NOBODY, NOTEBOOKS, run
from test_quickstart import need_local_model, texts

from qwen_magic.backends.local.weights import find

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = NOTEBOOKS / "data.qwen.jsonl"


def shown(cells: dict[str, Any]) -> dict[str, str]:
    return {name: "\n".join(texts(cell)) for name, cell in cells.items()}


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_the_notebook_of_rows_is_replayed(tmp_path: Path) -> None:
    shutil.copy(RECORDED, tmp_path)
    cells = shown(run("data.ipynb", tmp_path, NOBODY))
    assert (tmp_path / RECORDED.name).read_bytes() == RECORDED.read_bytes()
    assert cells["shape-used"] == "{'name': 'Marie Curie', 'year': 1911, 'field': 'chemistry'}"
    assert "held to its schema by json_schema, asked once" in cells["shape"]
    assert "| Cairo | Egypt |" in cells["list"]
    assert "5 rows, 3 different, 1 that cannot be asked: 3 to ask" in cells["dry-run"]
    assert "3 known, 1 that cannot be asked: 0 to ask" in cells["map"]
    assert "text is missing" in cells["map-used"]
    assert "4 known" in cells["resume"]
    assert cells["resume-used"].split()[-2:] == ["negative", "recorded"]
    assert "the answer was cut at the token limit" in cells["failed-used"]
    assert "Pablo Diego" in cells["failed-text-kept"]
    assert "local local:1.5b" in cells["compare-used"]


def test_each_recorded_answer_is_used() -> None:
    notebook = nbformat.read(NOTEBOOKS / "data.ipynb", as_version=4)
    asked = "\n".join(cell.source for cell in notebook.cells)
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + 4 + 2 + 2 * 3  # values, moods, people, and three moods of each target
    assert all(word in asked for word in ("Marie Curie", "capitals in Africa", "Ada Lovelace"))


@pytest.mark.timeout(900)  # the engine is slow where its cores are taken
def test_the_notebook_of_rows_runs_with_the_local_model(tmp_path: Path) -> None:
    need_local_model()
    if find("1.5b") is None:
        pytest.skip("the larger model, which it compares with, is not in the cache")
    cells = shown(run("data.ipynb", tmp_path, "local"))
    assert "1911" in cells["shape-used"]
    assert "4 done" in cells["map"]
    assert "1 done, 4 recorded" in cells["resume"]
    assert "local local:1.5b" in cells["compare-used"]
