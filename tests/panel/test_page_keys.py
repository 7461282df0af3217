"""The panel's page by itself: the keyboard in a long transcript, the focus, a view beside the notebook, long prompts."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import BUSY, SETTINGS, View, turn
from page_views import PYTHON, view  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = "() => document.activeElement.getAttribute('aria-label')"


def test_there_are_few_stops_before_the_prompt_in_a_long_chat(view: Callable[..., View]) -> None:
    code = PYTHON.format("x = 1")
    page = view([turn(f"1.{number}", f"prompt {number}", code) for number in range(20)])
    page.root().get_by_label("Conversation", exact=True).focus()
    stops: list[str] = []
    while "Prompt" not in stops and len(stops) < 40:
        page.page.keyboard.press("Tab")
        stops.append(page.page.evaluate(NOW))
    assert len(stops) <= 11, stops
    assert "Asked: prompt 19" in stops
    assert "Asked: prompt 18" not in stops


def test_arrows_walk_through_the_turns(view: Callable[..., View]) -> None:
    page = view([turn(f"1.{number}", f"prompt {number}", "<p>a</p>") for number in range(5)])
    page.root().locator(".qwen-log").focus()
    seen = []
    for key in ("Tab", "ArrowUp", "ArrowUp", "ArrowDown", "Home", "ArrowUp", "End"):
        page.page.keyboard.press(key)
        seen.append(page.page.evaluate(NOW))
    assert seen == [f"Asked: prompt {number}" for number in (4, 3, 2, 3, 0, 0, 4)]
    page.page.keyboard.press("Home")
    page.page.keyboard.press("Tab")
    assert page.page.evaluate(NOW) == "Copy answer"
    for _ in range(4):
        page.page.keyboard.press("Tab")
    assert page.page.evaluate(NOW) == "Prompt"
    for _ in range(2):
        page.page.keyboard.press("Shift+Tab")
    assert page.page.evaluate(NOW) == "Delete turn", "after To the end"
    assert page.page.evaluate("() => document.activeElement.closest('.qwen-turn').dataset.key") == "1.0"
    for _ in range(4):
        page.page.keyboard.press("Shift+Tab")
    assert page.page.evaluate(NOW) == "Asked: prompt 0"
    page.page.keyboard.press("Shift+Tab")
    assert page.page.evaluate(NOW) == "Transcript"


def test_escape_goes_to_the_prompt(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    page.root().locator(".qwen-log").press("Escape")
    assert page.page.evaluate(NOW) == "Prompt"
    page.set("activity", BUSY)
    page.root().locator(".qwen-log").press("Escape")
    assert page.sent() == [{"action": "stop"}]


def test_a_panel_that_was_just_opened_takes_the_focus_from_nobody_who_writes(view: Callable[..., View]) -> None:
    page = view()
    name = page.page.evaluate("sent.find(one => one.action === 'ready').view")
    page.op("focus", view="another")
    assert page.page.evaluate(NOW) is None
    page.op("focus", view=name)
    assert page.page.evaluate(NOW) == "Prompt"
    page.page.evaluate(
        "() => { document.body.insertAdjacentHTML('beforeend', '<div id=cell contenteditable=true>x = 1</div>');"
        " document.querySelector('#cell').focus(); }"
    )
    page.op("focus", view=name)
    assert page.page.evaluate("document.activeElement.id") == "cell"


def test_it_looks_for_news_when_it_gets_the_focus(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    for _ in range(3):
        page.root().locator(".qwen-log").focus()
        page.prompt.focus()
    assert page.page.evaluate("sent.filter(one => one.action === 'look').length") == 1
    page.page.wait_for_timeout(2100)
    page.root().locator(".qwen-log").focus()
    assert page.page.evaluate("sent.filter(one => one.action === 'look').length") == 2


def test_the_panel_is_never_higher_than_most_of_the_window(view: Callable[..., View]) -> None:
    page = view(traits={"height": 2000})
    page.page.set_viewport_size({"width": 700, "height": 1000})
    assert page.root().bounding_box()["height"] == 800
    page.page.set_viewport_size({"width": 700, "height": 500})
    assert page.root().bounding_box()["height"] == 360, "the front end's bars need their place, too"


def test_its_height_is_dragged_and_kept(view: Callable[..., View]) -> None:
    page = view()
    box = page.root().bounding_box()
    corner = box["x"] + box["width"] - 4, box["y"] + box["height"] - 4
    page.page.mouse.move(*corner)
    page.page.mouse.down()
    page.page.mouse.move(corner[0], corner[1] - 100, steps=4)
    page.page.mouse.up()
    assert abs(page.root().bounding_box()["height"] - (box["height"] - 100)) <= 2
    assert abs(page.page.evaluate("traits.height") - 380) <= 2
    page.set("activity", BUSY)
    assert abs(page.root().bounding_box()["height"] - (box["height"] - 100)) <= 2


def test_beside_the_notebook_it_fills_its_view(view: Callable[..., View]) -> None:
    page = view()
    page.page.evaluate(
        "() => { const dock = document.querySelector('main');"
        " Object.assign(dock, {className: 'jp-LinkedOutputView'}).style.cssText = 'height: 650px; overflow: auto';"
        " dock.replaceChildren(); }"
    )
    page.add()
    page.page.wait_for_function("document.querySelector('.qwen-panel').offsetHeight > 600")
    dock = page.page.locator(".jp-LinkedOutputView")
    assert dock.evaluate("one => one.scrollHeight <= one.clientHeight"), "two scrollbars"
    dock.evaluate("one => { one.style.height = '300px'; }")
    page.page.wait_for_function("document.querySelector('.qwen-panel').offsetHeight < 300")
    assert page.page.evaluate("traits.height") == 480


def test_a_long_prompt_is_folded(view: Callable[..., View]) -> None:
    pasted = "\n".join(f"line {number}" for number in range(60))
    page = view([turn("1.0", pasted, "<p>a</p>"), turn("1.1", "short\nprompt", "<p>b</p>")])
    prompt = page.root().locator(".qwen-prompt").first
    assert "60 lines" in prompt.inner_text()
    assert "line 40" not in prompt.inner_text()
    prompt.locator("summary").click()
    assert prompt.locator("details > div").text_content() == pasted
    assert page.root().locator(".qwen-prompt details").count() == 1
    page.button("Edit prompt").first.click()
    assert page.root().get_by_label("Edited prompt").input_value() == pasted


def test_without_the_front_ends_commands_code_is_picked_by_the_kernel(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", PYTHON.format("x = 1"))])
    page.button("To a cell").click()
    assert page.sent() == [{"action": "code", "text": "x = 1", "language": "python"}]
    page.op("say", text="Run %qwen code.", kind="code")
    page.op("say", text="", kind="info")
    assert page.root().locator(".qwen-notice").is_visible()
    page.op("say", text="", kind="code")
    assert page.root().locator(".qwen-notice").is_hidden()


def test_an_empty_panel_offers_to_go_on(view: Callable[..., View]) -> None:
    none = {"id": None, "name": ""}
    page = view()
    assert page.root().locator(".qwen-resume").is_hidden()
    page.set("settings", {**SETTINGS, "conversation": none, "earlier": {"id": 5, "name": "restart", "turns": 7}})
    page.button("Go on with 'restart' (7 turns)").click()
    assert page.sent() == [{"action": "set", "name": "conversation", "value": 5}]
    page.set("settings", SETTINGS)
    assert page.root().locator(".qwen-resume").is_hidden()
