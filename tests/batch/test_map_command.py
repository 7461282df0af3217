"""``python -m qwen_magic map`` as a person runs it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from rows_server import Refusal, RowsServer, rows_server
from support.light_imports import PYTHONPATH

from qwen_magic.map_command import _parser
from qwen_magic.notebook.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_DATA_HOME": str(folder / "data"), "PYTHONPATH": PYTHONPATH}
    return subprocess.run(
        [sys.executable, "-m", "qwen_magic", "map", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def server():
    with rows_server() as running:
        yield running


def test_csv_to_json_lines_and_again(server: RowsServer, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('id,text\n1,"a, b"\n2,c\n', encoding="utf-8")
    words = ("Say {text}", "rows.csv", "-o", "out.jsonl", "-t", server.target, "--into", "said")
    done = command(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["said"] for row in rows] == ["answer to Say a, b", "answer to Say c"]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert command(tmp_path, *words).returncode == 0
    assert len(server.prompts) == 2


def test_json_lines_with_a_shape_to_csv(server: RowsServer, tmp_path: Path) -> None:
    server.rule = lambda _: '{"mood": "happy"}'
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    done = command(
        tmp_path, "Say {text}", "rows.jsonl", "-o", "out.csv", "-t", server.target, "--schema", "mood: happy|sad"
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["mood"] for row in csv.DictReader(file)] == ["happy", "happy"]


def test_parquet(server: RowsServer, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    polars.DataFrame({"text": ["a", "b"]}).write_parquet(tmp_path / "rows.parquet")
    done = command(tmp_path, "Say {text}", "rows.parquet", "-o", "out.parquet", "-t", server.target)
    assert done.returncode == 0, done.stderr
    assert polars.read_parquet(tmp_path / "out.parquet")["answer"].to_list() == ["answer to Say a", "answer to Say b"]


def test_a_failed_row_is_told_by_the_exit_code(server: RowsServer, tmp_path: Path) -> None:
    server.rule = lambda prompt: Refusal(400, "no") if prompt.endswith("b") else prompt
    (tmp_path / "rows.csv").write_text("text\na\nb\n")
    done = command(tmp_path, "Say {text}", "rows.csv", "-o", "out.csv", "-t", server.target)
    assert done.returncode == 3
    assert "row 1" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Say {txt}", "rows.csv", "-o", "out.csv"), "neither a column"),
        (("Say {text}", "none.csv", "-o", "out.csv"), "there is no none.csv"),
        (("Say {text}", "rows.csv", "-o", "out.doc"), "the ending of out.doc is not known"),
        (("Say {text}", "rows.csv"), "there is no file for the result"),
    ],
)
def test_what_is_wrong_is_one_line(server: RowsServer, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "rows.csv").write_text("text\na\n")
    done = command(tmp_path, *words, "-t", server.target)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not server.prompts


def test_each_of_several_targets_answers_each_row(server: RowsServer, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\na\nb\n")
    words = ("Say {text}", "rows.csv", "-o", "out.csv", "--compare", "--temperature", "0", "--stop", "x", "--no-think")
    with rows_server(rule=lambda _: "the other") as other:
        done = command(tmp_path, *words, "-t", f"{server.target},{other.target}")
        assert done.returncode == 0, done.stderr
        with (tmp_path / "out.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["answer"] for row in rows] == ["answer to Say a", "the other", "answer to Say b", "the other"]
        assert [row["target"] for row in rows] == [server.target, other.target] * 2
    alone = command(tmp_path, *words, "-t", server.target)
    assert alone.returncode == 1
    assert "--compare needs several targets" in alone.stderr


def test_the_cell_and_the_terminal_have_the_same_options() -> None:
    """Of a cell's options those of one question, of a notebook and of files have no place here; --yes asks nobody."""
    of_one_question = "append format conversation new alone turns context attach pages fetch see raw eval next replace"
    left = {*of_one_question.split(), "map", "yes"}
    ours = {flag for action in _parser()._actions for flag in action.option_strings} - {"-h", "--help"}
    assert ours == {flag for option in OPTIONS for flag in option.flags if option.name not in left}


def test_a_dry_run(server: RowsServer, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\na\n")
    done = command(tmp_path, "Say {text}", "rows.csv", "--dry-run", "-t", server.target)
    assert "1 row, 1 different: 1 to ask" in done.stdout
    assert not server.prompts


@pytest.mark.skipif(sys.platform == "win32", reason="a signal")
def test_an_interrupt_writes_what_came(server: RowsServer, tmp_path: Path) -> None:
    server.seconds = 0.05
    (tmp_path / "rows.csv").write_text("text\n" + "\n".join(map(str, range(200))) + "\n")
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": PYTHONPATH}
    words = ["map", "Say {text}", "rows.csv", "-o", "out.csv", "-t", server.target, "--concurrency", "8"]
    with subprocess.Popen(
        [sys.executable, "-m", "qwen_magic", *words], cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True
    ) as process:
        while len(server.prompts) < 100:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert "Traceback" not in said
    with (tmp_path / "out.csv").open(newline="") as file:
        statuses = [row["status"] for row in csv.DictReader(file)]
    assert len(statuses) == 200
    assert statuses.count("done") >= 80
    assert command(tmp_path, *words[1:]).returncode == 0
    assert len(set(server.prompts)) == 200
    assert len(server.prompts) <= 208
