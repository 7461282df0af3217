"""Two kernels of one notebook at once: one database, one file of recorded answers, 500 turns each; and kill -9."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import nbformat
import pytest
from kernels import Kernel

if TYPE_CHECKING:
    from pathlib import Path

TURNS = 500
WRITE = """
import sys
from qwen_magic.messages import Message
from qwen_magic.reply import Reply
from qwen_magic.replay import replay_key
from qwen_magic.request import Request
from qwen_magic.store import Turn
session = get_ipython().magics_manager.registry["QwenMagics"].session
for number in range({turns}):
    messages = (Message("user", f"{name} {{number}} " + "x" * 200),)
    reply = Reply(text=f"answer of {name} to {{number}}", target="local", messages=messages)
    position = session.memory.position(name="shared") if number % 100 < 2 else position  # the first may have begun it
    turn = session.memory.begin(position, Turn(messages[0].content))
    session.memory.finish(turn, reply)
    session.chat.replay.keep("on", replay_key("", Request(messages)), reply)
    if {say}:
        sys.__stdout__.write(f"{{number}}\\n")
        sys.__stdout__.flush()
assert session.memory.take_note() == ""
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "shared.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    return path


def kernel_of(notebook: Path) -> Kernel:
    return Kernel(JPY_SESSION_NAME=str(notebook), IPYTHONDIR=str(notebook.parent.parent / "ipython"))


def kept(notebook: Path) -> tuple[list[str], list[str]]:
    """Give the answers in the database, by place, and those in the file of recorded answers."""
    database = notebook.parent.parent / "ipython" / "profile_default" / "qwen_magic.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    from qwen_magic.store import Store

    with closing(Store(database)) as store:
        conversation = store.find("shared")
        assert conversation is not None
        turns = store.turns(conversation.id)
    assert len({turn.place for turn in turns}) == len(turns)
    lines = notebook.with_name("shared.qwen.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = []
    for line in lines:
        try:
            recorded.append(json.loads(line)["text"])
        except ValueError:  # cut by a crash
            continue
    return [turn.answer for turn in turns], recorded


@pytest.mark.timeout(600)
def test_hundreds_of_turns_each(notebook: Path) -> None:
    with kernel_of(notebook) as one, kernel_of(notebook) as other:
        runs = []
        for kernel, name in ((one, "one"), (other, "other")):
            assert kernel.run("%load_ext qwen_magic").status == "ok"
            runs.append((kernel, kernel.start(WRITE.format(name=name, turns=TURNS, say=False))))
        for kernel, run in runs:
            kernel.wait(run, 500)
            assert run.status == "ok", run.reply
    turns, recorded = kept(notebook)
    expected = {f"answer of {name} to {number}" for name in ("one", "other") for number in range(TURNS)}
    assert len(turns) == len(recorded) == 2 * TURNS
    assert set(turns) == set(recorded) == expected
    for name in ("one", "other"):  # each kernel's turns stand in the order in which it asked
        mine = [int(answer.rpartition(" ")[2]) for answer in turns if f" {name} " in answer]
        assert mine == sorted(mine)
    # They really wrote at the same time.
    assert turns[0].split()[2] in [answer.split()[2] for answer in turns[1:]]
    assert len({answer.split()[2] for answer in turns[100:-100]}) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.timeout(600)
def test_kernels_killed_in_mid_write(notebook: Path) -> None:
    """What a kernel had kept before it was killed is there for the next one, which goes on writing."""
    chance = random.Random(4)
    done: set[str] = set()
    for round_ in range(3):
        with kernel_of(notebook) as kernel:
            assert kernel.run("%load_ext qwen_magic").status == "ok"
            pid = kernel.value("__import__('os').getpid()")
            log = notebook.with_name("done.log")
            code = WRITE.format(name=f"round{round_}", turns=100_000, say=True)
            kernel.start(f"import sys\nsys.__stdout__ = open({str(log)!r}, 'w')\n{code}")
            end = time.monotonic() + 60
            while not log.exists() or log.read_text().count("\n") < 20:
                assert time.monotonic() < end
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 0.3))
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
            numbers = [line for line in log.read_text().split("\n")[:-1] if line]
            done |= {f"answer of round{round_} to {number}" for number in numbers}
            log.unlink()
        turns, recorded = kept(notebook)
        assert done <= set(turns)
        assert done <= set(recorded)
