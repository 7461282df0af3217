"""What a user does with the panel in a notebook that is open in a browser."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.front_ends import Book

ROOT = Path(__file__).parents[2]
# The answer's length after each change of the page, and when.
WATCH = """
([panel, from]) => {
  const log = panel.querySelector('.qwen-log');
  const steps = window.__steps = [];
  window.__watch?.disconnect();
  window.__watch = new MutationObserver(() => {
    const turns = log.querySelectorAll('.qwen-turn');
    const body = turns.length > from && turns[turns.length - 1].querySelector('.qwen-body');
    const length = body ? body.textContent.length : 0;
    if (length && length !== (steps.length ? steps[steps.length - 1][1] : 0)) steps.push([Date.now() / 1000, length]);
  });
  window.__watch.observe(log, {subtree: true, childList: true, characterData: true});
}
"""


def shoot(page: Any, name: str, folder: Path) -> None:
    """Keep a screenshot in the test's folder, and in the one of QWEN_MAGIC_SHOTS."""
    for place in (folder, os.environ.get("QWEN_MAGIC_SHOTS")):
        if place:
            Path(place).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(place) / f"{name}.png"))


class Panel:
    """A panel on a page, as a user sees it.

    Args:
        book: the notebook.
        number: which of its panels, in the page's order.

    """

    def __init__(self, book: Book, number: int = 0) -> None:
        self.book = book
        self.page = book.page
        self.root = self.page.locator(".qwen-panel").nth(number)
        self.prompt = self.root.get_by_role("textbox", name="Prompt", exact=True)

    def button(self, name: str) -> Any:
        """Give the button of exactly that name, of the panel or of one of its turns."""
        return self.root.get_by_role("button", name=name, exact=True)

    def turn(self, number: int = -1) -> Any:
        """Give a turn."""
        turns = self.root.locator(".qwen-turn")
        return turns.last if number == -1 else turns.nth(number)

    def act(self, name: str, number: int = -1) -> None:
        """Press a turn's button."""
        turn = self.turn(number)
        turn.locator(".qwen-actions").hover()
        turn.get_by_role("button", name=name, exact=True).click()

    def answer(self, number: int = -1) -> str:
        """Give a turn's answer as it is shown."""
        return str(self.turn(number).locator(".qwen-body").inner_text())

    def facts(self, number: int = -1) -> str:
        """Give what stands below a turn's answer."""
        return str(self.turn(number).locator(".qwen-facts").inner_text())

    def version(self, number: int = -1) -> str:
        """Give which of a turn's versions is shown."""
        return str(self.turn(number).locator(".qwen-version").inner_text())

    def log(self) -> str:
        """Give the text of the whole transcript."""
        return str(self.root.locator(".qwen-log").inner_text())

    def send(self, text: str, *, wait: bool = False, timeout: float = 30) -> None:
        """Write a prompt and press Enter; wait until its answer stands where that is wanted."""
        turns = self.root.locator(".qwen-turn").count()
        self.prompt.fill(text)
        self.prompt.press("Enter")
        if wait:
            self.wait_turns(turns + 1)
            self.wait_done(timeout=timeout)

    def wait_ready(self) -> None:
        """Wait until it can be used."""
        self.prompt.wait_for(timeout=30_000)

    def wait_turns(self, count: int, timeout: float = 30) -> None:
        """Wait until so many turns stand."""
        from playwright.sync_api import expect

        expect(self.root.locator(".qwen-turn")).to_have_count(count, timeout=timeout * 1000)

    def wait_state(self, state: str, number: int = -1, timeout: float = 30) -> None:
        """Wait until a turn is "streaming" or "done"."""
        from playwright.sync_api import expect

        expect(self.turn(number)).to_have_attribute("data-state", state, timeout=timeout * 1000)

    def wait_done(self, number: int = -1, timeout: float = 30) -> None:
        """Wait until a turn's answer has ended."""
        self.wait_state("done", number, timeout)
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def wait_text(self, text: str, number: int = -1, timeout: float = 20) -> None:
        """Wait until this stands in a turn's answer."""
        from playwright.sync_api import expect

        expect(self.turn(number).locator(".qwen-body")).to_contain_text(text, timeout=timeout * 1000)

    def settle(self) -> None:
        """Stop what streams or is queued."""
        if self.button("Stop").is_visible():
            self.button("Stop").click()
            self.wait_done()

    def watch(self) -> None:
        """Note from here on when the answers of new turns grow."""
        turns = self.root.locator(".qwen-turn").count()
        self.page.evaluate(WATCH, [self.root.element_handle(), turns])

    def steps(self) -> list[tuple[float, int]]:
        """Give when the answer grew, in seconds of the clock, and to what length."""
        return [(at, length) for at, length in self.page.evaluate("window.__steps")]

    def clipboard(self) -> str:
        """Give what was copied."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))


def gaps(steps: list[tuple[float, int]]) -> list[float]:
    """Give the seconds between the steps."""
    return [later[0] - sooner[0] for sooner, later in pairwise(steps)]
