"""``%%qwen --map`` with recorded answers in real kernels, and what a cell says whose target fails at the first row."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from kernels import Kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))

from rows_server import rows_server

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = "openai:http://127.0.0.1:9/v1#m"
MAP = '%%qwen --map rows -o out --schema "mood: happy|sad"\nMood of {text}'


@contextlib.contextmanager
def kernel_of(notebook: Path, data: str, **env: str) -> Iterator[Kernel]:
    folders = {"IPYTHONDIR": str(notebook.parent / data / "ipython"), "XDG_DATA_HOME": str(notebook.parent / data)}
    with Kernel(JPY_SESSION_NAME=str(notebook), **folders, **env) as kernel:
        assert kernel.run("%load_ext qwen_magic\nrows = [{'text': text} for text in 'abc']").status == "ok"
        yield kernel


def test_rows_run_as_they_are_with_recorded_answers(tmp_path: Path) -> None:
    notebook = tmp_path / "study.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    with rows_server(rule=lambda prompt: '{"mood": "happy"}' if "of a" in prompt else '{"mood": "sad"}') as server:
        with kernel_of(notebook, "first", QWEN_TARGET=server.target) as kernel:
            kernel.run("%qwen replay on")
            assert kernel.run(MAP, cell="the cell").status == "ok"
            asked = len(server.prompts)
            assert asked == 3
            dry = kernel.run(MAP.replace("-o out", "-o out --dry-run"))
            assert "3 known: 0 to ask" in dry.printed
            differs = MAP.replace("-o out", "-o out --replay=fresh")
            server.rule = lambda _: '{"mood": "sad"}'
            run = kernel.run(differs)
            assert run.status == "ok", run.reply
            assert "1 of the answers differ" in run.shown[-1]["text/plain"]
            assert len(server.prompts) == 2 * asked
    lines = [json.loads(line) for line in (tmp_path / "study.qwen.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one["prompt"] for one in lines] == ["Mood of a", "Mood of b", "Mood of c"]
    with kernel_of(notebook, "second", QWEN_TARGET=NOBODY, QWEN_REPLAY="only") as kernel:
        run = kernel.run(MAP)
        assert run.status == "ok", run.reply
        assert "3 known: 0 to ask" in run.shown[0]["text/plain"]
        assert kernel.value("(out.columns()['mood'], out.columns()['status'])") == (["sad"] * 3, ["recorded"] * 3)
        assert "3 used in this session" in kernel.run("%qwen replay status").printed
        refused = kernel.run(MAP.replace("Mood of", "The mood of"))
        assert len(refused.error["traceback"]) == 1
        assert "3 of the rows have no recorded answer" in refused.error["traceback"][0]


def test_a_target_that_fails_at_the_first_row_is_an_error_of_one_line(tmp_path: Path) -> None:
    notebook = tmp_path / "study.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    with rows_server() as server, kernel_of(notebook, "first", QWEN_TARGET=NOBODY) as kernel:
        run = kernel.run("%%qwen --map rows -o out\nSay {text}")
        single = kernel.run("%%qwen --alone\nSay a")
        assert run.status == "error"
        assert run.error["ename"] == single.error["ename"] == "ConnectError"
        assert len(run.error["traceback"]) == 1
        assert "127.0.0.1:9" in run.error["traceback"][0]
        assert kernel.value("out.columns()['status']") == ["failed", "not asked", "not asked"]
        after = kernel.run(f"%%qwen --map rows -o out -t {server.target}\nSay {{text}}")
        assert after.status == "ok", after.reply
