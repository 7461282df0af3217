"""kill -9 of real kernels at random moments of cells, recordings and `undo`, and a disk that is really full.

QWEN_MAGIC_KILLS sets how many kernels are killed; 60 are what was promised, and the test prints what came of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from kernels import Kernel
from servers.openai_like import Script, chunk, serving, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = int(os.environ.get("QWEN_MAGIC_KILLS", "3"))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL, and no tmpfs, on Windows")


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """An answer of 20 pieces, 3 ms apart, which says what was asked."""

    def answer(body: dict[str, Any], request: Any) -> Any:
        asked = body["messages"][-1]["content"]
        pieces = [part for number in range(20) for part in (chunk(f"w{number} "), 0.003)]
        return streamed(*pieces, chunk(f"to {asked}"), chunk("", "stop"))(body, request)

    with serving(Script(answer, models=["m"]).app()) as url:
        yield f"openai:{url}/v1#m"


def answer_to(prompt: str) -> str:
    return "".join(f"w{number} " for number in range(20)) + f"to {prompt}"


class Life:
    """A kernel's life: what it was asked until it was killed, and what of that was over before."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number = number
        self.chance = chance
        self.kept: list[str] = []
        self.recorded: list[str] = []
        self.unsure: set[str] = set()
        """What may be there or not: it was going on when the kernel was killed."""

    def run(self, kernel: Kernel) -> None:
        pid = int(kernel.value("__import__('os').getpid()"))
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(self.chance.uniform(0.0, 0.3), kill)
        last = self.chance.randrange(6)
        for number in range(1000):
            if number == last:
                timer.start()
            prompt = f"prompt {self.number}.{number}"
            kind = self.chance.choice(["", "", " --replay=fresh", "undo"])
            undone = self.kept[-1:] if kind == "undo" else []
            self.unsure = set(undone) or {prompt}
            run = kernel.start("%qwen undo" if undone else f"%%qwen{kind if kind != 'undo' else ''}\n{prompt}")
            while not run.over and not killed.is_set():
                kernel.read(0.02)
            if not run.over:
                break
            assert run.status == "ok", run.reply
            if undone:
                self.kept.pop()
            else:
                self.kept.append(prompt)
                self.recorded += [prompt] if "replay" in kind else []
            self.unsure = set()
        timer.join()


def in_force(path: Path) -> dict[str, tuple[str, str]]:
    """Give the answer and the finish reason of each prompt, as the file has them."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        rows = connection.execute("SELECT prompt, answer, finish_reason FROM turn WHERE in_force").fetchall()
    return {prompt: (answer, reason) for prompt, answer, reason in rows}


@pytest.mark.timeout(1800)
def test_killed_at_any_moment(target: str, tmp_path: Path) -> None:
    notebook = tmp_path / "killed.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    path = tmp_path / "ipython" / "profile_default" / "qwen_magic.sqlite"
    recordings = tmp_path / "killed.qwen.jsonl"
    kept: set[str] = set()
    recorded: set[str] = set()
    chance = random.Random(11)
    for number in range(NUMBER):
        life = Life(number, chance)
        with Kernel(JPY_SESSION_NAME=str(notebook), IPYTHONDIR=str(tmp_path / "ipython")) as kernel:
            assert kernel.run(f"%load_ext qwen_magic\n%qwen use {target}").status == "ok"
            life.run(kernel)
        kept |= set(life.kept) - life.unsure
        recorded |= set(life.recorded)
        rows = in_force(path) if path.exists() else {}
        lost = {prompt for prompt in kept if rows.get(prompt) != (answer_to(prompt), "stop")}
        assert not lost, f"kill {number}"
        lines = recordings.read_text(encoding="utf-8").splitlines() if recordings.exists() else []
        whole = [json.loads(line)["text"] for line in lines if line.endswith("}")]
        assert {answer_to(prompt) for prompt in recorded} <= set(whole)
    with Kernel(JPY_SESSION_NAME=str(notebook), IPYTHONDIR=str(tmp_path / "ipython")) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {target}").status == "ok"
        assert kernel.run("%%qwen\nafterwards").status == "ok"
    rows = in_force(path)
    open_turns = [prompt for prompt, (_, reason) in rows.items() if reason is None]
    assert kept
    print(f"\n{NUMBER} kills, {len(kept)} answers kept, 0 lost, {len(open_turns)} open turns")
    assert rows["afterwards"] == (answer_to("afterwards"), "stop")
    assert open_turns == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, where one can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    try:
        mounted = subprocess.run(options, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_costs_no_turn(target: str, small_disk: Path) -> None:
    path = small_disk / "profile_default" / "qwen_magic.sqlite"
    with Kernel(IPYTHONDIR=str(small_disk)) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {target}").status == "ok"
        assert kernel.run("%%qwen\nbefore").status == "ok"
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        lines = []
        for number in range(4):
            run = kernel.run(f"%%qwen\nfull {number} {'y' * 20_000}")
            assert run.status == "ok"
            lines.append(run.shown[-1]["text/plain"])
        assert ["the disk is full" in line for line in lines] == [True, False, False, False]
        assert "full 3" in kernel.run("%qwen history").printed
        filler.unlink()
        assert kernel.run("%%qwen\nafter").status == "ok"
        end = time.monotonic() + 30
        while len(in_force(path)) < 6:
            assert time.monotonic() < end
            kernel.read(0.1)
    assert [prompt.split()[0] for prompt in in_force(path)] == ["before", *["full"] * 4, "after"]
