"""The panel's place on the page, in a real JupyterLab: the focus, a view beside the notebook, 200 % zoom."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from lab_panel import Panel, shoot
from playwright.sync_api import expect
from support.browsers import missing

if TYPE_CHECKING:
    from pathlib import Path

    from servers.gradio_server import GradioServer
    from support.front_ends import Book, Front

VIEW = ".jp-LinkedOutputView"


def test_it_takes_the_focus_when_it_opens(front: Front, space: GradioServer) -> None:
    book = front.open("focus.ipynb", f"%load_ext qwen_magic\n%qwen use space:{space.url}", "%qwen panel", "x = 1")
    book.run(0)
    book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    expect(panel.prompt).to_be_focused()
    book.close(hand_on=True)


def test_in_a_view_of_its_own_it_fills_the_view(panel: Panel, tmp_path: Path) -> None:
    page = panel.page
    for number in range(4):
        panel.send(f"markdown {400 + number} 0.001", wait=True)
    panel.book.cell(1).locator(".jp-OutputArea-promptOverlay").first.click(button="right")
    page.get_by_role("menuitem", name="Create New View for Cell Output").click()
    page.wait_for_selector(f"{VIEW} .qwen-panel")
    beside = page.locator(f"{VIEW} .qwen-panel")
    page.wait_for_function(
        "view => { const dock = document.querySelector(view), panel = dock.querySelector('.qwen-panel');"
        " return dock.clientHeight > 200 && dock.clientHeight - panel.offsetHeight < 60; }",
        arg=VIEW,
    )
    assert page.locator(VIEW).evaluate("one => one.scrollHeight <= one.clientHeight + 1"), "two scrollbars"
    shoot(page, "panel-beside", tmp_path)
    prompt = beside.get_by_role("textbox", name="Prompt", exact=True)
    prompt.fill("echo from beside")
    prompt.press("Enter")
    expect(beside.locator(".qwen-turn").last).to_have_attribute("data-state", "done")
    expect(panel.root.locator(".qwen-prompt").last).to_have_text("echo from beside")
    page.keyboard.press("Escape")
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").last.click()


def test_side_opens_it_beside_the_notebook(front: Front, space: GradioServer, tmp_path: Path) -> None:
    if find_spec("sidecar") is None:
        missing("sidecar is not installed")
    setup = f"%load_ext qwen_magic\n%qwen use space:{space.url}"
    book: Book = front.open("side.ipynb", setup, "%qwen panel --side")
    book.run(0)
    for _ in range(2):  # run again, it is still one
        book.run(1)
        expect(book.page.locator(f"{VIEW} .qwen-panel")).to_have_count(1)
    assert book.cell(1).locator(".qwen-panel").count() == 0
    panel = Panel(book)
    panel.wait_ready()
    panel.send("echo beside", wait=True)
    book.page.wait_for_function(
        "view => { const dock = document.querySelector(view), panel = dock.querySelector('.qwen-panel');"
        " return dock.clientHeight > 200 && dock.clientHeight - panel.offsetHeight < 60; }",
        arg=VIEW,
    )
    notebook, beside = book.page.locator(".jp-NotebookPanel").bounding_box(), panel.root.bounding_box()
    assert beside["x"] >= notebook["x"] + notebook["width"] - 1
    shoot(book.page, "panel-side", tmp_path)
    book.close(hand_on=True)


def test_at_200_percent_bar_and_prompt_are_seen_together(front: Front, space: GradioServer, tmp_path: Path) -> None:
    setup = f"%load_ext qwen_magic\n%qwen use space:{space.url}"
    book: Book = front.open("zoom.ipynb", setup, "%qwen panel")
    book.run(0)
    book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    panel.send("echo seen", wait=True)
    for height in (500, 450):
        book.page.set_viewport_size({"width": 700, "height": height})
        panel.page.wait_for_function(
            "height => { const panel = document.querySelector('.qwen-panel').offsetHeight;"
            " const notebook = document.querySelector('.jp-WindowedPanel-outer').clientHeight;"
            " return panel > 200 && panel <= 0.8 * height && panel <= notebook; }",
            arg=height,
        )
    shoot(book.page, "panel-zoom-200", tmp_path)
    book.close(hand_on=True)
