"""Recorded answers in real kernels: Restart and Run All with the server gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from kernels import Kernel, Run
from recorder import Recorder
from servers.openai_like import Script, chunk, serving, streamed
from support.light_imports import PYTHONPATH

if TYPE_CHECKING:
    from collections.abc import Iterator

CELLS = [
    "%%qwen\nWhat is a derivative?",
    '%%qwen\nAnd of $x^2$? Answer with {braces} and {"json": 1}',
    "n = 3",
    "%%qwen --temperature 0.2 -o third\nSay it {n} times.",
    "%%qwen --alone\nA question of its own",
    "%%qwen --new\nsystem: Be brief.\nSomething else",
    "%%qwen -c plan\nPlan it",
    "%qwen ask -o line And on one line",
    "%%qwen -f text\nAs text",
    "%%qwen\nThe end: {third}",
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Give the path of a notebook."""
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "study.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    return path


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder(lambda prompt, number: f"**Answer {number}** to: {prompt}\n\n- one\n- two\n") as recorder:
        yield recorder


def kernel_of(notebook: Path, **env: str) -> Kernel:
    return Kernel(JPY_SESSION_NAME=str(notebook), IPYTHONDIR=str(notebook.parent.parent / "ipython"), **env)


def load(kernel: Kernel, server: Recorder, mode: str = "on") -> None:
    run = kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}\n%qwen replay {mode}")
    assert run.status == "ok", run.reply


def run_all(kernel: Kernel) -> list[Run]:
    runs = [kernel.run(code, cell=f"cell-{place}") for place, code in enumerate(CELLS)]
    assert all(run.status == "ok" for run in runs), [run.reply for run in runs]
    return runs


def answers(runs: list[Run]) -> list[str]:
    """Give the answers: what is shown above the last line."""
    found = []
    for run in runs:
        if run.printed:
            found.append(run.printed.rpartition("\n[")[0])
        elif run.shown:
            found.append(run.answer)
    return found


def last_lines(run: Run) -> str:
    return run.shown[-1]["text/plain"] if run.shown else run.printed.rpartition("\n[")[2]


