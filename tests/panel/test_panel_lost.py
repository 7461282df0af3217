"""A panel whose kernel or server is gone, in a real JupyterLab: it says so, and keeps what was typed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from lab_panel import Panel, shoot
from playwright.sync_api import expect
from support.front_ends import Front

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers.gradio_server import GradioServer
    from support.front_ends import Book

DRAFT = "a long prompt that nobody wants to type again"
RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


@pytest.fixture
def lab(browser: Any, tmp_path: Path) -> Iterator[Front]:
    """Give a JupyterLab of the test's own, which it may end."""
    (tmp_path / "lab").mkdir()
    front = Front("jupyterlab", tmp_path / "lab").start()
    front.browser = browser
    yield front
    front.kill()


def opened(front: Front, space: GradioServer) -> Panel:
    book: Book = front.open("lost.ipynb", f"%load_ext qwen_magic\n%qwen use space:{space.url}", "%qwen panel", "")
    book.run(0)
    book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    panel.send("echo first", wait=True)
    return panel


def test_a_kernel_that_was_restarted_and_a_server_that_is_gone(lab: Front, space: GradioServer, tmp_path: Path) -> None:
    panel = opened(lab, space)
    notice = panel.root.locator(".qwen-notice")
    panel.prompt.fill(DRAFT)
    panel.page.evaluate(RESTART)
    notice.get_by_text("The kernel was restarted or has ended: run %qwen panel in a cell").wait_for(timeout=30_000)
    assert panel.prompt.is_disabled()
    assert panel.button("Send").is_disabled()
    assert panel.prompt.input_value() == DRAFT
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo first"])
    shoot(panel.page, "panel-restarted", tmp_path)
    # another panel goes on
    panel.book.run(2, f"%load_ext qwen_magic\n%qwen use space:{space.url}\n%qwen panel")
    panel = Panel(panel.book, 1)
    panel.wait_ready()
    panel.send("echo again", wait=True)
    # and the server is killed
    lab.kill()
    panel.send(DRAFT)
    notice = panel.root.locator(".qwen-notice")
    notice.get_by_text("The Jupyter server does not answer").wait_for(timeout=40_000)
    assert panel.prompt.is_disabled()
    assert panel.prompt.input_value() == DRAFT
    shoot(panel.page, "panel-no-server", tmp_path)


def test_a_busy_kernel_is_told(panel: Panel, tmp_path: Path) -> None:
    """Where the kernel has subshells a panel is never kept waiting: here a cell holds the interpreter itself."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    panel.prompt.fill("echo late")
    hold = f"import ctypes; ctypes.PyDLL(None).open({os.fsencode(gate)!r}, {os.O_RDONLY})"  # until it is written to
    panel.book.run(panel.book.OTHER, hold, wait=False)
    panel.prompt.press("Enter")
    notice = panel.root.locator(".qwen-notice")
    try:
        notice.get_by_text("The kernel is busy").wait_for(timeout=20_000)
    finally:
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    panel.wait_turns(1, timeout=120)
    panel.wait_done(timeout=120)
    assert notice.is_hidden()
