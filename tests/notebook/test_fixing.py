"""``%qwen fix`` as its user sees it: what it says is true, it asks once more, shows the change, and makes no second copy."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from recorder import Recorder

from qwen_magic.notebook.failures import Failure
from qwen_magic.notebook.questions import corrected_cell, why_no_cell
from qwen_magic.rendering.diffs import coloured, diff_bundle, diff_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAILURE = Failure("total = a / b  # why", 7, "ZeroDivisionError", "division by zero", "")
MENDED = "Mended.\n\n```python\nx = 1\nprint(x)\n```"
ANSWERS = {"same": "```python\nx = one  # here\n```", "none": "I cannot.", "odd": "```python\nx = (\n```"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("No.", "there is no Python code block in the answer"),
        ("```bash\nls\n```", "there is no Python code block in the answer"),
        ("```python\ntotal = a / b\n```", "the answer's code is the same as your cell"),
        ("```python\ntotal  =  a / b\n```", "the answer's code is the same as your cell"),
        ("```python\ntotal = (a\n```", "the answer's code is not valid Python (line 1)"),
        ("```python\n!pip install x\n```", "the answer's code has no statement to run"),
    ],
)
def test_what_is_said_of_an_answer_without_a_cell_is_true(answer: str, why: str) -> None:
    assert corrected_cell(answer, FAILURE) is None
    assert why_no_cell(answer, FAILURE) == why


def test_a_change_is_shown_line_by_line() -> None:
    before = "\n".join(f"line{number}" for number in range(20))
    lines = list(diff_lines(before, before.replace("line10", "changed")))
    assert lines[:4] == ["  ⋮", "  line7", "  line8", "  line9"]
    assert lines[4:6] == ["- line10", "+ changed"]
    assert lines[-1] == "  ⋮"
    assert not diff_bundle(before, before)


def test_nothing_in_a_change_is_live_or_steers_a_terminal() -> None:
    bundle = diff_bundle("a", "<script>alert(1)</script>\x1b[2J\u202e")
    assert "<script>" not in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"]
    assert "\\u202e" in bundle["text/plain"]
    assert coloured(bundle["text/plain"]).count("\x1b[0m") == 2


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    asked: dict[str, int] = {}

    def answer(prompt: str, _number: int) -> str:
        word = next((word for word in ANSWERS if f"one  # {word}" in prompt), "")
        asked[word] = asked.get(word, 0) + 1
        if word and (asked[word] == 1 or word == "none"):
            return ANSWERS[word].replace("here", word)
        return MENDED

    with Recorder(answer) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def kernel(server: Recorder, folder: Path) -> Iterator[Kernel]:
    env = {"QWEN_TARGET": server.target, "JPY_SESSION_NAME": str(folder / "n.ipynb")}
    with Kernel(**env) as kernel:
        kernel.run("%load_ext qwen_magic")
        yield kernel


def text(run: object) -> str:
    return "\n".join(bundle["text/plain"] for bundle in run.shown)  # type: ignore[attr-defined]


def test_it_asks_once_more_where_no_code_can_be_used(kernel: Kernel, server: Recorder) -> None:
    for word, why in (("same", "is the same as your cell"), ("odd", "is not valid Python (line 1)")):
        kernel.run(f"x = one  # {word}", cell=f"failing-{word}")
        before = server.requests
        run = kernel.run("%qwen fix", cell=f"fix-{word}")
        assert server.requests == before + 2
        assert f"{why} · asking once more" in text(run)
        assert [role for role, _ in server.sent()] == ["s", "u", "a", "u"]
        assert "Line 1, `x = one" in server.prompt
        assert run.next_input == ("x = 1\nprint(x)", False)
        html = [bundle["text/html"] for bundle in run.shown if "text/html" in bundle]
        assert "- x = one" in html[-1]
        assert "+ print(x)" in html[-1]
    kernel.run("x = one  # none")
    run = kernel.run("%qwen fix")
    assert text(run).count("there is no Python code block in the answer") == 2, "each of two answers is told of"
    assert run.next_input is None


def test_apply_turns_the_cell_into_the_code(kernel: Kernel) -> None:
    kernel.run("x = two")
    run = kernel.run("%qwen fix --apply")
    assert run.next_input == ("x = 1\nprint(x)", True)
    assert "this cell now has the answer's code" in text(run)


def test_a_cell_that_wanted_us_is_skipped(server: Recorder) -> None:
    with Kernel(QWEN_TARGET=server.target) as kernel:
        kernel.run("{}['key']")
        kernel.run("%qwen fix")
        kernel.run("%load_ext qwen_magic")
        assert "Run the failing cell again" in kernel.run("%qwen fix").error["traceback"][0]
        kernel.run("{}['key']")
        kernel.run("%qwenn fix")
        kernel.run("%qwen fix")
        assert "{}['key']" in server.prompt


def write(path: Path, *cells: tuple[str, str]) -> None:
    """Save a notebook, as the front end does."""
    written = [{"cell_type": "code", "id": key, "source": source, "metadata": {}} for key, source in cells]
    path.write_text(json.dumps({"cells": written, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    os.utime(path, (time.time() + 5, time.time() + 5))


def test_no_second_copy_is_made(kernel: Kernel, folder: Path) -> None:
    ask, code = "%%qwen -n\nWrite code.", "x = 1\nprint(x)"
    write(folder / "n.ipynb", ("a", ask))
    assert kernel.run(ask, cell="a").next_input == (code, False)
    os.utime(folder / "n.ipynb", (1, 1))  # not saved since
    again = kernel.run(ask, cell="a")
    assert again.next_input is None
    assert "a cell below already has this code" in text(again)
    write(folder / "n.ipynb", ("a", ask))  # the user deleted the cell
    assert kernel.run(ask, cell="a").next_input == (code, False)
    write(folder / "n.ipynb", ("a", ask), ("b", code))
    assert kernel.run(ask, cell="a").next_input is None
    write(folder / "n.ipynb", ("other", ask), ("b", "y = 2"))  # a front end whose cells have other ids
    assert kernel.run(ask, cell="x").next_input == (code, False)
    write(folder / "n.ipynb", ("a", ask), ("b", "x = 1\nprint(x)  # edited"), ("c", "%qwen code"))
    assert kernel.run("%qwen code", cell="c").next_input == (code, False)
    write(folder / "n.ipynb", ("a", ask), ("c", "%qwen code"), ("d", code))
    again = kernel.run("%qwen code", cell="c")
    assert again.next_input is None
    assert again.printed == f"{code}\na cell below already has this code\n"


def test_a_replayed_run_does_not_grow_the_notebook(server: Recorder, folder: Path) -> None:
    ask, code = "%%qwen -n\nWrite code.", "x = 1\nprint(x)"
    cells = [("a", ask)]
    for run in range(3):
        write(folder / "n.ipynb", *cells)
        with Kernel(QWEN_TARGET=server.target, JPY_SESSION_NAME=str(folder / "n.ipynb"), QWEN_REPLAY="on") as kernel:
            kernel.run("%load_ext qwen_magic")
            asked = kernel.run(ask, cell="a")
            if asked.next_input:
                cells.append(("b", asked.next_input[0] + "\nprint(x + 1)"))  # and the user adds a line
            assert bool(asked.next_input) == (run == 0), text(asked)
    assert len(cells) == 2
    assert cells[1][1].startswith(code)
