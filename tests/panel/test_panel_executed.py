"""A notebook with a panel that is run without a page, by nbclient, has the transcript in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernels import ROOT
from panel_kernels import server  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from panel_kernels import Counter

WIDGETS = "application/vnd.jupyter.widget-state+json"


def test_turns_and_settings_are_in_the_saved_state(
    server: Counter,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cells = [f"%load_ext qwen_magic\n%qwen use {server.target}", "%%qwen\none", "%%qwen\ntwo", "%qwen panel"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    models: dict[str, Any] = book.metadata["widgets"][WIDGETS]["state"]
    (state,) = (one["state"] for one in models.values() if "draft" in one["state"])
    turns = [state[f"turn_{slot}"]["turn"]["prompt"] for slot in range(2)]
    assert turns == ["one", "two"]
    assert state["settings"]["conversation"]["name"]
    assert state["settings"]["targets"]
