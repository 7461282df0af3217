"""JupyterLab in a headless Chromium: what a user sees, and what a hostile answer can do there."""

from __future__ import annotations

import http.server
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from kernels import ROOT
from support.browsers import TOKEN
from support.front_ends import FAILED
from thinker import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servers.gradio_server import GradioServer
    from support.front_ends import Front
    from thinker import Thinker

ATTACK_CELL = """\
import sys
sys.path.insert(0, {folder!r})
import attacks
from IPython.display import display
from qwen_magic.text.safe import safe_markdown
for name, source in attacks.ATTACKS:
    source = source.replace(attacks.ORIGIN, {origin!r})
    display({{"text/markdown": {show}, "text/plain": name}}, raw=True)
print("all", "shown")
"""


@pytest.fixture(scope="module")
def front(fronts: Callable[[str], Front], browser: Any) -> Front:
    """Give JupyterLab, with a browser to open its notebooks in."""
    front = fronts("jupyterlab")
    front.browser = browser
    return front


@pytest.fixture(scope="module")
def lab(front: Front, request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Give the address and the folder of a JupyterLab; the folder is the module's own."""
    folder = front.folder / request.module.__name__
    folder.mkdir(exist_ok=True)
    return front.url, folder


def run_all(page: Any) -> None:
    """Choose "Run All Cells", again where a page that is still being built has swallowed it."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    started = r"() => [...document.querySelectorAll('.jp-InputPrompt')].some(p => /\[(\*|\d+)\]/.test(p.textContent))"
    for attempt in range(3):
        if dialog := page.query_selector(".jp-Dialog"):  # a question of JupyterLab's own that stands in the way
            print(f"a dialog is open:\n{dialog.inner_text()}")
            dialog.query_selector("button.jp-mod-accept").click()
        try:
            page.click(".jp-Notebook .jp-Cell:first-child .cm-content", timeout=10_000)
            page.keyboard.press("Escape")
            page.click("li.lm-MenuBar-item:has-text('Run')", timeout=10_000)
            page.click(".lm-Menu-item[data-command='runmenu:run-all']", timeout=10_000)
            page.wait_for_function(started, timeout=15_000)
            return
        except PlaywrightTimeout:
            if not page.query_selector(".jp-NotebookPanel"):  # a hostile answer has led the page away
                return
            print(f"attempt {attempt + 1} started nothing:\n{page.inner_text('body')[:2000]}")
            page.keyboard.press("Escape")
    raise AssertionError("Run All Cells does nothing")


class Trap:
    """A server that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        trap = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                trap.asked.append(self.path)
                self.send_response(404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture
def notebook(front: Front, lab: tuple[str, Path], request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Give what opens a notebook of some cells and runs them all, in a page of its own where it may come to harm."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    books = []

    def open_and_run(name: str, *cells: str, done: str = "", timeout: float = 60, alone: bool = False) -> Any:
        book = front.open(f"{lab[1].name}/{name}", *cells, width=1200, height=1600, alone=alone)
        books.append((book, alone))
        page = book.page
        run_all(page)
        if done:
            try:
                page.wait_for_selector(done, timeout=timeout * 1000)
            except PlaywrightTimeout:
                raise AssertionError(f"no {done!r} on the page:\n{page.inner_text('body')[:3000]}") from None
        return page

    yield open_and_run
    passed = not request.node.stash.get(FAILED, True)
    for book, alone in books:
        book.close(hand_on=passed and not alone)


def saved(page: Any, path: Path) -> dict[str, Any]:
    """Save the notebook as a user does; give what is in the file."""
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    end = time.monotonic() + 15
    while path.stat().st_mtime_ns == before:
        assert time.monotonic() < end, "not saved"
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_an_answer_as_a_user_sees_it(
    notebook: Callable[..., Any], lab: tuple[str, Path], space: GradioServer, tmp_path: Path
) -> None:
    page = notebook(
        "answer.ipynb",
        f"%load_ext qwen_magic\n%qwen use space:{space.url}",
        "%%qwen -o r\nmarkdown 2400 0.004",
        "print('the next', 'cell')",
        done="text=the next cell",
    )
    cell = page.locator(".jp-Notebook .jp-Cell").nth(1)
    output = cell.locator(".jp-OutputArea")
    text = output.inner_text()
    page.screenshot(path=str(tmp_path / "answer.png"))
    page.locator(".jp-Notebook .jp-Cell").nth(2).scroll_into_view_if_needed()
    page.screenshot(path=str(tmp_path / "end.png"))
    print(f"screenshots in {tmp_path}")
    assert output.locator("h1").count() >= 3
    assert output.locator("table tbody td").count() >= 6
    assert output.locator("pre code span[class^=tok-], pre code span[style], pre code [class^='ͼ']").count() > 3
    assert output.locator("blockquote").count() >= 2
    assert output.locator("mjx-container, .MathJax").count() >= 2
    assert space.url.removeprefix("http://") in text
    assert "≈" in text.strip().splitlines()[-1]
    assert "⏳" not in text
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()
    outputs = saved(page, lab[1] / "answer.ipynb")["cells"][1]["outputs"]
    shown = [output["data"] for output in outputs if any(output["data"].values())]
    plain = "\n\n".join("".join(data["text/plain"]) for data in shown[:-1])
    assert plain.startswith("# A tour of *Markdown*, part 1")
    assert len(plain) > 2300
    assert not any("⏳" in "".join(value) for data in shown for value in data.values())


def test_interrupt_in_the_browser(notebook: Callable[..., Any], space: GradioServer) -> None:
    page = notebook(
        "stop.ipynb",
        f"%load_ext qwen_magic\n%qwen use space:{space.url}",
        "%%qwen -o r\ncount 400 0.05",
        done="text=w9 w10",
    )
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    page.keyboard.press("i")
    page.wait_for_selector("text=interrupted, what had arrived is kept", timeout=10_000)
    output = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-OutputArea").inner_text()
    assert "w0 w1 w2" in output
    assert output.rstrip().endswith("Interrupted")
    assert "Traceback" not in output


def attacked(notebook: Callable[..., Any], trap: Trap, cell: str, name: str, *, safe: bool) -> Any:
    """Show all attacks by a cell like this; give the page, on which none came alive, or None where they are to."""
    # More outputs than JupyterLab shows of one cell: a cell for each few.
    step = 40
    cells = [cell.replace("attacks.ATTACKS:", f"attacks.ATTACKS[{i}:{i + step}]:") for i in range(0, 200, step)]
    cells.append("print('the', 'end')")
    if not safe:
        page = notebook(f"{name}0.ipynb", *cells, alone=True)
        end = time.monotonic() + 30  # one of them leads the page away: then nothing can be asked of it
        while not trap.asked and time.monotonic() < end:
            page.wait_for_timeout(200)
        assert trap.asked, "the attacks do nothing here: this test cannot fail"
        return None
    page = notebook(f"{name}1.ipynb", *cells, done="text=/^the end/")
    for i in range(len(cells)):
        page.locator(".jp-Notebook .jp-Cell").nth(i).scroll_into_view_if_needed()
        page.wait_for_timeout(300)
    page.wait_for_timeout(1000)
    assert not page.evaluate("window.__pwned")
    assert trap.asked == []
    return page


@pytest.mark.parametrize("safe", [True, False])
def test_hostile_markdown(notebook: Callable[..., Any], trap: Trap, safe: bool) -> None:
    show = "safe_markdown(source)" if safe else "source"
    cell = ATTACK_CELL.format(folder=str(ROOT / "tests" / "text"), origin=trap.url, show=show)
    page = attacked(notebook, trap, cell, "hostile", safe=safe)
    if page is None:
        return
    assert page.locator(".jp-OutputArea a[href^='javascript' i]").count() == 0
    assert page.locator(".jp-RenderedMarkdown").count() > 50


THINKING_CELL = """\
import sys, time
sys.path.insert(0, {folder!r})
import attacks
from IPython.display import display
from qwen_magic.rendering.thoughts import Thoughts
for name, source in attacks.ATTACKS:
    thoughts = Thoughts(time.monotonic)
    thoughts.add(source.replace(attacks.ORIGIN, {origin!r}))
    display({{"text/markdown": {written}, "text/plain": name}}, raw=True)
print("all", "shown")
"""


@pytest.mark.parametrize("safe", [True, False])
def test_hostile_thinking(notebook: Callable[..., Any], lab: tuple[str, Path], trap: Trap, safe: bool) -> None:
    written = (
        "thoughts.folded()['text/markdown'].replace('<details', '<details open', 1)"
        if safe
        else "f'<details><summary>x</summary>{thoughts.text}</details>'"
    )
    cell = THINKING_CELL.format(folder=str(ROOT / "tests" / "text"), origin=trap.url, written=written)
    page = attacked(notebook, trap, cell, "thinking", safe=safe)
    if page is None:
        return
    blocks = page.locator(".jp-RenderedMarkdown")
    assert blocks.count() > 100
    # of the model's there is nothing but text: no math, link, list, code, nor anything that stands outside
    kinds = page.evaluate(
        "[...new Set([...document.querySelectorAll('.jp-RenderedMarkdown *')].map(element => element.localName))].sort()"
    )
    assert set(kinds) == {"details", "summary", "small", "em", "blockquote", "br", "span"}
    assert page.evaluate(
        "[...document.querySelectorAll('.jp-RenderedMarkdown')].every(block => block.children.length == 1)"
    )


def test_thinking_as_a_user_sees_it(
    notebook: Callable[..., Any], lab: tuple[str, Path], thinker: Thinker, tmp_path: Path
) -> None:
    thoughts = [
        "I should *think* of $x^2$.\n\n",
        "1. A cat?\n2. A <b>dog</b>!\n",
        "```python\ndef f():\n    pass\n```\n",
    ]
    page = notebook(
        "thinking.ipynb",
        f"%load_ext qwen_magic\n%qwen use openai:{thinker.url}#q",
        f"%%qwen -o r\n{plan([*thoughts, 'So: a cat.'], 0.7, 'A **cat**.')}",
        "print('the next', 'cell')",
        done="text=/thinking, [1-9]/",
    )
    block = page.locator(".jp-Notebook .jp-Cell").nth(1).locator("details")
    assert block.get_attribute("open") is not None
    assert "I should *think* of $x^2$." in block.inner_text()
    page.screenshot(path=str(tmp_path / "open.png"))
    page.wait_for_selector("text=the next cell")
    assert block.count() == 1
    assert block.get_attribute("open") is None
    assert re.fullmatch(r"thought for \d+ s", block.locator("summary").inner_text())
    output = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-OutputArea")
    assert "def f()" not in output.inner_text()
    block.locator("summary").click()
    assert "\ndef f():\n\xa0\xa0\xa0\xa0pass\n" in block.inner_text()
    page.screenshot(path=str(tmp_path / "unfolded.png"))
    outputs = saved(page, lab[1] / "thinking.ipynb")["cells"][1]["outputs"]
    thought, answer, last = [
        "".join(output["data"]["text/plain"]) for output in outputs if any(output["data"].values())
    ]
    assert re.sub(r"\d+ s", "N s", thought) == f"thinking (N s): {''.join(thoughts)}So: a cat."
    assert answer == "A **cat**."
    assert re.search(r"thought for \d+ s", last)
    # without trust, as from somebody else: JupyterLab sanitises it
    book = json.loads((lab[1] / "thinking.ipynb").read_text(encoding="utf-8"))
    book["cells"][1]["source"] = "1"
    (lab[1] / "again.ipynb").write_text(json.dumps(book), encoding="utf-8")
    page.goto(f"{lab[0]}/lab/workspaces/again/tree/{lab[1].name}/again.ipynb?token={TOKEN}&reset")
    block = page.locator(".jp-RenderedMarkdown details")
    block.locator("summary").wait_for()
    assert block.get_attribute("open") is None
    block.locator("summary").click()
    assert "I should *think* of $x^2$." in block.locator("blockquote small").inner_text()
    page.screenshot(path=str(tmp_path / "again.png"))
    print(f"screenshots in {tmp_path}")
