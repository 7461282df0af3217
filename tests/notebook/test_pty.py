"""The magic in a terminal: IPython in a pty."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import pytest
from recorder import Recorder
from terminals import Terminal, screen
from thinker import plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers.gradio_server import GradioServer
    from thinker import Thinker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no pty on Windows")


@pytest.fixture
def terminal(tmp_path: Path, space: GradioServer) -> Iterator[Terminal]:
    pytest.importorskip("pexpect")
    terminal = Terminal(tmp_path, f"space:{space.url}")
    try:
        terminal.until(r"In \[1\]: ")
        terminal.line("%load_ext qwen_magic")
        terminal.until(r"In \[2\]: ")
        yield terminal
    finally:
        terminal.close()


def test_progressive_and_status_erased(terminal: Terminal) -> None:
    terminal.line("%qwen ask count 30 0.05")
    raw = terminal.until(r"In \[3\]: ")
    times = [at for at, piece in terminal.pieces if re.search(r"w\d", piece)]
    assert len(times) >= 6
    assert times[-1] - times[0] > 0.7
    assert "asking space:" in raw
    assert "\r\x1b[K" in raw
    shown = screen(raw)
    assert "You said" not in shown
    assert "asking" not in shown
    assert "…" not in shown
    assert "".join(f"w{i} " for i in range(30)) in shown
    assert re.search(r"\n\[space:.* s · ≈ \d+ tokens, \d+ a second\]\n", shown)
    assert "DisplayHandle" not in shown
    assert "Markdown" not in shown


def test_interrupt_keeps_what_had_come(terminal: Terminal) -> None:
    terminal.line("%qwen ask -o r count 800 0.05")
    first = terminal.until("w5 ")
    at = time.monotonic()
    terminal.child.sendintr()
    shown = screen(first + terminal.until(r"In \[3\]: "))
    assert time.monotonic() - at < 5
    assert "w0 w1 w2 w3 w4 w5 " in shown
    assert "interrupted" in shown
    assert "\nInterrupted" in shown
    assert "Traceback" not in shown
    terminal.line("print(r.finish_reason, r.text[:6])")
    assert "interrupted w0 w1 " in terminal.until(r"In \[4\]: ")
    terminal.line("%qwen ask count 3 0")
    assert "w0 w1 w2 " in screen(terminal.until(r"In \[5\]: "))


def test_interrupt_while_silent(terminal: Terminal) -> None:
    terminal.line("%qwen ask sleep 30")
    first = terminal.until("asking")
    time.sleep(1)
    at = time.monotonic()
    terminal.child.sendintr()
    shown = screen(first + terminal.until(r"In \[3\]: "))
    assert time.monotonic() - at < 5
    assert "asking" not in shown
    assert "Interrupted" in shown
    assert "Traceback" not in shown


def test_an_error_is_a_line(terminal: Terminal) -> None:
    terminal.line("%qwen foo")
    shown = screen(terminal.until(r"In \[3\]: "))
    assert "UsageError: there is no command %qwen foo" in shown
    assert "Traceback" not in shown


def test_exit_while_connected(terminal: Terminal) -> None:
    terminal.line("%qwen ask count 3 0")
    terminal.until(r"In \[3\]: ")
    at = time.monotonic()
    terminal.line("exit")
    import pexpect

    terminal.child.expect(pexpect.EOF, timeout=20)
    assert time.monotonic() - at < 5
    left = screen(terminal.child.before)
    assert "Unclosed" not in left
    assert "Error" not in left
    assert "Warning" not in left


def test_thinking_is_printed_dim(terminal: Terminal, thinker: Thinker) -> None:
    wanted = plan(["First ", "I \x1b[2Jthink, ", "then I ", "am sure."], 0.3, "It is 4.")
    terminal.line(f"%qwen ask -t openai:{thinker.url}#q {wanted}")
    raw = terminal.until(r"In \[3\]: ")
    times = [at for at, piece in terminal.pieces if "\x1b[2m" in piece]
    assert times[-1] - times[0] > 0.5
    assert "\x1b[2J" not in raw
    assert "\x1b[2mthen I \x1b[0m" in raw
    shown = screen(raw)
    assert "\n[thinking]\nFirst I think, then I am sure.\n\nIt is 4.\n[openai:" in "\n" + shown
    assert re.search(r"· thought for \d+ s ·", shown)


def test_interrupt_while_it_thinks(terminal: Terminal, thinker: Thinker) -> None:
    terminal.line(f"%qwen ask -o r -t openai:{thinker.url}#q {plan(['hm '] * 400, 0.1, 'Never.')}")
    first = terminal.until("hm ")
    first += terminal.until("hm ")
    at = time.monotonic()
    terminal.child.sendintr()
    shown = screen(first + terminal.until(r"In \[3\]: "))
    assert time.monotonic() - at < 5
    assert re.search(r"hm hm .*\n\n\[■ interrupted, what had arrived is kept ", shown)
    terminal.line("print(repr(r.thinking[:5]), repr(r.text))")
    assert "'hm hm' ''" in terminal.until(r"In \[4\]: ")


def test_a_conversation(tmp_path: Path) -> None:
    """A terminal tells no cell's id: each prompt is a turn; what is asked may end in a question mark."""
    pytest.importorskip("pexpect")
    code = "Like this:\n\n```python\nprint(2)\n```\n"
    with Recorder(lambda prompt, number: code if "code" in prompt else f"A{number}.") as server:
        terminal = Terminal(tmp_path, server.target)
        try:
            terminal.until(r"In \[1\]: ")
            terminal.line("%load_ext qwen_magic")
            terminal.until(r"In \[2\]: ")
            for number in (3, 4):
                terminal.line("%qwen ask Why?")
                assert f"A{number - 2}." in terminal.until(rf"In \[{number}\]: ")
            assert server.sent() == [("u", "Why?"), ("a", "A1."), ("u", "Why?")]
            terminal.line("%qwen ask -f code some code {In[3]}")
            shown = screen(terminal.until(r"In \[5\]: "))
            assert "print(2)" in shown
            assert "```" not in shown
            assert "Like this" not in shown
            assert server.prompt == "some code %qwen ask Why?"
            terminal.line("%qwen undo")
            assert "Taken back" in terminal.until(r"In \[6\]: ")
            terminal.line("%qwen history")
            assert "2 turns" in screen(terminal.until(r"In \[7\]: "))
        finally:
            terminal.close()
