"""Print how many of twenty beginners' errors ``%qwen fix`` mends with a target.

Run it as ``python tests/benchmarks/fix_rate.py [TARGET] [NAME...]``. Each session runs in IPython; the cell that comes
of ``%qwen fix`` is run, and the session's check is evaluated. Nothing of a model's is run but that, in this process.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebook"))

from beginners_errors import ALL

if TYPE_CHECKING:
    from failing_cells import Session
    from IPython.core.interactiveshell import InteractiveShell

WORDS = ("mended", "other", "fails", "no cell")
"""What can come of it: the check holds; the cell runs and comes to something else; it fails; there is none."""


def main() -> None:
    """Run all sessions, or those that are named, and print a line for each."""
    target, *names = sys.argv[1:] or ["local"]
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp()
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "qwen_magic")
    counts = dict.fromkeys(WORDS, 0)
    chosen = [session for session in ALL if not names or session.name in names]
    for session in chosen:
        began = time.perf_counter()
        word, said = mend(shell, session, target)
        counts[word] += 1
        print(f"{session.name:22} {word:8} {time.perf_counter() - began:5.1f} s")
        if names:
            print(said)
    print(f"{target}: " + ", ".join(f"{counts[word]} {word}" for word in WORDS) + f", of {len(chosen)}")
    shell.run_line_magic("unload_ext", "qwen_magic")


def mend(shell: InteractiveShell, session: Session, target: str) -> tuple[str, str]:
    """Let a cell fail, have it mended, run what came; tell what came of it, and what was printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        shell.reset(new_session=False)
        for cell in session.cells:
            shell.run_cell(cell, store_history=True)
        shell.rl_next_input = None
        shell.run_cell(f"%qwen fix --new -t {target}", store_history=True)
        code: str | None = shell.rl_next_input
        if not code:
            return "no cell", printed.getvalue()
        print(f"--- the next cell:\n{code}\n---")
        if not shell.run_cell(code, store_history=True).success:
            return "fails", printed.getvalue()
        holds = False
        with contextlib.suppress(Exception):
            holds = bool(eval(session.check, shell.user_ns))
    return ("mended" if holds else "other"), printed.getvalue()


if __name__ == "__main__":
    main()
