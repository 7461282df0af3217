"""A front end with notebooks open in a browser, and what a user does with the panel in one of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browsers import TOKEN, missing
from servers.gradio_server import free_port
from support.light_imports import PYTHONPATH

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}
IDLE = ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]"
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


class Front:
    """A Jupyter server with its front end.

    Attributes:
        kind: "jupyterlab" or "notebook".
        url: its address.
        folder: where its notebooks are.
        books: the open notebooks, by name.
        browser: where they are opened.

    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.books: dict[str, Book] = {}
        self.browser: Any = None
        self._log = folder / "server.log"

    def start(self) -> Self:
        """Start the server, and wait until it answers."""
        try:
            __import__(self.kind)
        except ImportError:
            missing(f"{self.kind} is not installed")
        for name, values in SETTINGS.items():
            path = self.folder / f".config/lab/user-settings/{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "JUPYTER"))}
        env |= {"PYTHONPATH": PYTHONPATH, "IPYTHONDIR": str(self.folder / ".ipython")}
        env |= {f"JUPYTER_{name}_DIR": str(self.folder / f".{name.lower()}") for name in ("CONFIG", "DATA", "RUNTIME")}
        env["PATH"] = str(Path(sys.executable).parent)  # without Node, which each page would start for a build's sake
        port = free_port()
        command = [sys.executable, "-m", self.kind, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
        command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", "--expose-app-in-browser"]
        command += [f"--ServerApp.root_dir={self.folder}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=env, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        self.url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 60
        while True:
            try:
                self.call("api")
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None or time.monotonic() > end:
                    self._process.kill()
                    raise AssertionError(self._log.read_text()) from None
                time.sleep(0.1)
            else:
                return self

    def stop(self) -> None:
        """Shut the server and its kernels down."""
        try:
            self.call("api/shutdown", "POST")
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait(20)

    def kill(self) -> None:
        """End the server at once, as a crash would; its kernels end by themselves."""
        self._process.kill()
        self._process.wait(20)

    def call(self, path: str, method: str = "GET") -> Any:
        """Ask the server's own interface."""
        request = urllib.request.Request(f"{self.url}/{path}?token={TOKEN}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def open(self, name: str, *cells: str, width: int = 1300, height: int = 1500) -> Book:
        """Write a notebook and open it in a window of its own."""
        import nbformat  # takes seconds, and the folder's unit tests need none

        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, self.folder / name)
        opened = self.books[name] = Book(self, name, width, height)
        opened.load()
        return opened

    def close_books(self) -> None:
        """Close what is open, with its kernels."""
        for book in list(self.books.values()):
            book.close()

    def shut_down(self, name: str) -> None:
        """End a notebook's kernel."""
        for session in self.call("api/sessions"):
            if session["path"] == name:
                self.call(f"api/sessions/{session['id']}", "DELETE")


class Book:
    """A notebook that is open in the browser.

    Attributes:
        page: the browser's page.
        requests: the addresses that the page has asked for.
        received: the bytes that have come over each kernel's websocket since the page was loaded.

    """

    OTHER, SPARE = 2, 3
    """The cells that tests write into, where they share a notebook; below the last one stand those that they add."""

    def __init__(self, front: Front, name: str, width: int, height: int) -> None:
        self.front = front
        self.name = name
        self.path = front.folder / name
        self.requests: list[str] = []
        self.received: dict[str, int] = {}
        self._context = front.browser.new_context(viewport={"width": width, "height": height})
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._context.on("request", lambda request: self.requests.append(request.url))
        self.page = self._context.new_page()
        self.page.on("websocket", self._socket)
        self.page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"

    def _socket(self, socket: Any) -> None:
        self.requests.append(socket.url)

        def count(payload: str | bytes) -> None:
            self.received[socket.url] = self.received.get(socket.url, 0) + len(payload)

        if "/api/kernels/" in socket.url:
            socket.on("framereceived", count)

    def load(self) -> None:
        """Load the page, anew where it is loaded."""
        views = {
            "jupyterlab": f"lab/workspaces/{self.path.stem}/tree/{self.name}",
            "notebook": f"notebooks/{self.name}",
        }
        self.received.clear()
        self.page.goto(f"{self.front.url}/{views[self.front.kind]}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=60_000)
        end = time.monotonic() + 60
        while not self.received:  # what is run before the kernel has spoken is lost without a word
            assert time.monotonic() < end, "no kernel"
            self.page.wait_for_timeout(50)
        self.page.wait_for_selector(IDLE, timeout=60_000)

    def close(self) -> None:
        """Close the page, and end the kernel."""
        self.front.books.pop(self.name, None)
        self._context.close()
        self.front.shut_down(self.name)

    def command(self, name: str, **arguments: Any) -> None:
        """Do what a menu's command does."""
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def cell(self, number: int) -> Any:
        """Give a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> str:
        """Give what stands below a cell."""
        return str(self.cell(number).locator(".jp-OutputArea").inner_text())

    def sources(self) -> list[str]:
        """Give the cells as they stand."""
        return list(
            self.page.evaluate(
                "() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-content')]"
                ".map(cell => [...cell.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n'))"
            )
        )

    def _prompt(self, number: int) -> str:
        return str(self.cell(number).locator(".jp-InputPrompt").first.text_content())

    def run(self, number: int, source: str | None = None, *, wait: bool = True, timeout: float = 60) -> None:
        """Run a cell, with another source where one is given; wait for its end, or for its begin alone."""
        cell = self.cell(number)
        before = self._prompt(number)
        end = time.monotonic() + timeout
        for _ in range(3):
            if dialog := self.page.query_selector(".jp-Dialog"):  # a question of JupyterLab's own
                print(f"a dialog is open:\n{dialog.inner_text()}")
                dialog.query_selector("button.jp-mod-accept").click()
            cell.locator(".cm-content").click()
            if source is not None:
                self.page.keyboard.press("Control+a")
                self.page.keyboard.insert_text(source)
            self.page.keyboard.press("Control+Enter")
            again = min(end, time.monotonic() + 3)
            while self._prompt(number) == before and time.monotonic() < again:
                self.page.wait_for_timeout(20)
            if self._prompt(number) != before:
                break
        while wait and not re.search(r"\d", self._prompt(number)):
            assert time.monotonic() < end, f"the cell does not end:\n{self.output(number)}"
            self.page.wait_for_timeout(30)

    def saved(self) -> dict[str, Any]:
        """Save the notebook; give what is in the file."""
        before = self.path.stat().st_mtime_ns
        self.command("docmanager:save")
        end = time.monotonic() + 15
        while self.path.stat().st_mtime_ns == before:
            assert time.monotonic() < end, "not saved"
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(200)
        return dict(json.loads(self.path.read_text(encoding="utf-8")))


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
