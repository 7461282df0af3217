"""Cells and the panel's client in a real kernel while another program holds the database's lock."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCKED = "is locked by another program"


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def kernel(server: Recorder, tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(IPYTHONDIR=str(tmp_path)) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}").status == "ok"
        assert kernel.run("%%qwen\nfirst", cell="1").status == "ok"
        yield kernel


def database(tmp_path: Path) -> Path:
    return tmp_path / "profile_default" / "qwen_magic.sqlite"


@contextmanager
def held(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def kept(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [prompt for (prompt,) in connection.execute("SELECT prompt FROM turn WHERE in_force ORDER BY place")]


def test_a_lock_is_waited_for_once_and_the_conversation_goes_on(
    kernel: Kernel, server: Recorder, tmp_path: Path
) -> None:
    path = database(tmp_path)
    with held(path):
        lines, seconds = [], []
        for number in range(2, 7):
            began = time.monotonic()
            run = kernel.run(f"%%qwen\nprompt {number}", cell=str(number))
            seconds.append(time.monotonic() - began)
            assert run.status == "ok"
            lines.append(run.shown[-1]["text/plain"])
        assert len(server.sent()) == 11  # all that was said, six prompts and five answers
        assert [LOCKED in line for line in lines] == [True, False, False, False, False]
        assert sum(seconds) - seconds[0] < 5 + seconds[0] * 2
        assert kept(path) == ["first"]
    kernel.until(lambda: len(kept(path)) == 6)
    assert kept(path) == ["first", *(f"prompt {number}" for number in range(2, 7))]
    kernel.run("%%qwen\nlast", cell="9")
    assert len(server.sent()) == 13
    assert kept(path)[-1] == "last"


def test_an_interrupt_meanwhile_is_one_line_and_harms_nothing(kernel: Kernel, server: Recorder, tmp_path: Path) -> None:
    with held(database(tmp_path)):
        run = kernel.start("%%qwen\nstopped", cell="2")
        kernel.until(lambda: run.messages[1:])  # before its execute_input, ipykernel itself may lose an interrupt
        begun = time.monotonic()
        kernel.until(lambda: time.monotonic() > begun + 0.5)  # amid the wait for the lock
        began = time.monotonic()
        kernel.interrupt()
        kernel.wait(run)
        assert time.monotonic() - began < 5
        if run.status == "error":
            assert len(run.error["traceback"]) == 1, run.error["traceback"]
        assert kernel.run("%%qwen\nand then", cell="3").status == "ok"
        assert kernel.run("%qwen history").status == "ok"
    kernel.until(lambda: "and then" in kept(database(tmp_path)))
    with closing(sqlite3.connect(database(tmp_path))) as connection:
        assert connection.execute("SELECT count(*) FROM turn WHERE finish_reason IS NULL").fetchone() == (0,)