def test_run_all_with_the_server_gone(notebook: Path, server: Recorder) -> None:
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        first = run_all(kernel)
    asked = server.requests
    assert asked == 9
    assert len(answers(first)) == 9
    path = notebook.with_name("study.qwen.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 9
    assert all(list(json.loads(line)) == sorted(json.loads(line)) for line in lines)
    server.__exit__()
    for mode in ("only", "on"):
        with kernel_of(notebook) as kernel:
            load(kernel, server, mode)
            begun = time.monotonic()
            again = run_all(kernel)
            assert time.monotonic() - begun < 5
        assert answers(again) == answers(first)
        replayed = [run for run, code in zip(again, CELLS, strict=True) if "qwen" in code]
        assert all("replayed" in last_lines(run) and server.target in last_lines(run) for run in replayed)
        assert path.read_text(encoding="utf-8").splitlines() == lines


def test_only_says_which_cell_is_missing(notebook: Path, server: Recorder) -> None:
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        kernel.run("%%qwen\nknown", cell="1")
        kernel.run("%qwen replay only")
        assert kernel.run("%%qwen --alone\nknown").status == "ok"
        run = kernel.run("%%qwen --alone\nunknown, and long enough to be cut somewhere", cell="2")
        assert run.status == "error"
        (line,) = run.error["traceback"]
        assert line.startswith("ReplayError")
        assert "unknown" in line
        assert "In[5]" in line
        assert server.requests == 1
        assert kernel.run("%%qwen --alone --replay=off\nunknown").status == "ok"
        assert server.requests == 2


def test_what_is_another_question(notebook: Path, server: Recorder) -> None:
    """The target, the messages and the parameters make the question."""
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        for count, code in enumerate(
            [
                "%%qwen --alone\na",
                "%%qwen --alone --seed 1\na",
                "%%qwen --alone -s Kindly.\na",
                "%%qwen --alone\nsystem: kindly\na",
                "%%qwen --alone --extra '{\"x\": 1}'\na",
                f"%%qwen --alone -t {server.target}x\na",
                "%%qwen --alone\nb",
            ],
            1,
        ):
            for _ in range(2):
                assert kernel.run(code).status == "ok"
                assert server.requests == count, code
        # What changes only how it is shown or kept does not.
        for options in ("-f text", "-o x", "--append xs", "-n"):
            assert "replayed" in last_lines(kernel.run(f"%%qwen --alone {options}\na"))
        assert server.requests == 7


def test_fresh_and_diff(notebook: Path, server: Recorder) -> None:
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        kernel.run("%%qwen --alone\na")
        kernel.run("%%qwen --alone\nb")
        assert "differs" in kernel.run("%qwen replay diff").printed
        run = kernel.run("%%qwen --alone --replay=fresh\na")
        assert "Answer 3" in run.answer
        printed = kernel.run("%qwen replay diff").printed
        assert "-**Answer 1** to: a" in printed
        assert "+**Answer 3** to: a" in printed
        assert "Answer 3" in kernel.run("%%qwen --alone\na").answer
    lines = notebook.with_name("study.qwen.jsonl").read_text(encoding="utf-8").splitlines()
    assert ["Answer 3" in lines[0], "Answer 2" in lines[1], len(lines)] == [True, True, 2]


def test_status_and_prune(notebook: Path, server: Recorder) -> None:
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        kernel.run("%%qwen --alone\nkept")
        kernel.run("%%qwen --alone\nno longer used")
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        assert kernel.run("%qwen replay prune").status == "error"  # nothing ran yet
        kernel.run("%%qwen --alone\nkept")
        status = kernel.run("%qwen replay").printed
        assert "replay is on" in status
        assert "replay        on, from study.qwen.jsonl" in kernel.run("%qwen").printed
        assert "study.qwen.jsonl" in status
        assert "no longer used" in status
        assert "1 recorded answer" in kernel.run("%qwen replay prune").printed
        assert "no longer used" not in kernel.run("%qwen replay status").printed
    assert len(notebook.with_name("study.qwen.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_a_cut_line_is_told_of_and_the_rest_serves(notebook: Path, server: Recorder) -> None:
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        kernel.run("%%qwen --alone\na")
        kernel.run("%%qwen --alone\nb")
    path = notebook.with_name("study.qwen.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        run = kernel.run("%%qwen --alone\na")
        assert "replayed" in last_lines(run)
        assert "study.qwen.jsonl:2" in last_lines(run)
        assert "Answer 3" in kernel.run("%%qwen --alone\nb").answer
        assert "Answer 3" in kernel.run("%%qwen --alone\nb").answer


def test_keys_are_not_recorded(notebook: Path, server: Recorder) -> None:
    """The file is made for git; the server repeats what it is asked."""
    key = "sk-proj-" + "aB3dE5fG7hJ9" * 4
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        kernel.run(f"%%qwen\nWhat is {key}?")
        kernel.run("%%qwen\nAnd then?")
    assert key not in notebook.with_name("study.qwen.jsonl").read_text(encoding="utf-8")
    with kernel_of(notebook) as kernel:
        load(kernel, server, "only")
        assert "replayed" in last_lines(kernel.run(f"%%qwen\nWhat is {key}?"))
        assert "replayed" in last_lines(kernel.run("%%qwen\nAnd then?"))
        assert "What is [redacted: OpenAI key]?" in kernel.value("str(__import__('qwen_magic').last_reply().messages)")


def test_the_environment_sets_the_mode(notebook: Path, server: Recorder) -> None:
    with kernel_of(notebook, QWEN_REPLAY="only") as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
        assert kernel.run("%%qwen\na").status == "error"
        for code in ("%qwen replay on", "%config QwenMagics.replay = 'fresh'"):  # the notebook's own word
            printed = kernel.run(code).printed
            assert "replay on" not in printed.lower()
            assert kernel.run("%%qwen\na").status == "error"
        assert "Replay is only because QWEN_REPLAY says so" in kernel.run("%qwen replay on").printed
        for option in ("--replay", "--replay=fresh", "--replay=off"):
            assert kernel.run(f"%%qwen {option}\na").status == "error"
        assert server.requests == 0
    with kernel_of(notebook, QWEN_REPLAY="on") as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
        assert kernel.run("%%qwen --alone\na").status == "ok"
        assert "replayed" in last_lines(kernel.run("%%qwen --alone\na"))
    with kernel_of(notebook, QWEN_REPLAY="sometimes") as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}")
        run = kernel.run("%%qwen\na")
        assert run.status == "error"
        assert "QWEN_REPLAY" in run.error["traceback"][0]
    assert server.requests == 1


def test_interrupted_and_cut_answers(notebook: Path) -> None:
    """What was stopped is not recorded; what reached the token limit is, and its continuation too."""
    slow = streamed(*(part for number in range(300) for part in (chunk(f"w{number} "), 0.02)))
    limit = streamed(chunk("one two "), chunk("", "length"))
    script = Script(slow, limit, streamed(chunk("three"), chunk("", "stop")))
    with serving(script.app()) as url, kernel_of(notebook) as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use openai:{url}/v1#m\n%qwen replay on")
        run = kernel.start("%%qwen --alone\ncount")
        kernel.until(lambda: "w20" in str(run.displays))
        kernel.interrupt()
        kernel.wait(run)
        assert not notebook.with_name("study.qwen.jsonl").exists()
        kernel.run("%%qwen --alone\ncount")
        whole = kernel.run("%qwen continue").answer
        assert whole.split() == ["one", "two", "three"]
    with kernel_of(notebook) as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use openai:{url}/v1#m\n%qwen replay only")
        assert kernel.run("%%qwen --alone\ncount").answer.split() == ["one", "two"]
        assert kernel.run("%qwen continue").answer == whole


def execute(path: Path, out: str, **env: str) -> nbformat.NotebookNode:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "IPYTHON", "JPY_"))}
    subprocess.run(
        [Path(sys.executable).with_name("jupyter-execute"), f"--output={out}.ipynb", path.name],
        cwd=path.parent,
        env={**clean, "PYTHONPATH": PYTHONPATH, "IPYTHONDIR": str(path.parent / "ipython"), **env},
        check=True,
        timeout=120,
    )
    book: nbformat.NotebookNode = nbformat.read(path.parent / f"{out}.ipynb", 4)
    return book


