"""The panel in plain Python: no IPython shell runs, and none is made."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from kernels import ROOT
from panel_kernels import server  # noqa: F401 - a fixture
from plain_panel import PlainPanel

from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.panel.protocol import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from panel_kernels import Counter

ALONE = """\
from IPython.core.interactiveshell import InteractiveShell
from qwen_magic import ChatPanel
panel = ChatPanel(target={target!r}, system="Be brief.")
panel.ask("hello")
panel.wait(30)
print(panel.transcript())
print("saved:")
panel.save()
panel.ask("count 1000 0.02")
try:
    panel.wait(0.1)
except TimeoutError as error:
    print(error)
panel.stop()
panel.wait(10)
panel.close()
assert not InteractiveShell.initialized()
"""
SESSION = """\
from IPython.core.interactiveshell import InteractiveShell
from qwen_magic import ChatPanel
from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
session = ChatSession(PlainSettings(target={target!r}))
one, other = ChatPanel(session=session), ChatPanel(session=session)
one.ask("first")
one.wait(30)
other.ask("second")
other.wait(30)
assert one.transcript() == other.transcript()
print(one.transcript())
session.close()
apart = ChatPanel()
assert apart._bound_session() is apart._bound_session() is not session
assert not InteractiveShell.initialized()
"""


def run(code: str, folder: Path) -> str:
    """Run a program in a Python of its own; what it leaves in its folder is told at the end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "IPYTHON"))}
    env |= {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder), "HOME": str(folder), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert not list(folder.rglob("*.sqlite"))
    return done.stdout


def test_a_panel_asks_waits_and_tells(server: Counter, tmp_path: Path) -> None:  # noqa: F811
    told = run(ALONE.format(target=server.target), tmp_path)
    transcript, _, saved = told.partition("saved:")
    answer = f"A{server.requests - 1}(hello)"
    assert answer in transcript
    assert answer in saved
    assert "busy after 0.1 s" in saved
    assert server.sent(-2) == [("s", "Be brief."), ("u", "hello")]


def test_two_panels_share_a_session(server: Counter, tmp_path: Path) -> None:  # noqa: F811
    told = run(SESSION.format(target=server.target), tmp_path)
    assert told.index("(first)") < told.index("(second)")
    assert [text for role, text in server.sent() if role == "u"] == ["first", "second"]


@pytest.fixture
def panel(server: Counter) -> Any:  # noqa: F811
    session = ChatSession(PlainSettings(target=server.target))
    panel = PlainPanel(session=session)
    yield panel
    panel.close()
    session.close()


def test_a_page_of_another_version_is_refused_with_advice(panel: PlainPanel, server: Counter) -> None:  # noqa: F811
    page, asked = panel.open_page(), server.requests
    for action in ({"action": "ready", "view": page.view}, {"action": "send", "text": "hello"}):
        panel._hear(panel, {**action, "version": VERSION + 1}, [])
    panel.until(lambda: len(page.said) == 2)
    assert [kind for kind, _ in page.said] == ["version", "error"]  # what ends the connection is for that page alone
    assert all("Reload the page" in text for _, text in page.said)
    assert server.requests == asked
    assert not page.turns


def test_a_page_from_before_there_were_versions_works_and_is_told(panel: PlainPanel) -> None:
    page = panel.open_page()
    panel._hear(panel, {"action": "ready", "view": page.view}, [])
    panel.until(lambda: page.said)
    ((kind, text),) = page.said
    assert kind == "info"
    assert "Reload the page" in text
    panel.act("send", text="hello")
    panel.until(lambda: page.turns)
    assert "hello" in panel.settled()["text"]


@pytest.mark.parametrize("content", [None, [], "send", 5, {"action": {}}, {"action": "edit", "key": 5, "text": "x"}])
def test_whatever_a_page_sends_is_answered_in_one_line(panel: PlainPanel, content: object) -> None:
    page = panel.open_page()
    panel._hear(panel, content, [])
    ((kind, text),) = page.said
    assert kind == "error"
    assert len(text.splitlines()) == 1
