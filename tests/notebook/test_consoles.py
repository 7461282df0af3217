"""Front ends that ignore updates of displays, and those that run notebooks: each shows an answer once, and whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest
from kernels import Kernel
from support.light_imports import PYTHONPATH
from thinker import Thinker, plan

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = "It costs $5 and **$10**.\n\n```python\nprint('x')\n```\n\nThat is all."
PROMPT = plan([], 0, ANSWER)
THOUGHT = plan(["Let me think."], 0.2, ANSWER)


def environment(folder: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "JUPYTER", "JPY_"))}
    env |= {"PYTHONPATH": PYTHONPATH, "IPYTHONDIR": str(folder / ".ipython"), "PYTHONUTF8": "1"}
    return env | {f"JUPYTER_{name}_DIR": str(folder / f".{name.lower()}") for name in ("CONFIG", "DATA", "RUNTIME")}


def run(command: list[str], folder: Path, script: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment(folder),
        cwd=folder,
        input=script,
        capture_output=True,
        text=True,
        timeout=120,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def cell(prompt: str, options: str = "") -> str:
    return f"get_ipython().run_cell_magic('qwen', {options!r}, {prompt!r})\n"


def test_jupyter_run_prints_an_answer_once(thinker: Thinker, tmp_path: Path) -> None:
    begin = f"%load_ext qwen_magic\nget_ipython().run_line_magic('qwen', 'use openai:{thinker.url}#q')\n"
    (tmp_path / "asks.py").write_text(begin + cell(THOUGHT) + cell(PROMPT, "-f code"), encoding="utf-8")
    printed = run(["jupyter_client.runapp", "asks.py"], tmp_path)
    assert printed.count(ANSWER) == 1
    assert printed.count("print('x')") == 2
    assert "⏳" not in printed
    assert "<IPython" not in printed
    assert printed.count(f"openai:{thinker.url}#q") >= 2


@pytest.mark.parametrize("answer", ["", ANSWER])
def test_a_console_is_printed_to(thinker: Thinker, answer: str) -> None:
    with Kernel() as kernel:
        kernel.allow_stdin = True
        kernel.run(f"%load_ext qwen_magic\n%qwen use openai:{thinker.url}#q")
        asked = kernel.run(f"%%qwen\n{plan([], 0, answer)}")
        assert asked.drawn == []
        if answer:
            assert asked.printed.count(answer) == 1
        thought = kernel.run(f"%%qwen\n{plan(['hm'], 0.2, answer)}")
        assert thought.drawn == []
        with_cell = kernel.run(f"%%qwen\n{PROMPT}", cell="a-cell")
        assert with_cell.answer == ANSWER
        assert with_cell.printed == ""


def test_nbclassic_names_no_cell_and_draws(thinker: Thinker) -> None:
    with Kernel(JPY_SESSION_NAME="a.ipynb") as kernel:
        kernel.allow_stdin = True
        kernel.run(f"%load_ext qwen_magic\n%qwen use openai:{thinker.url}#q")
        assert kernel.run(f"%%qwen\n{PROMPT}").answer == ANSWER


def test_jupyter_execute_saves_an_answer_once(thinker: Thinker, tmp_path: Path) -> None:
    cells = [
        f"%load_ext qwen_magic\n%qwen use openai:{thinker.url}#q",
        f"%%qwen\n{THOUGHT}",
        f"%%qwen -n -f text\n{PROMPT}",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "asks.ipynb")
    run(["jupyter", "execute", "--inplace", "asks.ipynb"], tmp_path)
    saved = json.loads((tmp_path / "asks.ipynb").read_text(encoding="utf-8"))
    outputs = [output["data"] for output in saved["cells"][1]["outputs"] if output["output_type"] == "display_data"]
    shown = [data for data in outputs if any("".join(value) for value in data.values())]
    plain = ["".join(data["text/plain"]) for data in shown]
    assert plain[0].startswith("thinking (")
    assert "\n\n".join(plain[1:-1]) == ANSWER
    assert f"openai:{thinker.url}#q" in plain[-1]
    assert "⏳" not in json.dumps(saved, ensure_ascii=False)
    streams = [output for output in saved["cells"][2]["outputs"] if output["output_type"] == "stream"]
    printed = "".join("".join(output["text"]) for output in streams)
    assert printed.count(ANSWER) == 1
    assert "cells cannot be made here: copy the code from the answer" in printed
    assert "in the next cell" not in printed
