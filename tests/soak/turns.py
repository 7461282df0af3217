"""Turns of one conversation, by a client, by cells and by a panel; what they cost in the long run.

python tests/soak/turns.py [TURNS] prints the table; 3,000 turns take about twenty minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(Path(__file__).parent)]
sys.path[:0] = [str(Path(__file__).parents[1] / "notebook")]

import psutil  # noqa: E402
from fast_server import serving  # noqa: E402
from kernels import Kernel  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINDOW = 25
"""Turns over which a mark's cost is taken."""
PANEL = "import qwen_magic\npanel = qwen_magic.ChatPanel()"


@dataclass
class Mark:
    """What there was at a turn.

    Attributes:
        turn: its number.
        cpu: seconds of CPU of the product's process a turn, over the window that ends there.
        memory: its bytes in memory.
        files: its open descriptors.
        threads: its threads.
        wire: bytes that a turn sent to front ends, over the window.

    """

    turn: int
    cpu: float
    memory: int
    files: int
    threads: int
    wire: float = 0.0


def marks_of(turns: int) -> list[int]:
    """Return the turns at which is measured: the hundredth, a third and all of them; of a few, a tenth, too."""
    return [min(100, max(WINDOW * 2, turns // 10)), turns // 3, turns]


def follow(process: psutil.Process, turns: int, ask: Callable[[int], float]) -> Iterator[Mark]:
    """Ask so many turns, and yield what there is at the marks.

    Args:
        process: who does the work.
        turns: how many.
        ask: asks one, and returns the bytes that it sent.

    """
    wanted = marks_of(turns)
    cpu, wire = 0.0, 0.0
    for turn in range(1, turns + 1):
        if turn + WINDOW in wanted:
            cpu, wire = _cpu(process), 0.0
        wire += ask(turn)
        if turn in wanted:
            yield Mark(
                turn,
                (_cpu(process) - cpu) / WINDOW,
                process.memory_info().rss,
                process.num_fds() if hasattr(process, "num_fds") else 0,
                process.num_threads(),
                wire / WINDOW,
            )


def _cpu(process: psutil.Process) -> float:
    if process.pid == os.getpid():
        return time.process_time()  # to the nanosecond, where the other is to a hundredth of a second
    times = process.cpu_times()
    return float(times.user + times.system)


def by_client(turns: int) -> list[Mark]:
    """Ask with a client, in this process."""
    from qwen_magic import QwenClient

    with serving() as target:
        client = QwenClient(target)
        said: list[dict[str, str]] = []

        def ask(turn: int) -> float:
            said.append({"role": "user", "content": f"question {turn}"})
            reply = client.ask_sync(said)
            said.append({"role": "assistant", "content": reply.text})
            return 0.0

        marks = list(follow(psutil.Process(), turns, ask))
        client.close()
    return marks


def by_cells(turns: int) -> list[Mark]:
    """Ask with a cell each, in a real kernel."""
    with serving() as target, tempfile.TemporaryDirectory() as folder, Kernel(IPYTHONDIR=folder) as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {target}")

        def ask(turn: int) -> float:
            run = kernel.run(f"%%qwen\nquestion {turn}", cell=f"cell {turn}")
            assert run.status == "ok", run.reply
            return run.size

        return list(follow(psutil.Process(kernel.value("__import__('os').getpid()")), turns, ask))


def by_panel(turns: int) -> list[Mark]:
    """Ask in a panel, in a real kernel."""
    with serving() as target, tempfile.TemporaryDirectory() as folder, Kernel(IPYTHONDIR=folder) as kernel:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {target}")
        assert kernel.run(PANEL).status == "ok"

        def ask(turn: int) -> float:
            run = kernel.run(f"panel.ask('question {turn}'); panel.wait(60)")
            assert run.status == "ok", run.reply
            return run.size

        return list(follow(psutil.Process(kernel.value("__import__('os').getpid()")), turns, ask))


KINDS = {"client": by_client, "cells": by_cells, "panel": by_panel}


def main(turns: int) -> None:
    """Print the table."""
    print("| by | turn | CPU a turn | memory | descriptors | threads | wire a turn | CPU beside the first mark |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, ask in KINDS.items():
        marks = ask(turns)
        for mark in marks:
            print(
                f"| {kind} | {mark.turn} | {mark.cpu * 1000:.1f} ms | {mark.memory / 1e6:.1f} MB | {mark.files} |"
                f" {mark.threads} | {mark.wire / 1000:.1f} kB | {mark.cpu / marks[0].cpu:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("QWEN_MAGIC_SOAK", "3000")))
