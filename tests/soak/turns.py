"""Turns of one conversation, by a client, by cells and by a panel; what they cost in the long run.

python tests/soak/turns.py [TURNS [KIND]] prints the table; 3,000 turns take about twenty minutes.

A turn is compared with one of a younger conversation in a process of its own, the two asked by turns: so both are
measured at the same time, however busy the machine is. The younger one is so long that what a turn works with is full:
the context of the server, with some 90 turns, and the 200 turns that a panel's page shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(Path(__file__).parent)]
sys.path[:0] = [str(Path(__file__).parents[1] / "notebook")]

import psutil  # noqa: E402
from fast_server import serving  # noqa: E402
from kernels import Kernel  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Asking = Callable[[str], AbstractContextManager["Asker"]]

FULL = 300
"""Turns of the younger conversation, or a third of all where those are fewer."""
WINDOW = 100
"""Turns over which a cost is taken: with fewer it is chance whether Python looks for garbage meanwhile."""
_BLOCK = 10
PANEL = "import qwen_magic\npanel = qwen_magic.ChatPanel()"


@dataclass
class Mark:
    """What there was at a turn.

    Attributes:
        turn: its number.
        cpu: seconds of CPU of the product's process a turn, over the window that ends there.
        beside: the same of what it is compared with.
        memory: its bytes in memory.
        files: its open descriptors.
        threads: its threads.
        wire: bytes that a turn sent to front ends, over the window.

    """

    turn: int
    cpu: float
    beside: float
    memory: int
    files: int
    threads: int
    wire: float = 0.0

    @property
    def ratio(self) -> float:
        """How much more it costs than what it is compared with."""
        return self.cpu / self.beside


@dataclass
class Asker:
    """Who asks one turn after the other.

    Attributes:
        process: who does the work.
        ask: asks so many, and returns the seconds of CPU that they took, those of them that it takes to look at what
            was given, and the bytes that were sent to front ends.

    """

    process: psutil.Process
    ask: Callable[[int], tuple[float, float, float]]


def marks_of(turns: int) -> list[int]:
    """Return the turns at which is measured: as soon as all is full, a third of all, and all of them."""
    return sorted({min(FULL, turns // 3), turns // 3, turns})


def follow(old: Asker, other: Asker, turns: int, *, other_is_young: bool) -> Iterator[Mark]:
    """Ask so many turns, and yield what there is at the marks.

    Args:
        old: who asks them.
        other: what is compared with it.
        turns: how many.
        other_is_young: whether that stays behind; else it has asked as many.

    """
    first, *_ = marks = marks_of(turns)
    window, done = min(WINDOW, first), 0
    if other_is_young:
        other.ask(first - window)
    for mark in marks:
        for asker in [old] if other_is_young else [old, other]:
            asker.ask(mark - window - done)
        done, cpu, beside, wire = mark, 0.0, 0.0, 0.0
        for _ in range(window // _BLOCK):
            (spent, looked, sent), (spent_beside, looked_beside, _) = old.ask(_BLOCK), other.ask(_BLOCK)
            cpu, wire, beside = cpu + spent, wire + sent, beside + spent_beside
            beside += looked - looked_beside if other_is_young else 0.0
        process, asked = old.process, window // _BLOCK * _BLOCK
        files = process.num_fds() if hasattr(process, "num_fds") else 0
        yield Mark(
            mark, cpu / asked, beside / asked, process.memory_info().rss, files, process.num_threads(), wire / asked
        )


@contextmanager
def _by_program(kind: str, target: str) -> Iterator[Asker]:
    program = [sys.executable, str(Path(__file__).with_name("client_turns.py")), kind, target]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        hears, says = process.stdin, process.stdout

        def ask(turns: int) -> tuple[float, float, float]:
            print(turns, file=hears, flush=True)
            spent, looked = map(float, says.readline().split())
            return spent, looked, 0.0

        try:
            yield Asker(psutil.Process(process.pid), ask)
        finally:
            process.kill()


def by_client(target: str) -> AbstractContextManager[Asker]:
    """Ask with a client that is given all messages each time."""
    return _by_program("ours", target)


def by_bare(target: str) -> AbstractContextManager[Asker]:
    """Ask with the HTTP library alone."""
    return _by_program("bare", target)


@contextmanager
def _in_kernel(target: str, setup: str, ask: Callable[[Kernel, int], float]) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory() as folder, Kernel(IPYTHONDIR=folder) as kernel:
        run = kernel.run(f"%load_ext qwen_magic\n%qwen use {target}\n{setup}")
        assert run.status == "ok", run.reply
        process, numbers = psutil.Process(kernel.value("__import__('os').getpid()")), count(1)

        def ask_some(turns: int) -> tuple[float, float, float]:
            before = process.cpu_times()
            sent = sum(ask(kernel, number) for _, number in zip(range(turns), numbers))  # noqa: B905 - without an end
            after = process.cpu_times()
            return after.user + after.system - before.user - before.system, 0.0, sent

        yield Asker(process, ask_some)


def by_cells(target: str) -> AbstractContextManager[Asker]:
    """Ask with a cell each, in a real kernel."""

    def ask(kernel: Kernel, turn: int) -> float:
        run = kernel.run(f"%%qwen\nquestion {turn}", cell=f"cell {turn}")
        assert run.status == "ok", run.reply
        return run.size

    return _in_kernel(target, "", ask)


def by_panel(target: str) -> AbstractContextManager[Asker]:
    """Ask in a panel, in a real kernel."""

    def ask(kernel: Kernel, turn: int) -> float:
        run = kernel.run(f"panel.ask('question {turn}'); panel.wait(60)")
        assert run.status == "ok", run.reply
        return run.size

    return _in_kernel(target, PANEL, ask)


KINDS: dict[str, tuple[Asking, Asking, int]] = {
    "client": (by_client, by_client, 8192),
    "whole": (by_client, by_bare, 0),
    "cells": (by_cells, by_cells, 8192),
    "panel": (by_panel, by_panel, 8192),
}
"""Who asks, what is compared with it, and the context of the server.

A client that is given mappings has to look at each, for one may have been changed in its place: what that takes the
older one more counts as if the younger one did it, too. "whole" is a client whose server does not tell its context, so that each request
has all messages: it is compared with the HTTP library alone.
"""


def marks(kind: str, turns: int) -> Iterator[Mark]:
    """Ask so many turns in a way, and yield what there is at the marks."""
    asking, comparing, context = KINDS[kind]
    with serving(context) as target, asking(target) as old, comparing(target) as other:
        yield from follow(old, other, turns, other_is_young=comparing is asking)


def main(turns: int, *kinds: str) -> None:
    """Print the table."""
    print("| by | turn | CPU a turn | beside | ratio | memory | descriptors | threads | wire a turn |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind in kinds or KINDS:
        for mark in marks(kind, turns):
            print(
                f"| {kind} | {mark.turn} | {mark.cpu * 1000:.1f} ms | {mark.beside * 1000:.1f} ms | {mark.ratio:.2f} |"
                f" {mark.memory / 1e6:.1f} MB | {mark.files} | {mark.threads} | {mark.wire / 1000:.1f} kB |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("QWEN_MAGIC_SOAK", "3000")), *sys.argv[2:])
