"""`-f html` in JupyterLab: the page is there, and nothing that it tries gets out of its frame."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hostile_pages import PAGES
from kernels import ROOT
from support.browsers import TOKEN
from test_browser import front, lab, notebook, saved  # noqa: F401
from thinker import plan

from qwen_magic.text.frames import find_pages, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from thinker import Thinker

STEP = 12
HOSTILE_CELL = """\
import sys
sys.path.insert(0, {folder!r})
import hostile_pages
from html import escape
from IPython.display import display
from qwen_magic.text.frames import frame
def bare(page):
    return '<iframe style="width:100%;height:80px" srcdoc="' + escape(page.replace(chr(0), chr(0xfffd))) + '"></iframe>'
for name, page in hostile_pages.PAGES[{start}:{start} + {step}]:
    page = page.replace(hostile_pages.ORIGIN, {origin!r}).encode("utf-8", "replace").decode()
    display({{"text/html": {show}(page), "text/plain": name}}, raw=True)
"""
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><style>h1 { color: rgb(1, 2, 3) } .far { margin-top: 2000px }</style></head>
<body class="b"><h1>A "quoted" &lt;page&gt; &amp; more</h1><a href="#end">down</a><p class="far" id="end">the end</p>
<img alt="x" src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"></body></html>"""


class Listener:
    """A server that notes every connection, and the first line that comes over it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(0.2)
                self.heard.append("a connection")
                try:
                    self.heard[-1] = connection.recv(500).split(b"\r\n")[0].decode()
                    connection.sendall(b"HTTP/1.1 404 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    pass

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def click(page: Any, found: Any, target: Any) -> None:
    """Click as a user does, where there is something to be seen."""
    found.parent_frame.frame_element().evaluate("frame => frame.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(100)
    target.evaluate("element => element.scrollIntoView()")
    box = target.bounding_box()
    if box and box["width"] and box["height"]:
        page.mouse.click(box["x"] + min(5, box["width"] / 2), box["y"] + min(5, box["height"] / 2))
    else:
        target.dispatch_event("click")


@pytest.mark.parametrize("show", ["frame", "bare"])
def test_hostile_pages(notebook: Callable[..., Any], listener: Listener, show: str) -> None:
    assert len(PAGES) >= 25
    cells = [
        HOSTILE_CELL.format(
            folder=str(ROOT / "tests" / "notebook"), start=start, step=STEP, origin=listener.url, show=show
        )
        for start in range(0, len(PAGES), STEP)
    ]
    if show == "bare":
        page = notebook("bare.ipynb", *cells, alone=True)
        for _ in range(150):
            if any("GET" in line for line in listener.heard):
                return
            page.wait_for_timeout(200)
        pytest.fail("the pages do nothing here: this test cannot fail")
    page = notebook("hostile.ipynb", *cells, "print('the', 'end')", done="text=/^the end/")
    for i in range(len(cells) + 1):
        page.locator(".jp-Notebook .jp-Cell").nth(i).scroll_into_view_if_needed()
        page.wait_for_timeout(400)
    inner = [found for found in page.frames if found.parent_frame and found.parent_frame != page.main_frame]
    assert len(inner) == len(PAGES)
    address = page.url
    clicked = 0
    for found in inner:
        if target := found.query_selector("#go"):
            click(page, found, target)
            clicked += 1
    assert clicked >= 15
    page.wait_for_timeout(1500)
    assert listener.heard == []
    assert page.evaluate("[window.__pwned, document.cookie.includes('pwned')]") == [None, False]
    assert page.url == address
    assert len(page.context.pages) == 1
    assert len([found for found in page.frames if found != page.main_frame]) == 2 * len(PAGES)


def test_a_page_as_a_user_sees_it(
    notebook: Callable[..., Any], lab: tuple[str, Path], thinker: Thinker, tmp_path: Path
) -> None:
    answer = f"Here it is:\n\n```html\n{PAGE}\n```\n\nEnjoy."
    page = notebook(
        "page.ipynb",
        f"%load_ext qwen_magic\n%qwen use openai:{thinker.url}#q",
        f"%%qwen -f html -o r\n{plan([], 0, answer)}",
        "print('the next', 'cell')",
        done="text=the next cell",
    )
    output = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".jp-OutputArea")
    output.locator("iframe").wait_for()
    output.locator("pre", has_text="<!DOCTYPE html>").wait_for()
    assert "Enjoy" not in output.inner_text()
    page.wait_for_timeout(500)
    (inner,) = [found for found in page.frames if found.parent_frame and found.parent_frame != page.main_frame]
    assert inner.inner_text("h1") == 'A "quoted" <page> & more'
    assert inner.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    assert inner.evaluate("document.querySelector('img').naturalWidth") == 1
    assert output.locator("iframe").bounding_box()["height"] > 300
    assert output.locator("iframe").bounding_box()["width"] > 500
    words, box = output.locator("iframe + p").bounding_box(), output.locator("div:has(> iframe)").bounding_box()
    assert words["y"] >= box["y"] + box["height"] - 1, "the words for a frame that is not there are to be seen"
    page.mouse.move(box["x"] + box["width"] - 6, box["y"] + box["height"] - 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 6, box["y"] + box["height"] + 94, steps=5)
    page.mouse.up()
    assert output.locator("iframe").bounding_box()["height"] > box["height"] + 50, "it cannot be made higher"
    page.screenshot(path=str(tmp_path / "page.png"))
    inner.click("a")
    page.wait_for_timeout(300)
    assert inner.evaluate("scrollY") > 1000
    page.screenshot(path=str(tmp_path / "end.png"))
    page.click(".jp-Notebook .jp-Cell:first-child .cm-content")  # the keys go to the notebook again
    outputs = saved(page, lab[1] / "page.ipynb")["cells"][1]["outputs"]
    shown = [output["data"] for output in outputs if any(output["data"].values())]
    assert "".join(shown[0]["text/plain"]) == f"```html\n{PAGE}\n```"
    assert "".join(shown[1]["text/html"]) == frame(PAGE)
    # without trust, as from somebody else: JupyterLab sanitises it, and the source is what stays
    book = json.loads((lab[1] / "page.ipynb").read_text(encoding="utf-8"))
    book["cells"][1]["source"] = "1"
    (lab[1] / "other.ipynb").write_text(json.dumps(book), encoding="utf-8")
    page.goto(f"{lab[0]}/lab/workspaces/other/tree/{lab[1].name}/other.ipynb?token={TOKEN}&reset")
    page.locator(".jp-RenderedMarkdown pre", has_text="<!DOCTYPE html>").wait_for()
    page.get_by_text("The page is shown here once the notebook is trusted.").wait_for()
    assert page.locator(".jp-OutputArea iframe").count() == 0
    print(f"screenshots in {tmp_path}")
    page.screenshot(path=str(tmp_path / "other.png"))


def test_a_frame_is_one_element_of_text() -> None:
    from html.parser import HTMLParser

    seen: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            seen.append(tag)

    for _, page in PAGES:
        seen.clear()
        Parser(convert_charrefs=True).feed(frame(page))
        assert seen == ["div", "iframe", "p"]
        assert frame(page).count("<") == 6


def test_every_hostile_page_is_taken_for_one() -> None:
    for name, page in PAGES:
        assert find_pages(f"```html\n{page}\n```") or not page.strip(), name
