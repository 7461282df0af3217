"""A panel in plain Python, without IPython's shell, and one page of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from page_model import PageModel
from wire import check_op

from qwen_magic.panel.panel import ChatPanel
from qwen_magic.panel.protocol import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_magic.panel.protocol import Op


class PlainPanel(ChatPanel):
    """A panel whose ops a page does; there is no comm to send them."""

    def __init__(self, **options: Any) -> None:
        self.page = PageModel("view")
        super().__init__(**options)

    def show_op(self, op: Op) -> None:
        """Let the page do it."""
        check_op(op)
        self.page.take(dict(op))

    def open_page(self) -> PageModel:
        """Open the page."""
        self.page = PageModel(f"{self.page.view}+")
        self.act("ready", view=self.page.view, version=VERSION)
        self.until(lambda: self.page.ready)
        return self.page

    def act(self, action: str, **values: Any) -> None:
        """Do what a page says."""
        self._hear(self, {"action": action, **values}, [])

    def do(self, action: str, number: int = -1, **values: Any) -> dict[str, Any]:
        """Press a turn's button, and wait for the end of what comes of it; give the last turn."""
        key = self.page.turns[number]["key"]
        said = len(self.page.said)
        before = self.page.shown()
        self.act(action, key=key, **values)
        self.until(lambda: len(self.page.said) > said or self.page.shown() != before)
        return self.settled()

    def settled(self) -> dict[str, Any]:
        """Wait until nothing streams, and give the last turn."""
        self.wait(30)
        self.until(lambda: all(turn["state"] == "done" for turn in self.page.turns))
        return self.page.shown()[-1] if self.page.turns else {}

    def until(self, predicate: Callable[[], Any], timeout: float = 30) -> None:
        """Wait until something is so."""
        end = time.monotonic() + timeout
        while not predicate():
            assert time.monotonic() < end, (self.page.turns, self.page.said)
            time.sleep(0.01)
