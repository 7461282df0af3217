"""The panel's page by itself: prompts and answers that are more than text, and kernels of another version."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness import BUSY, View, streaming, turn
from page_views import blocks, live, view  # noqa: F401 - fixtures, too
from playwright.sync_api import expect
from test_page_attaching import THUMBNAIL

from qwen_magic.panel.protocol import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = "<img src=/x onerror='window.bad=1'><b>b</b>"


def part(kind: str, text: str = "", name: str = "", size: int = 0) -> dict[str, Any]:
    return {"kind": kind, "name": name, "mime": "", "size": size, "text": text}


def test_a_prompt_shows_its_parts_where_they_stand(view: Callable[..., View]) -> None:
    parts = [
        part("text", "Look at\n"),
        part("image", name="plot.png", size=12_345),
        part("text", "and then "),
        part("image", "https://example.org/a.png"),
        part("file", name="data.csv", size=2_600_000),
        part("file", size=7),
    ]
    page = view([turn("1.0", "Look at\nand then ", "<p>a</p>", parts=parts), turn("1.1", "text alone", "<p>b</p>")])
    prompt = page.root().locator(".qwen-prompt").first
    lines = prompt.locator(".qwen-part").all_text_contents()
    assert lines == ["image plot.png, 12 KB", "image https://example.org/a.png", "file data.csv, 3 MB", "file, 7 B"]
    assert prompt.text_content() == f"Look at\n{lines[0]}and then {''.join(lines[1:])}"
    page.button("Edit prompt").first.click()
    assert page.root().get_by_label("Edited prompt").input_value() == "Look at\nand then "
    page.op("turn", turn=turn("1.0", "text alone, too", "<p>a</p>", parts=[]), before="")
    assert page.root().locator(".qwen-prompt").first.text_content() == "text alone, too"


def test_what_tools_were_told_and_gave_is_folded(view: Callable[..., View]) -> None:
    steps = [
        part("text", "Let me see."),
        part("call", '{"q": 1}', "search"),
        part("result", "found\n  it", "search"),
        part("call", "{}"),
        part("failure", "no such thing", "open"),
        part("image", name="chart.png", size=999),
    ]
    page = view([turn("1.0", "first", "<p>So.</p>", steps=steps)])
    answer = page.root().locator(".qwen-answer")
    folded = answer.locator("details.qwen-part")
    assert folded.locator("summary").all_text_contents() == [
        "calls search",
        "result of search",
        "calls a tool",
        "failure of open",
    ]
    assert answer.locator(".qwen-steps > div").all_text_contents() == ["image chart.png, 999 B"]
    assert "Let me see." in answer.inner_text()
    assert folded.nth(1).locator("div").is_hidden()
    folded.nth(1).locator("summary").click()
    assert folded.nth(1).locator("div").inner_text() == "found\n  it"
    page.op("turn", turn=turn("1.0", "first", "<p>So.</p>", steps=steps, facts=["another"]), before="")
    assert folded.nth(1).locator("div").is_visible(), "what was unfolded is folded again"
    page.op("turn", turn=turn("1.0", "first", "<p>So.</p>", steps=[]), before="")
    assert folded.count() == 0


def test_a_picture_is_drawn_while_the_answer_streams(live: View) -> None:
    live.delta(steps=[{**part("image", "plot.png", size=999), "thumbnail": THUMBNAIL}], add="<p>Draw")
    drawn = live.root().locator(".qwen-turn .qwen-steps img")
    expect(drawn).to_have_count(1)
    drawn.evaluate("one => { one.kept = true; }")
    live.delta(keep=7, add="n.</p>")
    expect(live.root().locator(".qwen-body")).to_have_text("Drawn.")
    assert drawn.evaluate("one => one.kept"), "it is drawn anew with each delta"


def test_a_footnotes_mark_leads_to_the_note_of_its_own_answer_and_back(view: Callable[..., View]) -> None:
    answer = "First[^1], again[^1], other[^2].\n\n" + "text\n\n" * 40 + "[^1]: The [note](#qm-note-1)."
    page = view([turn(f"1.{place}", "q", *blocks(answer)) for place in range(2)])
    second = page.root().locator(".qwen-turn").nth(1)
    marks, back = second.locator("a.qm-mark"), second.locator("a.qm-back")
    marks.nth(1).focus()
    page.page.keyboard.press("Enter")
    expect(back).to_be_focused()
    expect(back).to_be_in_viewport()
    page.page.keyboard.press("Enter")
    expect(marks.nth(1)).to_be_focused()  # not the first: it was not left from there
    expect(marks.nth(1)).to_be_in_viewport()
    marks.nth(2).click()
    expect(page.root().locator(".qwen-notice")).to_contain_text("Note [2] is not in this answer.")
    assert page.page.url.endswith("/"), "the front end's page was led elsewhere"
    assert page.root().locator("[id*=note], [id*=mark]").count() == 0


def test_formulas_are_laid_out_on_any_machine(view: Callable[..., View]) -> None:
    r"""Without a font that tells how, an integral is as low as a letter, and a root does not reach over what it has."""
    page = view([turn("1.0", "q", *blocks("$$\\int_0^1 x\\,dx = \\sqrt{\\frac{\\frac{a}{b}}{c}}$$"))])
    page.page.wait_for_function("[...document.fonts].some(one => one.status === 'loaded')")
    page.page.wait_for_function(
        "() => [...document.querySelectorAll('.qwen-body mo')]"
        ".some(one => one.textContent === '\u222b' && one.getBoundingClientRect().height > 25)"
    )
    assert not [path for path in page.requests if path not in ("/", "/panel.js", "/panel.css", "/theme.css")]


def test_nothing_in_a_part_comes_alive(live: View) -> None:
    kinds = ("text", "image", "file", "call", "result", "failure", HOSTILE)
    parts = [part(kind, HOSTILE, HOSTILE, 5) for kind in kinds] + [part("image", HOSTILE)]
    live.op("turn", turn=turn("1.0", HOSTILE, parts=parts, steps=parts), before="")
    live.page.wait_for_timeout(100)
    assert live.root().locator("img, b").count() == 0
    assert live.page.evaluate("window.bad") is None
    assert "/x" not in live.requests
    assert live.root().locator(".qwen-prompt").text_content().count(HOSTILE) == 13


def test_what_an_earlier_version_saved_is_shown(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")], connect=False)  # without parts and steps
    assert page.root().locator(".qwen-prompt").all_text_contents() == ["first"]
    assert page.root().locator(".qwen-steps").text_content() == ""


def test_the_page_tells_its_version(view: Callable[..., View]) -> None:
    page = view()
    (ready,) = page.page.evaluate("sent.filter(one => one.action === 'ready')")
    assert ready["version"] == VERSION


@pytest.mark.parametrize("version", [0, VERSION + 1, "1", None])
def test_a_kernel_of_another_version(view: Callable[..., View], version: object) -> None:
    page = view([turn("1.0", "saved", "<p>a</p>")], connect=False)
    page.prompt.fill("what I was writing")
    page.op("reset", view="", version=version, turns=[{"a": "turn of another form"}])
    notice = page.root().locator(".qwen-notice")
    assert "reload the page" in notice.inner_text()
    assert "reload the page" in page.live
    assert page.prompt.is_disabled()
    assert page.prompt.input_value() == "what I was writing"
    page.op("turn", turn={"key": 5}, before="")
    page.op("of another version", view="")
    assert page.root().locator(".qwen-prompt").all_text_contents() == ["saved"]
    page.sent()
    page.button("Regenerate").click()
    page.page.wait_for_timeout(5500)  # the kernel that did not answer would be told of now
    assert page.sent() == []
    assert "reload the page" in notice.inner_text()
    page.page.evaluate("trigger('comm_live_update')")
    page.op("reset", view="", turns=[turn("1.1", "alive", "<p>b</p>")])
    assert page.root().locator(".qwen-prompt").all_text_contents() == ["alive"]
    assert notice.is_hidden()
    assert page.prompt.is_enabled()


def test_a_kernel_that_refuses_the_page(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "saved", "<p>a</p>")], connect=False)
    page.add()
    first, second = page.page.evaluate("sent.map(one => one.view)")
    page.op("say", view=first, text="Of another version. Reload the page.", kind="version")
    page.op("reset", view=second, turns=[turn("1.0", "saved", "<p>a</p>")])
    page.page.wait_for_timeout(5500)
    assert page.root().locator(".qwen-notice").inner_text().strip() == "Of another version. Reload the page."
    assert page.prompt.is_disabled()
    assert page.root(1).locator(".qwen-notice").is_hidden()
    assert page.root(1).get_by_role("textbox", name="Prompt", exact=True).is_enabled()


def test_an_edit_that_is_refused_is_not_lost(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    page.op("turn", turn=streaming("1.1"), before="")
    page.set("activity", BUSY)
    page.button("Edit prompt").first.click()
    page.root().get_by_label("Edited prompt").fill("changed with care")
    page.button("Send again").click()
    page.op("say", text="It cannot be asked now.", kind="error")
    page.prompt.press("ArrowUp")
    assert page.prompt.input_value() == "changed with care"
