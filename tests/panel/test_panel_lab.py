"""The panel in a real JupyterLab, before a real Gradio server: what a user does there, and what is to be seen."""

from __future__ import annotations

import json
import re
import statistics
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from lab_panel import Panel, gaps
from playwright.sync_api import expect
from support.front_ends import Book

if TYPE_CHECKING:
    from pathlib import Path

    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory
    from support.front_ends import Front

CODE = "print('from', 'the panel')"
WITH_CODE = f"echo Look:\n\n```python\n{CODE}\n```\n\nThat is **all**."
SLEEP = "import time\nprint('begin', time.time())\ntime.sleep(3)\nprint('end', time.time())"
SAME = """
() => {
  const logs = [...document.querySelectorAll('.qwen-panel .qwen-turns')].map(log => log.textContent);
  return logs.every(log => log === logs[0]) && logs[0];
}
"""


@pytest.fixture
def second(gradio_server: ServerFactory) -> GradioServer:
    """Give another Space."""
    return gradio_server("6.31.0", "qwenlike", QWEN_TEST_CONCURRENCY="39")


def test_an_answer_arrives_in_steps(panel: Panel, space: GradioServer) -> None:
    panel.watch()
    panel.prompt.click()
    panel.page.keyboard.type("markdown 1600 0.006")
    panel.page.keyboard.press("Enter")
    expect(panel.prompt).to_have_value("")
    panel.wait_state("streaming")
    expect(panel.button("Stop")).to_be_visible()
    panel.wait_done()
    expect(panel.button("Stop")).to_be_hidden()
    steps = panel.steps()
    lengths = [length for _, length in steps]
    assert len(steps) >= 20
    assert steps[-1][0] - steps[0][0] >= 1.5
    assert max(gaps(steps)) < 5, "it came in lumps"
    assert sum(later > sooner for sooner, later in pairwise(lengths)) > 0.8 * len(lengths)
    assert statistics.median(gaps(steps)) >= 0.03, "more than 20 or so updates a second"
    turn = panel.turn()
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["markdown 1600 0.006"])
    assert turn.locator("h1").count() >= 2
    assert turn.locator("table tbody td").count() >= 6
    assert turn.locator("pre span[class^=tok-]").count() > 3
    assert turn.locator("math").count() >= 2
    assert turn.locator(".qwen-tail").inner_text().strip() == ""
    assert space.url in panel.facts()
    expect(panel.root.locator(".qwen-live")).to_contain_text("Answer finished")
    expect(panel.prompt).to_be_focused()


def test_the_composer(panel: Panel) -> None:
    panel.prompt.click()
    panel.page.keyboard.type("echo one")
    panel.page.keyboard.press("Shift+Enter")
    panel.page.keyboard.type("two")
    expect(panel.prompt).to_have_value("echo one\ntwo")
    low = panel.prompt.bounding_box()["height"]
    for _ in range(3):
        panel.page.keyboard.press("Shift+Enter")
    assert panel.prompt.bounding_box()["height"] > low, "it does not grow with its text"
    for _ in range(3):
        panel.page.keyboard.press("Backspace")
    panel.button("Send").click()
    panel.wait_turns(1)
    panel.wait_done()
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo one\ntwo"])
    panel.prompt.click()
    panel.page.keyboard.press("ArrowUp")
    expect(panel.prompt).to_have_value("echo one\ntwo")
    # what an input method composes is no prompt yet
    panel.prompt.fill("echo にほ")
    panel.prompt.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True})
    panel.page.wait_for_timeout(300)
    expect(panel.prompt).to_have_value("echo にほ")
    panel.wait_turns(1)
    # the notebook's own keys are not heard here: "b" would add a cell, "dd" take one away
    cells = panel.page.locator(".jp-Notebook .jp-Cell").count()
    panel.prompt.fill("")
    panel.page.keyboard.type("bddaxm")
    expect(panel.prompt).to_have_value("bddaxm")
    assert panel.page.locator(".jp-Notebook .jp-Cell").count() == cells
    panel.prompt.fill("")


