"""A notebook with a panel that is opened again without a kernel, with its widget's state saved and without it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import nbformat.sign
import pytest
from lab_panel import Panel, shoot
from nbclient import NotebookClient
from saved_turns import saved_turns
from thinker import Thinker, plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.front_ends import Front

ANSWER = "It costs $5 and $10, with \\(x^2\\)."
SHOWN = "The chat panel of"


@pytest.fixture(scope="module")
def server() -> Iterator[Thinker]:
    server = Thinker()
    yield server
    server.close()


def reopened(front: Front, name: str, notebook: dict[str, Any], *, trusted: bool = True) -> Any:
    """Open a notebook of this content; its new kernel knows nothing of a panel."""
    path = front.folder / name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    if trusted:
        nbformat.sign.NotebookNotary(data_dir=str(front.folder / ".data")).sign(nbformat.read(path, 4))
    return front.open_written(name, 1200, 1400)


def test_with_and_without_the_saved_state(front: Front, server: Thinker, tmp_path: Path) -> None:
    cells = [f"%load_ext qwen_magic\n%qwen use openai:{server.url}#q", "%qwen panel", "print('next')"]
    book = front.open("reopened.ipynb", *cells)
    book.run(0)
    book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    beside = book.page.locator(".jp-OutputArea-child", has_text="chat panel").last
    assert beside.is_hidden()  # while the panel is there
    for number in (1, 2):
        panel.prompt.fill(plan([], 0, f"{number}. {ANSWER}"))
        while panel.prompt.input_value():  # the page has not heard of the kernel yet
            panel.prompt.press("Enter")
            book.page.wait_for_timeout(200)
        panel.wait_turns(number)
        panel.wait_done()
    book.page.wait_for_function("document.body.textContent.includes('2 turns')")
    assert beside.is_hidden()
    shoot(book.page, "reopened-before", tmp_path)
    saved = book.saved()
    book.close(hand_on=True)

    with_state = reopened(front, "with-state.ipynb", json.loads(json.dumps(saved)))
    panel = Panel(with_state)
    panel.root.locator(".qwen-notice", has_text="To go on, run %qwen panel again.").wait_for(timeout=15_000)
    assert "2. It costs $5 and $10" in panel.log()
    assert with_state.page.locator(".jp-OutputArea-child", has_text=SHOWN).last.is_hidden()
    shoot(with_state.page, "reopened-with-state", tmp_path)
    with_state.close(hand_on=True)

    saved["metadata"].pop("widgets")
    for trusted in (True, False):
        without = reopened(front, f"without-state-{trusted}.ipynb", saved, trusted=trusted)
        assert_tells(without.page)
        shoot(without.page, f"reopened-without-state-{trusted}", tmp_path)
        without.close(hand_on=True)


def assert_tells(page: Any) -> None:
    told = page.locator(".jp-OutputArea-child", has_text=SHOWN).last
    told.wait_for(timeout=15_000)
    assert told.is_visible()
    text = told.inner_text()
    assert "2 turns" in text
    assert "To go on with it, run %qwen panel reopened" in text
    told.locator("summary").first.click()
    assert "2. It costs $5 and $10" in told.inner_text()
    assert told.locator("mjx-container").count() >= 2


def test_what_runs_a_notebook_saves_what_was_said(server: Thinker, tmp_path: Path) -> None:
    cells = [f"%load_ext qwen_magic\n%qwen use openai:{server.url}#q", f"%%qwen\n{plan([], 0, ANSWER)}", "%qwen panel"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(book, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    states = book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    turns = [found for state in states if (found := saved_turns(state["state"]))]
    assert [turn["text"] for turn in turns[0]] == [ANSWER]
    beside = book.cells[2].outputs[-1].data
    assert SHOWN in beside["text/plain"]
    assert "1 turn." in beside["text/plain"]
    assert "$x^2$" in beside["text/markdown"]
