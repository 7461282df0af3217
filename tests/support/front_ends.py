"""A Jupyter server with its front end, and its notebooks as they are open in a browser; both are kept for the session."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from servers.gradio_server import free_port

from .browsers import KEPT, TOKEN, missing
from .light_imports import PYTHONPATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

SETTINGS = {
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}
SHOW = """
async path => {
  const {shell, commands} = window.jupyterapp, others = [...shell.widgets('main')];
  await commands.execute('docmanager:open', {path});
  for (const other of others) other.dispose();
}
"""
EMPTY = "() => { for (const one of [...window.jupyterapp.shell.widgets('main')]) one.dispose(); }"
IDLE = ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]"


class Front:
    """A Jupyter server with its front end.

    JupyterLab takes seconds to load, so a page in which it stands can be handed on from one notebook to the next.

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
        self._page: Any = None
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
            with contextlib.suppress(subprocess.TimeoutExpired):  # a kernel that is just starting holds it up
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

    def open(self, name: str, *cells: str, width: int = 1300, height: int = 1500, alone: bool = False) -> Book:
        """Write a notebook and open it: in the page that was handed on, or in a window of its own."""
        import nbformat  # takes seconds, and the folder's unit tests need none

        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, self.folder / name)
        return self.open_written(name, width, height, alone=alone)

    def open_written(self, name: str, width: int, height: int, *, alone: bool = False) -> Book:
        """Open a notebook that is there."""
        page = None
        if not alone:
            page, self._page = self._page, None
        usable = page is not None and not page.is_closed() and page.context.browser is self.browser
        opened = self.books[name] = Book(self, name, width, height, page if usable else None)
        if usable:
            opened.show()
        else:
            opened.load()
        return opened

    def hand_on(self, page: Any) -> None:
        """Keep a page for the next notebook, or close it where there is one already."""
        if self._page is None or self._page.is_closed():
            self._page = page
            KEPT.add(page.context)
        else:
            page.context.close()

    def drop_page(self) -> None:
        """Close the page that was handed on: it takes time also while nobody looks at it."""
        page, self._page = self._page, None
        if page is not None and not page.is_closed() and page.context.browser.is_connected():
            page.context.close()

    def close_books(self, *, hand_on: bool) -> None:
        """Close what is open, with its kernels; hand on a page where what was done there went well."""
        for book in list(self.books.values()):
            book.close(hand_on=hand_on)

    def shut_down(self, name: str) -> None:
        """End a notebook's kernel, and those of notebooks that are no longer open."""
        for session in self.call("api/sessions"):
            if session["path"] == name or session["path"] not in self.books:
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

    def __init__(self, front: Front, name: str, width: int, height: int, page: Any = None) -> None:
        self.front = front
        self.name = name
        self.path = front.folder / name
        self.requests: list[str] = []
        self.received: dict[str, int] = {}
        if page is None:
            context = front.browser.new_context(viewport={"width": width, "height": height})
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            page = context.new_page()
            page.on("dialog", _accept)  # "leave the page?"
        else:
            page.set_viewport_size({"width": width, "height": height})
        self.page = page
        self._context = page.context
        self._context.on("request", self._request)
        self.page.on("websocket", self._socket)

    def _request(self, request: Any) -> None:
        self.requests.append(request.url)

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
        self._wait_ready()

    def show(self) -> None:
        """Open it where JupyterLab stands, in the place of all else."""
        self.received.clear()
        self.page.evaluate(SHOW, self.name)
        self._wait_ready()

    def _wait_ready(self) -> None:
        self.page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=60_000)
        end = time.monotonic() + 60
        while not self.received:  # what is run before the kernel has spoken is lost without a word
            assert time.monotonic() < end, "no kernel"
            self.page.wait_for_timeout(50)
        self.page.wait_for_selector(IDLE, timeout=60_000)

    def close(self, *, hand_on: bool = False) -> None:
        """Close the notebook and end its kernel; close the page too, or hand it on as one that nothing was done to."""
        self.front.books.pop(self.name, None)
        self._context.remove_listener("request", self._request)
        self.page.remove_listener("websocket", self._socket)
        if hand_on and self.front.kind == "jupyterlab" and not self.page.query_selector(".jp-Dialog"):
            self.page.evaluate(EMPTY)
            self.front.hand_on(self.page)
        else:
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


def _accept(dialog: Any) -> None:
    dialog.accept()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note on the test that it failed, for the fixtures."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


_started: dict[str, Front] = {}
_using: set[Path] = set()
"""The files with tests that open notebooks."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note which files have tests that open notebooks."""
    for item in items:
        if "front" in getattr(item, "fixturenames", ()) or hasattr(getattr(item, "module", None), "front"):
            _using.add(item.path)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep no page that was handed on where no notebook is opened."""
    if item.path not in _using:
        for front in _started.values():
            front.drop_page()


@pytest.fixture(scope="session")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Front]]:
    """Give what starts a front end, once for the session."""

    def start(kind: str) -> Front:
        for other in _started.values():
            if other.kind != kind:
                other.drop_page()
        if kind not in _started:
            _started[kind] = Front(kind, tmp_path_factory.mktemp(kind)).start()
        return _started[kind]

    yield start
    for front in _started.values():
        front.stop()
    _started.clear()