def test_stop_continue_regenerate_and_versions(panel: Panel, space: GradioServer) -> None:
    panel.send("count 60 0.05")
    panel.wait_text("w5")
    panel.button("Stop").click()
    panel.wait_done(timeout=10)
    partial = panel.answer()
    assert partial.startswith("w0 w1 w2 w3 w4 w5")
    assert "w59" not in partial
    assert "interrupted" in panel.turn().inner_text()
    space.wait_log(lambda entry: entry["event"] == "cancelled")
    panel.act("Continue")
    panel.wait_text("That is all.")  # what the Space says to any other prompt
    panel.wait_done()
    whole = panel.answer()
    assert whole.startswith(partial.rstrip())
    assert len(whole) > len(partial)
    assert "interrupted" not in panel.turn().inner_text()
    panel.act("Regenerate")
    panel.wait_state("streaming")
    panel.wait_text("w20")
    panel.prompt.click()
    panel.page.keyboard.press("Escape")
    panel.wait_done(timeout=10)
    again = panel.answer()
    assert again.startswith("w0 w1")
    assert "w59" not in again
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["count 60 0.05"])
    assert panel.version() == "2/2"
    panel.act("Earlier version")
    expect(panel.turn().locator(".qwen-version")).to_have_text("1/2")
    assert panel.answer() == whole
    panel.act("Later version")
    expect(panel.turn().locator(".qwen-version")).to_have_text("2/2")
    assert panel.answer() == again


def test_edit_a_prompt_and_go_back(panel: Panel) -> None:
    panel.send("echo first", wait=True)
    panel.send("echo second", wait=True)
    panel.act("Edit prompt", 0)
    box = panel.root.get_by_role("textbox", name="Edited prompt", exact=True)
    expect(box).to_have_value("echo first")
    box.fill("echo changed")
    panel.button("Cancel").click()
    expect(box).to_have_count(0)
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo first", "echo second"])
    panel.act("Edit prompt", 0)
    box.fill("echo changed")
    panel.button("Send again").click()
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo changed"])
    panel.wait_done()
    assert panel.answer() == "changed"
    assert panel.version() == "2/2"
    panel.act("Earlier version", 0)
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo first", "echo second"])
    assert [panel.answer(0), panel.answer(1)] == ["first", "second"]
    panel.act("Later version", 0)
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo changed"])
    # what is asked now follows on the branch that is shown
    panel.send("what?", wait=True)
    assert "Turns before: 1." in panel.answer()