def test_jupyter_execute_without_a_network(notebook: Path, server: Recorder) -> None:
    """What a front end recorded is found by ``jupyter execute``, which was given the notebook's name."""
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        first = answers(run_all(kernel))
    setup = f"%load_ext qwen_magic\n%qwen use {server.target}"
    cells = [nbformat.v4.new_code_cell(code) for code in (setup, *CELLS)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    server.__exit__()
    one = execute(notebook, "one", QWEN_REPLAY="only")
    other = execute(notebook, "other", QWEN_REPLAY="only")
    outputs = [[cell.outputs for cell in executed.cells[1:]] for executed in (one, other)]
    assert outputs[0] == outputs[1]
    shown = []
    for *parts, _last in filter(None, outputs[0]):
        shown.append("\n\n".join(part.data["text/plain"] for part in parts if part.output_type == "display_data"))
    assert [text for text in shown if text] == [text for text in first if not text.startswith("**Answer 8")]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders are made unwritable otherwise on Windows")
def test_a_folder_that_cannot_be_written(notebook: Path, server: Recorder) -> None:
    if os.geteuid() == 0:
        notebook.with_name("study.qwen.jsonl").mkdir()  # root may write everywhere
    else:
        notebook.parent.chmod(0o500)
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        run = kernel.run("%%qwen\na")
        assert "Answer 1" in "".join(bundle["text/plain"] for bundle in run.shown), "the answer is shown all the same"
    notebook.parent.chmod(0o700)


def test_under_jupyter_execute_no_other_notebooks_file_is_written(notebook: Path, server: Recorder) -> None:
    """Two notebooks in one folder, one recording; the other runs under ``jupyter execute``."""
    with kernel_of(notebook) as kernel:
        load(kernel, server)
        assert kernel.run("%%qwen --alone\nthe teacher's").status == "ok"
    recorded = notebook.with_name("study.qwen.jsonl")
    before = recorded.read_bytes()
    code = f"%load_ext qwen_magic\n%qwen use {server.target}"
    cells = [
        nbformat.v4.new_code_cell(one)
        for one in (code, "%%qwen --alone\nthe student's", "%%qwen --alone\nthe teacher's")
    ]
    student = notebook.with_name("student.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), student)
    done = execute(student, "done", QWEN_REPLAY="on")
    assert recorded.read_bytes() == before
    assert "the student's" in notebook.with_name("student.qwen.jsonl").read_text(encoding="utf-8")
    assert "replayed" not in str(done.cells[2].outputs), "the other's is not read"
