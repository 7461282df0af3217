"""Answers side by side, and rows with their bar, in a real JupyterLab."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from recorder import Recorder
from test_browser import front, lab, notebook  # noqa: F401 - fixtures

if TYPE_CHECKING:
    import pytest

ANSWER = "The first has **bold** words and `code`.\n\n```python\nfor value in range(3):\n    print(value)\n```\n\n| a | b |\n|--|--|\n| 1 | $5 |\n"


def test_columns_stand_side_by_side_and_below_each_other(request: pytest.FixtureRequest) -> None:
    open_and_run = request.getfixturevalue("notebook")
    with ExitStack() as stack:
        one, two = (stack.enter_context(Recorder(lambda prompt, _: ANSWER + prompt)) for _ in range(2))
        page = open_and_run(
            "compare.ipynb",
            "%load_ext qwen_magic",
            f"%%qwen --compare -t {one.target},{two.target}\nWhich is it?",
            "%qwen keep 2",
            "print('all', 'done')",
            done="text=all done",
        )
        columns = page.locator(".jp-OutputArea-output [style*='flex:1 1 300px']")
        assert columns.count() == 2
        boxes = [columns.nth(place).bounding_box() for place in range(2)]
        assert boxes[0]["y"] == boxes[1]["y"]
        assert boxes[1]["x"] > boxes[0]["x"] + boxes[0]["width"] / 2
        assert columns.nth(1).locator("pre").inner_text().startswith("for value")
        assert columns.nth(1).locator("strong").inner_text() == "bold"
        assert columns.nth(0).locator("td").nth(1).inner_text() == "$5"
        assert f"{two.target} " in page.inner_text(".jp-Notebook")
        assert "starting" not in page.inner_text(".jp-Notebook")
        page.set_viewport_size({"width": 620, "height": 900})
        page.wait_for_function(
            "() => { const [a, b] = document.querySelectorAll(\"[style*='flex:1 1 300px']\");"
            " return b.getBoundingClientRect().top >= a.getBoundingClientRect().bottom; }"
        )
