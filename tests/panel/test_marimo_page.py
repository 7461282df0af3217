"""A chat and a panel in a real marimo, as a visitor of `marimo run` sees them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from kernels import ROOT
from panel_kernels import Counter
from support.browsers import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)
PAGE = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from qwen_magic import ChatPanel, QwenClient
    from qwen_magic.marimo import chat_model
    return ChatPanel, QwenClient, chat_model, mo


@app.cell
def _(QwenClient, chat_model, mo):
    mo.ui.chat(chat_model(QwenClient({target!r}), system="Be brief."))
    return


@app.cell
def _(ChatPanel, mo):
    mo.ui.anywidget(ChatPanel(target={target!r}))
    return


if __name__ == "__main__":
    app.run()
"""
HOSTILE = (
    "hostile **bold** <img src=x onerror='window.hacked=1'><script>window.hacked=2</script> [a](javascript:hacked=3)"
    "<iframe srcdoc='<script>parent.hacked=4</script>'></iframe> end"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    with Counter(lambda prompt, number: HOSTILE if prompt == "hostile" else f"A{number}({prompt})") as counter:
        yield counter


@pytest.fixture(scope="module")
def page(server: Counter, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("marimo")
    (folder / "page.py").write_text(PAGE.format(target=server.target), encoding="utf-8")
    if find_spec("marimo") is None:
        missing("marimo is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "marimo", "run", "page.py", "--headless", "--no-token", "--host", "127.0.0.1"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("QWEN_")}
    env |= {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*line, "--port", str(port)], cwd=folder, env=env, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                    break
                except OSError:
                    assert time.monotonic() < end, (folder / "log").read_text()
                    time.sleep(0.2)
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            yield page
            page.close()
        finally:
            process.terminate()
            process.wait(20)


def ask(page: Any, text: str, answer: str) -> None:
    page.locator("marimo-chatbot").locator("[contenteditable=true], textarea").first.click(timeout=60_000)
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.locator("marimo-chatbot").get_by_text(answer).first.wait_for(timeout=30_000)
    page.wait_for_timeout(500)  # until marimo has taken its end


def test_a_chat_goes_on(page: Any, server: Counter) -> None:
    ask(page, "first", "(first)")
    ask(page, "second", "(second)")
    assert [role for role, _ in server.sent()] == ["s", "u", "a", "u"]
    assert "(first)" in server.sent()[2][1]


def test_nothing_of_an_answer_is_live(page: Any) -> None:
    ask(page, "hostile", "bold")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.hacked") is None
    assert page.locator("marimo-chatbot").locator("iframe[srcdoc], script").count() == 0


def test_a_panel_asks(page: Any, server: Counter) -> None:
    prompt = page.locator(".qwen-panel textarea[aria-label=Prompt]")
    page.locator(".qwen-panel textarea[aria-label=Prompt]:enabled").wait_for(timeout=60_000)
    assert prompt.get_attribute("placeholder") == "Ask Qwen …"
    prompt.fill("in the panel {os}")
    prompt.press("Enter")
    page.locator(".qwen-turn[data-state=done]").wait_for(timeout=30_000)
    assert server.prompt == "in the panel {os}"
    assert page.locator(".qwen-panel").get_by_role("button", name="To a cell").count() == 0
