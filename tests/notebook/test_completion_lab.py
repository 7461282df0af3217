"""Tab in a real JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_browser import front, lab, notebook  # noqa: F401 - fixtures

from qwen_magic.backends.gradio.kind import ALIASES

if TYPE_CHECKING:
    import pytest


def test_tab_in_jupyterlab(request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue("notebook")(
        "tab.ipynb", "%load_ext qwen_magic\nbudget = 3\nprint('all', 'ready')", "1", done="text=all ready"
    )
    cell = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content")
    cell.click()
    page.keyboard.press("Control+a")

    def press_tab_after(text: str) -> list[str]:
        page.keyboard.type(text)
        page.keyboard.press("Tab")
        page.wait_for_selector(".jp-Completer-item:visible", timeout=15_000)
        found: list[str] = page.locator(".jp-Completer-item:visible .jp-Completer-match").all_inner_texts()
        return found

    def accept(wanted: str) -> None:
        page.keyboard.press("Enter")
        page.wait_for_selector(".jp-Completer-item", state="hidden")
        assert cell.inner_text().rstrip("\n") == wanted

    assert press_tab_after("%%qwen --max-t") == ["--max-tokens", "--max-tokens-total"]
    accept("%%qwen --max-tokens")
    # Where nothing is typed yet, JupyterLab puts the words of the notebook after the kernel's; it draws the first at once.
    assert press_tab_after(" 20 -t ")[:7] == [*ALIASES, "local", "local:0.5b", "local:1.5b"]
    page.keyboard.press("Escape")
    assert press_tab_after("qwen-3,qwen-2.5-") == ["qwen-2.5-max"]
    accept("%%qwen --max-tokens 20 -t qwen-3,qwen-2.5-max")
    page.keyboard.press("Enter")
    assert press_tab_after("Can I have {bud") == ["budget"]
    accept("%%qwen --max-tokens 20 -t qwen-3,qwen-2.5-max\nCan I have {budget")
