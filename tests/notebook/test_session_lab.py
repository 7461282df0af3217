"""A session in a real JupyterLab: cells that are written by answers, run again, and replayed after a restart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from recorder import Recorder
from test_browser import front, lab, notebook  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CODE = "Look:\n\n```python\nprint('from', 'the answer')\n```"
LAST = ".jp-Notebook .jp-Cell:last-child"


def sources(page: Any) -> list[str]:
    """Give the notebook's cells as they stand."""
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-content')]"
        ".map(cell => [...cell.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n'))"
    )
    return found


def run_cell(page: Any, number: int) -> None:
    """Run one cell, and wait for its end."""
    page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]")


def test_cells_written_by_answers(request: pytest.FixtureRequest) -> None:
    open_and_run = request.getfixturevalue("notebook")
    with Recorder(lambda prompt, number: CODE if "code" in prompt else f"A{number}") as server:
        page = open_and_run(
            "cells.ipynb",
            f"%load_ext qwen_magic\n%qwen use {server.target}",
            "%%qwen -n\nSome code",
            "%%qwen --replace\nsystem: Be brief.\nOther code",
            "print('all', 'done')",
            done="text=all done",
        )
        page.wait_for_function("() => document.querySelectorAll('.jp-Notebook .jp-CodeCell').length === 5")
        found = sources(page)
        assert found[1:4] == [
            "%%qwen -n\nSome code",
            "print('from', 'the answer')",
            "# system: Be brief.\n# Other code\n\nprint('from', 'the answer')",
        ]
        assert "from the answer" not in page.inner_text(".jp-Notebook").replace("print('from', 'the answer')", "")
        assert page.locator(".jp-OutputArea:has-text('Look:')").count() >= 2, "the answers are shown whole, too"


def test_a_cell_that_is_run_again_takes_its_place(request: pytest.FixtureRequest) -> None:
    open_and_run = request.getfixturevalue("notebook")
    with Recorder() as server:
        page = open_and_run(
            "again.ipynb",
            f"%load_ext qwen_magic\n%qwen use {server.target}",
            "%%qwen\nfirst",
            "%%qwen\nsecond",
            "print('all', 'done')",
            done="text=all done",
        )
        assert server.requests == 2
        run_cell(page, 1)
        assert server.sent() == [("u", "first")]
        run_cell(page, 2)
        assert server.sent() == [("u", "first"), ("a", "A3(first)"), ("u", "second")]


def test_restart_and_run_all_without_the_server(request: pytest.FixtureRequest) -> None:
    """JupyterLab tells the notebook's name, and the recorded answers lie beside it."""
    open_and_run = request.getfixturevalue("notebook")
    folder: Path = request.getfixturevalue("lab")[1]
    with Recorder(lambda prompt, _number: f"**You asked** {prompt}") as server:
        cells = [
            f"%load_ext qwen_magic\n%qwen use {server.target}\n%qwen replay on",
            "%%qwen\nfirst",
            "%%qwen\nsecond",
            "print('all', 'done')",
        ]
        page = open_and_run("replay.ipynb", *cells, done="text=all done")
        lines = (folder / "replay.qwen.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["prompt"] for line in lines] == ["first", "second"]
    page.keyboard.press("Escape")
    page.click("li.lm-MenuBar-item:has-text('Run')")
    page.click(".lm-Menu-item[data-command='runmenu:restart-and-run-all']")
    page.click(".jp-Dialog button.jp-mod-accept")
    page.wait_for_function(
        "() => document.querySelector('.jp-Notebook').innerText.split('replayed, recorded').length === 3",
        timeout=60_000,
    )
    shown = page.inner_text(".jp-Notebook")
    assert shown.count("You asked first") == shown.count("You asked second") == 1
    assert server.target.partition("#")[0] in shown
    assert (folder / "replay.qwen.jsonl").read_text(encoding="utf-8").splitlines() == lines
