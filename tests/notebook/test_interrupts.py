"""Interrupts at every stage of a cell, in a real kernel, with a cell queued behind: one line each, and nothing lost.

QWEN_MAGIC_INTERRUPTS sets how many; 200 are what was promised, and the test prints what came of them.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from kernels import Kernel, Run
from servers.openai_like import Script, chunk, serving, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = int(os.environ.get("QWEN_MAGIC_INTERRUPTS", "16"))
ANSWER = [part for number in range(150) for part in (chunk(f"w{number} "), 0.004)]
DELAYS = {"early": (0.0, 0.04), "middle": (0.05, 0.4), "late": (0.55, 0.75)}
"""Seconds after the kernel said that it runs the cell: before the request, in the stream, and around its end. What comes
before that falls into ipykernel's own reading of the message, which loses it whatever the cell is."""


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    def answer(body: dict[str, Any], request: Any) -> Any:
        return streamed(*ANSWER, chunk("", "stop"))(body, request)

    with serving(Script(answer, models=["m"]).app()) as url:
        yield f"openai:{url}/v1#m"


def outcome(run: Run) -> str:
    """Tell what a user sees of a cell that was interrupted, in a word."""
    errors = [message.content for message in run.messages if message.kind == "error"]
    if run.reply is None or not run.over:
        return "lost"
    if not errors:
        return "over before it came" if run.status == "ok" else run.status
    traces = [error["traceback"] for error in errors]  # a second interrupt may fall into IPython's showing of the first
    ours = any("qwen_magic/" in line for trace in traces if len(trace) > 1 for line in trace)
    return "traceback of ours" if ours else "one line" if len(traces[0]) == 1 else "traceback of IPython's"


def interrupted(kernel: Kernel, code: str, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Interrupt a cell so many times at random moments; count what is shown, and the cells queued behind."""
    chance = random.Random(seed)
    cells: Counter[str] = Counter()
    queued: Counter[str] = Counter()
    for number in range(NUMBER):
        low, high = DELAYS[("early", "early", "middle", "late")[number % 4]]
        run = kernel.start(code, cell=f"cell {number}", stop_on_error=False)
        behind = kernel.start(f"print('behind {number}')", stop_on_error=False)
        kernel.until(lambda run=run: any(message.kind == "execute_input" for message in run.messages))  # type: ignore[misc]
        end = time.monotonic() + chance.uniform(low, high)
        while (left := end - time.monotonic()) > 0:
            kernel.read(left)
        kernel.interrupt()
        if number % 5 == 0:
            kernel.interrupt()
        with contextlib.suppress(TimeoutError):
            kernel.until(lambda run=run, behind=behind: run.over and behind.over, 30)  # type: ignore[misc]
        cells[outcome(run)] += 1
        lost = not behind.over or behind.reply == {"status": "aborted"}
        queued["lost" if lost else "ran" if f"behind {number}" in behind.printed else "interrupted"] += 1
    return cells, queued


def test_a_second_interrupt_costs_neither_reply_nor_line(target: str, tmp_path: Path) -> None:
    """Who presses twice, or holds the key, means it once; ipykernel loses the reply of a cell that ended between."""
    with Kernel(IPYTHONDIR=str(tmp_path)) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {target}").status == "ok"
        for number in range(8):
            run = kernel.start("%%qwen --new\ntell me", cell=f"cell {number}", stop_on_error=False)
            kernel.until(lambda run=run: any("w3" in str(message.content) for message in run.drawn), 30)  # type: ignore[misc]
            for _ in range(3):
                kernel.interrupt()
                kernel.read(0.004 * number)
            kernel.until(lambda run=run: run.over, 30)  # type: ignore[misc]
            assert outcome(run) == "one line", run.messages
            assert len([message for message in run.messages if message.kind == "error"]) == 1
        assert kernel.run("after = 1").status == "ok"


def lost(counts: Counter[str]) -> int:
    return counts["lost"]


@pytest.mark.timeout(900 + 15 * NUMBER)
def test_interrupts_at_every_stage(target: str, tmp_path: Path) -> None:
    with Kernel(IPYTHONDIR=str(tmp_path)) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {target}").status == "ok"
        cells, queued = interrupted(kernel, "%%qwen --new\ntell me", seed=7)
        print(f"\n{NUMBER} interrupts: {dict(cells)}; cells queued behind: {dict(queued)}")
        control, control_queued = interrupted(kernel, "import time; time.sleep(0.6)", seed=7)
        print(f"of a cell that sleeps: {dict(control)}; queued behind: {dict(control_queued)}")
        assert not cells["traceback of ours"]
        assert cells["one line"] >= NUMBER // 2
        assert lost(cells) + lost(queued) <= lost(control) + lost(control_queued) + 1 + NUMBER // 50
        assert kernel.run("%%qwen --alone\nlast").status == "ok"
    with contextlib.closing(sqlite3.connect(tmp_path / "profile_default" / "qwen_magic.sqlite")) as connection:
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        (open_turns,) = connection.execute("SELECT count(*) FROM turn WHERE finish_reason IS NULL").fetchone()
    print(f"open turns: {open_turns}")
    assert integrity == "ok"
    assert open_turns <= NUMBER // 20
