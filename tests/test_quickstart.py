from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from qwen_magic.backends.local.weights import ensure, find

if TYPE_CHECKING:
    from servers.plugin import ServerFactory

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
MODEL = "Qwen2.5-Coder-0.5B-Instruct"


def need_local_model() -> None:
    """Skip the test where the local model is not there; with QWEN_MAGIC_TESTS=all, fetch it."""
    if os.environ.get("QWEN_MAGIC_TESTS") != "all":
        if importlib.util.find_spec("xllamacpp") is None:
            pytest.skip("the local engine is not installed")
        if find("0.5b") is None:
            pytest.skip("the weights are not in the cache; QWEN_MAGIC_TESTS=all fetches them")
    ensure("0.5b")


def run_cells(notebook: Any, target: str, *, allow_errors: bool = False) -> list[Any]:
    """Run a notebook on a real kernel of this very Python; return its code cells with their outputs."""
    with tempfile.TemporaryDirectory(prefix="qwen-magic-notebook-") as folder:
        env = {**os.environ, "QWEN_TARGET": target, "PYTHONPATH": str(ROOT), "IPYTHONDIR": f"{folder}/ipython"}
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", allow_errors=allow_errors, resources=resources
        )
        client.execute(env=env)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def answered_by_the_run_command() -> list[Any] | None:
    """Give the cells that the README's first command has just run, where CI says so: it takes a minute."""
    path = os.environ.get("QWEN_MAGIC_ANSWERED")
    if not path:
        return None
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def texts(cell: Any) -> list[str]:
    """Give what a cell shows, in plain text, one for each output that is not empty."""
    found = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return [text for text in found if text.strip()]


def answers(cells: list[Any]) -> dict[str, tuple[str, str]]:
    """Give each %%qwen cell's answer and last line, by the cell's id."""
    found = {}
    for cell in cells:
        if cell.source.startswith("%%qwen"):
            assert all("text/markdown" in output.data for output in cell.outputs), cell.outputs
            *answer, last = texts(cell)
            found[cell.id] = ("\n\n".join(answer), last)
    return found


@pytest.fixture
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_is_committed_without_outputs(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.id
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count, dict(cell.metadata)) == ([], None, {}), cell.id


@pytest.mark.timeout(900)  # the engine is slow where its cores are taken
def test_is_answered_by_the_local_model(notebook: Any) -> None:
    cells = answered_by_the_run_command()
    if cells is None:
        need_local_model()
        cells = run_cells(notebook, "local")
    found = answers(cells)
    assert list(found) == ["ask", "system", "russian", "keep"]
    for answer, last in found.values():
        assert len(answer) > 20
        assert "local" in last
        assert MODEL in last
        assert "tokens" in last
    assert "def " in found["ask"][0]
    russian = found["russian"][0]
    assert sum("а" <= letter <= "я" for letter in russian.lower()) > 50, russian
    shown = {cell.id: "".join(texts(cell)) for cell in cells}
    assert "def add(a, b):" in shown["use"]
    assert "local, stop, " in shown["use"]
    assert "local Usage(prompt_tokens=" in shown["client"]
    assert "(QWEN_TARGET)" in shown["status"]
    assert MODEL in shown["status"]


@pytest.mark.timeout(900)
def test_says_once_that_the_local_model_is_small(notebook: Any) -> None:
    need_local_model()
    notebook.cells = [cell for cell in notebook.cells if cell.id in ("load", "system", "keep")]
    notebook.cells[1].source = notebook.cells[1].source.replace("--max-tokens 80", "--max-tokens 5")
    first, second = (last for _, last in answers(run_cells(notebook, "local")).values())
    assert "a small model" in first
    assert "%qwen continue" in first  # beside it, where the answer was cut
    assert "a small model" not in second


def test_is_answered_by_a_gradio_server(notebook: Any, gradio_server: ServerFactory) -> None:
    server = gradio_server("6.31.0", "qwenlike")
    cells = run_cells(notebook, f"space:{server.url}")
    found = answers(cells)
    for answer, last in found.values():
        assert answer.startswith("You said: ")
        assert answer.endswith("That is all.")
        assert server.url in last
    assert "System: Ты - писатель." in found["russian"][0]
    shown = {cell.id: "".join(texts(cell)) for cell in cells}
    assert "Name three colours." in shown["client"]
    got = [(call["prompt"], call["system"]) for call in server.calls("model_chat")]
    assert ("Напиши рассказ о коте, который путешествует по миру.", "Ты - писатель") in got
    assert len(got) == 5
