"""A frame of many rows in a real JupyterLab: its bar, a failing row, an interrupt, and the cell run again."""

from __future__ import annotations

import collections
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from test_browser import front, lab, notebook  # noqa: F401 - fixtures

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))

from rows_server import Refusal, rows_server

if TYPE_CHECKING:
    import pytest

ROWS, HELD, AT_ONCE = 300, 120, 8
FRAME = f"""\
import pandas as pd
rows = [f'review {{number}}' for number in range({ROWS})]
df = pd.DataFrame({{'text': rows}}, index=range(1000, {1000 + ROWS}))"""
COUNTS = """\
counts = out.frame['status'].value_counts().to_dict()
print('counted:', counts, 'index kept:', list(out.frame.index) == list(df.index))"""
REFUSED = "Mood of review 7"


def test_rows_with_a_failure_interrupted_and_run_again(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    open_and_run = request.getfixturevalue("notebook")
    prompts: list[str] = []
    interrupted = threading.Event()

    def answer(prompt: str) -> str | Refusal:
        """Refuse one row; after many, answer none before the user has interrupted."""
        if len(prompts) >= HELD:
            assert interrupted.wait(120)
        prompts.append(prompt)
        return Refusal(400, "<b>no</b> such review") if prompt == REFUSED else "happy"

    with rows_server(rule=answer) as server:
        page = open_and_run(
            "rows.ipynb",
            f"%load_ext qwen_magic\n%env XDG_DATA_HOME={tmp_path}\n{FRAME}",
            f"%%qwen --map df -o out --into mood -t {server.target} --concurrency {AT_ONCE}\nMood of {{text}}",
            COUNTS,
            done=f"text={HELD - 1} done, 1 failed",
        )
        output = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-OutputArea")
        output.locator("text=row 7: ").wait_for()
        assert "<b>no</b> such review" in output.inner_text()
        assert f"{ROWS} rows, {ROWS} different: {ROWS} to ask" in output.inner_text()
        assert output.locator("progress").evaluate("bar => bar.value") == HELD / ROWS
        assert "starting" not in output.inner_text()
        page.screenshot(path=str(tmp_path / "half.png"))
        page.click("li.lm-MenuBar-item:has-text('Kernel')")
        page.click(".lm-Menu-item[data-command='kernelmenu:interrupt']")
        output.locator("text=run the cell again").wait_for()
        assert "Traceback" not in output.inner_text()
        page.screenshot(path=str(tmp_path / "stopped.png"))
        first = list(prompts)
        interrupted.set()
        for cell in (1, 2):
            page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
        missing = ROWS - HELD + 1
        output.locator(f"text={ROWS} rows, {ROWS} different, {HELD - 1} known: {missing} to ask").wait_for()
        counts = {"done": missing - 1, "recorded": HELD - 1, "failed": 1}
        page.wait_for_selector(f"text=counted: {counts} index kept: True", timeout=60_000)
        assert output.locator("progress").evaluate("bar => bar.value") == 1
        page.screenshot(path=str(tmp_path / "again.png"))
    print(f"screenshots in {tmp_path}")
    asked = collections.Counter(server.prompts)
    assert len(asked) == ROWS
    assert [prompt for prompt in first if asked[prompt] > 1] == [REFUSED]
    assert sum(times > 1 for times in asked.values()) <= 1 + AT_ONCE
