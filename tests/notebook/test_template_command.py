"""`%qwen template` in a real kernel."""

from __future__ import annotations

from kernels import Kernel
from recorder import Recorder


def test_templates_are_kept_listed_completed_and_removed() -> None:
    with Recorder() as server, Kernel() as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}").status == "ok"
        assert "%qwen template add NAME TEXT" in kernel.run("%qwen template").printed
        run = kernel.run("name = 3\n%qwen template add Brief Say in {name} sentences: ")
        assert run.printed == "/brief is kept: Say in {name} sentences:\n"
        run = kernel.run("%qwen template add brief Be brief.")
        assert "It replaces: Say in {name} sentences:" in run.printed

        assert kernel.run("%qwen template add long").status == "error"  # nothing was asked
        assert kernel.run("%%qwen\nFirst line {name}\nsecond line").status == "ok"
        assert kernel.run("%qwen template add long").printed == "/long is kept: First line {name} second line\n"

        listed = kernel.run("%qwen template").printed.splitlines()
        assert listed[:2] == ["/brief  Be brief.", "/long   First line {name} second line"]
        assert kernel.run("%qwen template remove long").printed.endswith("It was: First line {name}\nsecond line\n")
        run = kernel.run("%qwen template remove long")
        (line,) = run.error["traceback"]
        assert "there is no template 'long'" in line
