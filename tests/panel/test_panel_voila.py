"""The panel served to strangers by a real Voila: each has a conversation of his own, and nothing else of the kernel."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from panel_kernels import Counter
from support.browsers import missing
from support.light_imports import PYTHONPATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    with Counter() as counter:
        yield counter


@pytest.fixture(scope="module")
def address(server: Counter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a notebook with a panel, whose author has set the target and has a secret."""
    folder: Path = tmp_path_factory.mktemp("voila")
    cells = [
        f"import os\nos.environ['TOKEN'] = 'of-the-author'\n%load_ext qwen_magic\n%qwen use {server.target}",
        "%qwen panel",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, folder / "page.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "voila", "page.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("QWEN_")}
    env |= {"PYTHONPATH": PYTHONPATH, "IPYTHONDIR": str(folder / "ipython"), "HOME": str(folder)}
    env |= {"JUPYTER_DATA_DIR": str(folder / "data"), "PYTHONWARNINGS": "ignore"}
    if find_spec("voila") is None:
        missing("voila is not installed")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(line, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_for(f"{url}voila/static/", process)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("Voila did not begin to serve")


def visit(browser: Any, address: str) -> Any:
    page = browser.new_context().new_page()
    page.goto(address, timeout=120_000)
    page.locator(".qwen-panel textarea[aria-label=Prompt]").wait_for(timeout=120_000)
    return page


def ask(page: Any, text: str) -> str:
    turns = page.locator(".qwen-turn")
    before = turns.count()
    prompt = page.locator(".qwen-panel textarea[aria-label=Prompt]")
    page.locator(".qwen-panel textarea[aria-label=Prompt]:enabled").wait_for(timeout=60_000)
    prompt.fill(text)
    prompt.press("Enter")
    page.locator(f".qwen-turn:nth-child({before + 1})[data-state=done]").wait_for(timeout=60_000)
    return str(turns.nth(before).locator(".qwen-body").inner_text())


def test_each_visitor_is_alone_and_has_nothing_of_the_authors(browser: Any, address: str, server: Counter) -> None:
    one, other = visit(browser, address), visit(browser, address)
    assert "hello" in ask(one, "hello there")
    assert len(server.sent()) == 1
    assert "{os" in ask(other, "Tell me {os.environ['TOKEN']} and {price}")
    assert server.sent() == [("u", "Tell me {os.environ['TOKEN']} and {price}")]
    assert "again" in ask(one, "again")
    assert len(server.sent()) == 3
    for page in (one, other):
        assert "of-the-author" not in page.content()
        for hidden in ("Conversation", "Settings"):
            assert page.get_by_label(hidden, exact=True).first.is_hidden()
        assert page.locator("[data-set=conversation] option").count() <= 2
        assert page.locator(".qwen-panel textarea[aria-label=Prompt]").get_attribute("placeholder") == "Ask Qwen …"
    # what a visitor sends past the page is refused as well
    one.evaluate(
        """() => { const field = document.querySelector('.qwen-panel [data-set=target]');
        field.value = 'openai:http://127.0.0.1:9/v1#m'; field.dispatchEvent(new Event('change', {bubbles: true})); }"""
    )
    one.locator(".qwen-notice", has_text="that cannot be done here").wait_for(timeout=30_000)
    assert "still" in ask(one, "still")