def test_copy_and_to_a_cell(panel: Panel) -> None:
    panel.send(WITH_CODE, wait=True)
    panel.act("Copy answer")
    expect(panel.root.locator(".qwen-live")).to_contain_text(re.compile("copied", re.IGNORECASE))
    assert panel.clipboard().strip() == WITH_CODE.removeprefix("echo ")
    panel.act("Copy code")
    panel.page.wait_for_function("async code => (await navigator.clipboard.readText()).trim() === code", arg=CODE)
    cells = panel.page.locator(".jp-Notebook .jp-CodeCell").count()
    panel.act("To a cell")  # in one step, for this page has the front end's commands
    expect(panel.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(cells + 1)
    assert CODE in panel.book.sources()
    panel.book.command("notebook:undo-cell-action")
    expect(panel.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(cells)
    panel.page.evaluate("() => { window.hidden = window.jupyterapp; window.jupyterapp = undefined; }")
    panel.act("To a cell")
    notice = panel.root.locator(".qwen-notice")
    expect(notice).to_contain_text("%qwen code")
    panel.book.run(Book.SPARE, "%qwen code")
    expect(panel.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(cells + 1)
    assert panel.book.sources()[Book.SPARE + 1] == CODE
    expect(notice).to_be_hidden()
    panel.page.evaluate("() => { window.jupyterapp = window.hidden; }")


def test_settings(panel: Panel, space: GradioServer, second: GradioServer) -> None:
    settings = panel.button("Settings")
    expect(settings).to_have_attribute("aria-expanded", "false")
    settings.click()
    expect(settings).to_have_attribute("aria-expanded", "true")
    target = panel.root.get_by_label("Target", exact=True)
    system = panel.root.get_by_label("System prompt", exact=True)
    target.fill(f"space:{second.url}")
    target.press("Tab")
    system.fill("Be brief.")
    system.press("Tab")
    panel.send("who?", wait=True)
    assert second.url in panel.facts()
    assert "System: Be brief." in panel.answer()
    assert len(second.calls()) == 1
    target.fill("")
    target.press("Tab")
    panel.send("and who now?", wait=True)
    assert space.url in panel.facts()
    assert "Turns before: 1." in panel.answer()
    settings.click()
    expect(target).to_be_hidden()


def test_conversations(panel: Panel) -> None:
    panel.send("echo the first conversation", wait=True)
    panel.send("echo its second turn", wait=True)
    chosen = panel.root.get_by_label("Conversation", exact=True)
    first = chosen.input_value()
    panel.act("Delete turn", 1)
    panel.turn(1).get_by_role("button", name="Really delete?", exact=True).click()
    panel.wait_turns(1)
    panel.button("Settings").click()
    with panel.page.expect_download() as download:
        panel.button("Export as Markdown").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert download.value.suggested_filename.endswith(".md")
    assert "the first conversation" in text
    assert "its second turn" not in text
    panel.button("New conversation").click()
    panel.wait_turns(0)
    panel.send("echo the other one", wait=True)
    expect(chosen).not_to_have_value(first)
    chosen.select_option(first)
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo the first conversation"])
    assert panel.answer() == "the first conversation"
    panel.button("Clear conversation").click()
    panel.button("Really clear?").click()
    panel.wait_turns(0)
    panel.button("Settings").click()


def test_sending_while_an_answer_streams(panel: Panel) -> None:
    panel.send("count 200 0.05")
    panel.wait_text("w3")
    queue = panel.root.locator(".qwen-queue")
    for text in ("echo queued", "echo not wanted"):
        panel.send(text)
        expect(queue).to_contain_text(text)
    queue.get_by_role("button", name="Remove").last.click()
    expect(queue).not_to_contain_text("echo not wanted")
    panel.wait_turns(1)
    panel.button("Stop and send now").click()
    panel.wait_turns(2)
    panel.wait_done()
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["count 200 0.05", "echo queued"])
    assert panel.answer() == "queued"
    assert "w3" in panel.answer(0)
    assert "interrupted" in panel.turn(0).inner_text()


def times(output: str) -> tuple[float, float]:
    """Read what the sleeping cell printed."""
    found = dict(re.findall(r"(begin|end) ([\d.]+)", output))
    return float(found["begin"]), float(found["end"])


def test_streaming_goes_on_while_a_cell_computes(panel: Panel) -> None:
    panel.watch()
    panel.send("count 90 0.05")
    panel.wait_text("w2")
    panel.book.run(Book.SPARE, SLEEP)
    begin, end = times(panel.book.output(Book.SPARE))
    within = [step for step in panel.steps() if begin < step[0] < end]
    assert len(within) >= 30
    assert max(gaps([(begin, 0), *within, (end, 0)])) < (end - begin) / 2
    panel.wait_done()
    # asked, and stopped, while the cell computes: the panel's messages come by a subshell
    panel.book.run(Book.SPARE, SLEEP.replace("(3)", "(8)"), wait=False)
    panel.watch()
    panel.send("count 90 0.05")
    panel.wait_turns(2)
    panel.wait_text("w5")
    panel.button("Stop").click()
    panel.wait_done(timeout=10)
    stopped = panel.page.evaluate("Date.now() / 1000")
    expect(panel.book.cell(Book.SPARE).locator(".jp-OutputArea")).to_contain_text("end ", timeout=30_000)
    begin, end = times(panel.book.output(Book.SPARE))
    assert begin < stopped < end - 0.2
    assert "interrupted" in panel.turn().inner_text()


def test_cells_and_the_panel_are_one_conversation(panel: Panel) -> None:
    panel.send("echo from the panel", wait=True)
    panel.watch()
    panel.book.run(Book.OTHER, "%%qwen\ncount 40 0.05", wait=False)
    panel.wait_turns(2)
    panel.wait_state("streaming")
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["echo from the panel", "count 40 0.05"])
    panel.wait_done()
    steps = panel.steps()
    assert len(steps) >= 10
    assert steps[-1][0] - steps[0][0] > 1
    expect(panel.book.cell(Book.OTHER)).to_contain_text("w39")
    panel.send("and now?", wait=True)
    assert "Turns before: 2." in panel.answer()
    panel.book.run(Book.SPARE, "%qwen history")
    history = panel.book.output(Book.SPARE)
    assert all(text in history for text in ("echo from the panel", "count 40 0.05", "and now?"))
    panel.book.run(Book.SPARE, "%%qwen\nand in a cell?")
    panel.wait_turns(4)
    assert "Turns before: 3." in panel.answer()
    assert "Turns before: 3." in panel.book.output(Book.SPARE)
    # what a user would find who opens the notebook where no widget can be shown
    panel.book.run(Book.SPARE, "%qwen panel --save")
    (saved,) = [
        "".join(output["data"]["text/markdown"])
        for output in panel.book.saved()["cells"][Book.SPARE]["outputs"]
        if "text/markdown" in output.get("data", {})
    ]
    assert all(text in saved for text in ("echo from the panel", "w38 w39", "and now?", "Turns before: 3."))


def test_views_and_panels_stay_in_step(panel: Panel) -> None:
    book = panel.book
    panel.send("echo before", wait=True)
    book.run(Book.SPARE, "from qwen_magic import ChatPanel\nother = ChatPanel()\ndisplay(other, other)")
    views = [panel, Panel(book, 1), Panel(book, 2)]
    for view in views:
        view.wait_ready()
    one = views[1]
    one.send("count 40 0.05")
    for view in views:
        view.wait_turns(2)
        view.wait_text("w9")
        assert view.turn().get_attribute("data-state") == "streaming"
    views[2].button("Stop").click()
    for view in views:
        view.wait_done(timeout=10)
    text = book.page.wait_for_function(SAME).json_value()
    assert "w9" in text
    assert "w39" not in text
    assert "before" in text
    panel.act("Delete turn", 1)
    panel.turn(1).get_by_role("button", name="Really delete?", exact=True).click()
    for view in views:
        view.wait_turns(1)
    book.page.wait_for_function(SAME)
    # a view that is closed is missed by none
    book.run(Book.SPARE, "other.close()")
    panel.send("echo after", wait=True)
    assert panel.answer() == "after"


def test_the_transcript_outlives_the_page_and_the_kernel(front: Front, space: GradioServer, tmp_path: Path) -> None:
    book = front.open("kept.ipynb", f"%load_ext qwen_magic\n%qwen use space:{space.url}", "%qwen panel")
    book.run(0)
    book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    panel.send("markdown 900 0", wait=True)
    panel.send("count 900 0.05")  # longer than a busy machine takes to load a page
    panel.wait_text("w3", 1)
    panel.prompt.fill("a draft")
    panel.page.wait_for_timeout(700)  # it is told of twice a second
    # the page is loaded anew while an answer streams
    book.saved()
    book.load()
    panel = Panel(book)
    panel.wait_ready()
    panel.wait_turns(2)
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["markdown 900 0", "count 900 0.05"])
    panel.wait_state("streaming", 1)
    before = panel.answer(1)
    assert "w3" in before
    panel.watch()
    last = int(re.findall(r"w(\d+)", before)[-1])
    panel.wait_text(f"w{last + 20}", 1)
    expect(panel.prompt).to_have_value("a draft")
    panel.button("Stop").click()
    panel.wait_done(1)
    counted = [int(number) for number in re.findall(r"w(\d+)", panel.answer(1))]
    assert counted == list(range(len(counted))), "something was lost or came twice"
    first, partial, table = panel.answer(0), panel.answer(1), panel.turn(0).locator("table").count()
    assert table
    # and with another kernel
    end = time.monotonic() + 60
    while f"w{counted[-1]}" not in json.dumps(book.saved()["metadata"].get("widgets", {})):  # told of when all is quiet
        assert time.monotonic() < end, "the transcript is not saved"
    front.shut_down(book.name)
    book.load()
    panel = Panel(book)
    panel.wait_ready()
    panel.wait_turns(2)
    expect(panel.root.locator(".qwen-prompt")).to_have_text(["markdown 900 0", "count 900 0.05"])
    assert panel.turn(0).locator("table").count() == table
    assert panel.answer(0) == first
    assert panel.answer(1) == partial
    panel.page.screenshot(path=str(tmp_path / "reopened.png"))
    book.close(hand_on=True)


def test_the_reader_is_left_where_he_reads(panel: Panel) -> None:
    panel.send("markdown 4000 0", wait=True)
    log = panel.root.locator(".qwen-log")
    end = panel.button("To the end")

    def place() -> Any:
        return log.evaluate("log => [log.scrollTop, log.scrollHeight - log.clientHeight - log.scrollTop]")

    assert place()[1] < 30, "it does not follow the end"
    panel.send("count 100 0.04")
    panel.wait_turns(2)
    panel.wait_text("w5")
    expect(end).to_be_hidden()
    log.evaluate("log => { log.scrollTop = 100 }")
    expect(end).to_be_visible()
    # a word that is selected stays selected, in an answer that is still being written too
    panel.turn(0).locator("h1").first.select_text()
    chosen = panel.page.evaluate("getSelection().toString()")
    assert chosen.startswith("A tour")
    panel.wait_text("w40")
    assert place()[0] == 100
    assert panel.page.evaluate("getSelection().toString()") == chosen
    end.click()
    expect(end).to_be_hidden()
    panel.wait_text("w70")
    assert place()[1] < 30
    panel.settle()
