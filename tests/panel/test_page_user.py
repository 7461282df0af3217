"""The panel's page by itself, in a real browser: what its user does, and what the kernel is told of it."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from harness import BUSY, IDLE, SETTINGS, View, turn
from page_views import PYTHON, live, view  # noqa: F401 - fixtures, too

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_composers_keys(view: Callable[..., View]) -> None:
    page = view()
    box = page.prompt
    box.fill("one")
    box.press("Shift+Enter")
    page.page.keyboard.type("two")
    assert box.input_value() == "one\ntwo"
    low = box.bounding_box()["height"]
    box.press("Shift+Enter")
    box.press("Shift+Enter")
    assert box.bounding_box()["height"] > low + 20
    box.fill("\n".join("x" * 60))
    assert box.bounding_box()["height"] < 200
    box.fill("one\ntwo")
    assert page.sent() == []
    box.press("Enter")
    assert page.sent() == [{"action": "send", "text": "one\ntwo"}]
    assert box.input_value() == ""
    box.press("Enter")
    page.page.keyboard.type("  ")
    box.press("Enter")
    assert page.sent() == []
    box.fill("")
    box.press("ArrowUp")
    assert box.input_value() == "one\ntwo"
    box.fill("x")
    box.press("ArrowUp")
    assert box.input_value() == "x"
    page.button("Send").click()
    assert page.sent() == [{"action": "send", "text": "x"}]
    assert box.evaluate("box => box === document.activeElement")
    assert page.page.evaluate("keys") == [], "the front end has heard keys"
    assert page.root().get_attribute("data-lm-suppress-shortcuts") == "true"


def test_the_last_prompt_comes_from_the_transcript(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first"), turn("1.1", "last\nof all")])
    page.prompt.press("ArrowUp")
    assert page.prompt.input_value() == "last\nof all"


@pytest.mark.parametrize("init", [{"isComposing": True}, {"keyCode": 229}])
def test_nothing_is_sent_while_an_input_method_composes(live: View, init: dict[str, Any]) -> None:
    live.prompt.fill("\u65e5\u672c")
    dispatch = "(e, i) => e.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, cancelable: true, ...i}))"
    for key in ("Enter", "Escape"):
        live.prompt.evaluate(dispatch, {"key": key, **init})
    assert live.sent() == []
    live.prompt.evaluate(dispatch, {"key": "Enter", "keyCode": 13})
    assert live.sent() == [{"action": "send", "text": "\u65e5\u672c"}]


def test_a_real_input_method(live: View) -> None:
    live.prompt.focus()
    session = live.page.context.new_cdp_session(live.page)
    session.send("Input.imeSetComposition", {"text": "\u306b\u307b", "selectionStart": 2, "selectionEnd": 2})
    live.prompt.evaluate("e => e.dispatchEvent(new InputEvent('input', {isComposing: true}))")
    assert live.prompt.input_value() == "\u306b\u307b"
    session.send("Input.insertText", {"text": "\u65e5\u672c"})
    live.prompt.press("Enter")
    assert live.sent() == [{"action": "send", "text": "\u65e5\u672c"}]


def test_escape_stops_and_cancels(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    page.prompt.press("Escape")
    assert page.sent() == []
    assert page.button("Stop").is_hidden()
    page.set("activity", {**BUSY, "stop": "later"})
    assert "when the running cell ends" in page.button("Stop").get_attribute("title")
    page.root().locator(".qwen-log").press("Escape")
    page.button("Edit prompt").click()
    page.page.keyboard.press("Escape")
    assert page.sent() == [{"action": "stop"}]
    assert page.root().get_by_label("Edited prompt").count() == 0
    assert page.button("Edit prompt").evaluate("one => one === document.activeElement")
    page.button("Stop").focus()
    page.button("Stop").press("Enter")
    assert page.sent() == [{"action": "stop"}]
    page.set("activity", IDLE)
    assert page.prompt.evaluate("box => box === document.activeElement"), "the focus is lost"


def test_the_queue(live: View) -> None:
    assert live.button("Send").inner_text().strip() == "Queue"
    live.set("activity", {**BUSY, "queue": ["first", "second\nline"]})
    queue = live.root().locator(".qwen-queue")
    assert queue.locator("div > span").all_inner_texts() == ["first", "second line"]
    queue.get_by_role("button", name="Remove", exact=True).nth(1).click()
    live.button("Stop and send now").click()
    assert live.sent() == [{"action": "unqueue", "index": 1}, {"action": "hurry"}]
    live.set("activity", {**IDLE, "queue": ["first"]})
    live.button("Send now").click()
    assert live.sent() == [{"action": "hurry"}]
    live.set("activity", IDLE)
    assert queue.is_hidden()
    assert live.button("Send").inner_text().strip() == "Send"


def test_a_prompt_is_edited_in_its_place(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first\nprompt", "<p>a</p>")])
    page.button("Edit prompt").click()
    box = page.root().get_by_role("textbox", name="Edited prompt", exact=True)
    assert box.input_value() == "first\nprompt"
    assert page.root().locator(".qwen-prompt").is_hidden()
    page.op("turn", turn=turn("1.0", "first\nprompt", "<p>b</p>"), before="")
    assert page.root().locator(".qwen-prompt").is_hidden()
    page.button("Cancel").click()
    assert page.root().locator(".qwen-prompt").is_visible()
    page.button("Edit prompt").click()
    box.fill("another")
    box.press("Shift+Enter")
    page.page.keyboard.type("line")
    box.press("Enter")
    assert page.sent() == [{"action": "edit", "key": "1.0", "text": "another\nline"}]
    page.button("Edit prompt").click()
    page.button("Send again").click()
    assert page.sent() == [{"action": "edit", "key": "1.0", "text": "first\nprompt"}]


def test_what_cannot_be_undone_asks_again(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    page.button("Settings").click()
    for name, question, action in (
        ("Delete turn", "Really delete?", {"action": "delete", "key": "1.0"}),
        ("Clear conversation", "Really clear?", {"action": "clear"}),
    ):
        page.button(name).click()
        assert page.sent() == []
        page.button("New conversation").focus()  # thought better of it
        page.button(name).click()
        assert page.sent() == []
        page.button(question).click()
        assert page.sent() == [action]
        assert page.button(name).is_visible()


def test_versions_and_the_other_actions(view: Callable[..., View]) -> None:
    can = ["continue", "regenerate", "edit", "delete"]
    page = view([turn("1.0", "first", "<p>a</p>", version=[1, 3], can=can)])
    assert page.button("Earlier version").is_disabled()
    for name in ("Later version", "Continue", "Regenerate"):
        page.button(name).click()
    key = {"key": "1.0"}
    assert page.sent() == [
        {"action": "version", **key, "step": 1},
        {"action": "continue", **key},
        {"action": "regenerate", **key},
    ]
    page.op("turn", turn=turn("1.0", "first", "<p>c</p>", version=[3, 3]), before="")
    assert page.button("Later version").is_disabled()
    page.button("Earlier version").click()
    assert page.sent() == [{"action": "version", **key, "step": -1}]
    assert page.button("Continue").is_hidden()
    page.op("turn", turn=turn("1.0", "first"), before="")
    assert page.button("Earlier version").is_hidden()
    assert page.root().locator(".qwen-version").is_hidden()
    assert page.button("Copy answer").is_hidden()


@pytest.mark.parametrize("clipboard", [True, False])
def test_copying(view: Callable[..., View], clipboard: bool) -> None:
    code = PYTHON.format('<span class="tok-k">if</span> a &lt; 1:\n    b\n')
    page = view([turn("1.0", "first", "<p>a</p>", code, text="# the *Markdown*")])
    if not clipboard:
        page.page.evaluate("Object.defineProperty(navigator.clipboard, 'writeText', {value: () => Promise.reject()})")
    read = "navigator.clipboard.readText()"
    page.button("Copy answer").click()
    page.page.wait_for_function("document.querySelector('.qwen-live').textContent.trim() === 'Copied.'")
    assert page.page.evaluate(read) == "# the *Markdown*"
    page.button("Copy code").click()
    page.page.wait_for_function("document.querySelector('.qwen-tools button').textContent.trim() === 'Copied'")
    assert page.page.evaluate(read) == "if a < 1:\n    b\n"
    page.page.wait_for_function("document.querySelector('.qwen-tools button').textContent.trim() === 'Copy code'")
    page.button("To a cell").click()
    assert page.sent() == [{"action": "code", "text": "if a < 1:\n    b\n", "language": "python"}]


def test_code_that_still_grows_has_its_tools(live: View) -> None:
    live.delta(add='<pre class="qm-pre" data-language="python"><code>a = 1\n')
    live.page.evaluate("window.tool = document.querySelector('.qwen-tools button')")
    live.button("Copy code").focus()
    live.delta("1.0", PYTHON.format('a = 1\n<span class="tok-k">if</span>\n'), add="<p>and")
    assert live.page.evaluate("tool.isConnected && tool === document.activeElement")
    live.button("To a cell").click()
    assert live.sent() == [{"action": "code", "text": "a = 1\nif\n", "language": "python"}]


def test_settings(view: Callable[..., View]) -> None:
    page = view()
    toggle, box = page.button("Settings"), page.root().locator(".qwen-settings")
    assert (toggle.get_attribute("aria-expanded"), box.is_hidden()) == ("false", True)
    toggle.click()
    assert (toggle.get_attribute("aria-expanded"), box.is_visible()) == ("true", True)
    values = {"Target": "local", "Model": "m", "System prompt": "Be short.", "Temperature": "0.5", "Max tokens": "50"}
    for label, value in values.items():
        field = page.root().get_by_label(label, exact=True)
        field.fill(value)
        field.blur()
    page.root().get_by_label("Max tokens", exact=True).fill("")
    page.root().get_by_label("Max tokens", exact=True).blur()
    page.root().get_by_label("Conversation", exact=True).select_option("1")
    page.button("New conversation").click()
    page.button("Export as Markdown").click()
    sent = page.sent()
    assert sent.pop(1) == {"action": "models"}  # the target is asked when the list of them opens
    assert sent[:-2] == [
        {"action": "set", "name": name, "value": value}
        for name, value in [
            ("target", "local"),
            ("model", "m"),
            ("system", "Be short."),
            ("temperature", 0.5),
            ("max_tokens", 50),
            ("max_tokens", ""),
            ("conversation", 1),
        ]
    ]
    assert sent[-2] == {"action": "new"}
    assert sent[-1]["action"] == "export"
    with page.page.expect_download() as download:
        page.op("file", view=sent[-1]["view"], name="Talk.md", text="# T\u00e4lk")
    assert download.value.suggested_filename == "Talk.md"
    assert download.value.path().read_text(encoding="utf-8") == "# T\u00e4lk"


def test_settings_are_shown_as_the_kernel_has_them(view: Callable[..., View]) -> None:
    page = view()
    page.button("Settings").click()
    target, system = (page.root().get_by_label(name, exact=True) for name in ("Target", "System prompt"))
    assert target.get_attribute("placeholder") == "space:Qwen/Qwen3-Demo"
    target.press("ArrowDown")
    choices = page.root().locator(f"#{target.get_attribute('aria-controls')} > li")
    assert choices.all_inner_texts() == ["qwen-2-72b", "local"]
    target.fill("nonsense")
    system.fill("while I write")
    page.set("settings", {**SETTINGS, "system": "from elsewhere", "temperature": 0.25})
    assert system.input_value() == "while I write"
    assert page.root().get_by_label("Temperature", exact=True).input_value() == "0.25"
    page.op("say", text="Target names nothing.", kind="error", setting="target")
    assert target.input_value() == "nonsense", "what was typed is lost"
    assert target.get_attribute("aria-invalid") == "true"
    page.set("settings", {**SETTINGS, "model": "other"})
    assert target.input_value() == "nonsense"
    target.fill("local")
    target.blur()
    assert page.sent()[-1] == {"action": "set", "name": "target", "value": "local"}
    assert target.get_attribute("aria-invalid") == "false"
    page.set("settings", {**SETTINGS, "target": "local"})
    assert target.input_value() == "local"
    page.set("settings", {**SETTINGS, "conversation": {"id": None, "name": ""}, "stays": True})
    picker = page.root().get_by_label("Conversation", exact=True)
    assert picker.input_value() == ""
    assert picker.is_disabled()
    assert picker.locator("option").all_inner_texts() == ["New conversation", "First (3)", "Second (1)"]


def test_the_draft_is_told_at_most_twice_a_second(view: Callable[..., View]) -> None:
    page = view()
    page.prompt.focus()
    for _ in range(24):
        page.page.keyboard.type("k")
        page.page.wait_for_timeout(50)
    page.page.wait_for_timeout(600)
    saved = page.page.evaluate("saved")
    assert saved[-1][1] == "k" * 24
    assert len(saved) >= 2
    assert all(later[0] - sooner[0] > 450 for sooner, later in pairwise(saved))
    page.prompt.press("Enter")
    assert page.page.evaluate("saved.at(-1)[1]") == ""


def test_the_keyboard_reaches_everything_in_order(view: Callable[..., View]) -> None:
    page = view(
        [turn("1.0", "first", PYTHON.format("1"), version=[2, 3], can=["continue", "regenerate", "edit", "delete"])]
    )
    page.root().get_by_label("Conversation", exact=True).focus()
    names, rings = [], []
    for _ in range(20):
        name, ring = page.page.evaluate(
            "() => { const e = document.activeElement;"
            " return [e.getAttribute('aria-label'), getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth]; }"
        )
        names.append(name)
        rings.append(ring)
        if name == "Send":
            break
        page.page.keyboard.press("Tab")
    assert names == [
        "Conversation",
        "New conversation",
        "Settings",
        "Transcript",
        "Asked: first",
        "Copy code",
        "To a cell",
        "Copy answer",
        "Regenerate",
        "Edit prompt",
        "Continue",
        "Delete turn",
        "Earlier version",
        "Later version",
        "Prompt",
        "Attach files",
        "Send",
    ]
    assert set(rings) == {"solid2px"}


def test_a_refused_prompt_comes_back_on_the_page_that_sent_it(view: Callable[..., View]) -> None:
    page = view()
    page.prompt.fill("What is {nothing}?")
    page.prompt.press("Enter")
    assert page.prompt.input_value() == ""
    page.op("say", text="There is no variable nothing.", kind="error", unsent="Another page's.")
    assert page.prompt.input_value() == ""
    page.op("say", text="There is no variable nothing.", kind="error", unsent="What is {nothing}?")
    assert page.prompt.input_value() == "What is {nothing}?"
    page.prompt.fill("the next one")
    page.op("say", text="There is no variable nothing.", kind="error", unsent="What is {nothing}?")
    assert page.prompt.input_value() == "the next one"


def test_what_is_sent_before_the_kernel_has_answered_is_sent_then(view: Callable[..., View]) -> None:
    page = view(connect=False)
    page.prompt.fill("Hello?")
    page.prompt.press("Enter")
    assert page.prompt.input_value() == "Hello?"
    assert "send" not in page.page.evaluate("sent.map(one => one.action)")
    page.op("reset", view="", turns=[turn("1.0", "first")])
    assert page.page.evaluate("sent.at(-1)") == {"action": "send", "text": "Hello?"}
    assert page.prompt.input_value() == ""
    page.op("reset", view="", turns=[turn("1.0", "first")])
    assert page.page.evaluate("sent.filter(one => one.action === 'send').length") == 1


def test_what_is_changed_after_it_was_sent_too_early_waits(view: Callable[..., View]) -> None:
    page = view(connect=False)
    page.prompt.fill("Hello?")
    page.prompt.press("Enter")
    page.prompt.fill("Hello? And more")
    page.op("reset", view="", turns=[])
    assert page.prompt.input_value() == "Hello? And more"
    assert "send" not in page.page.evaluate("sent.map(one => one.action)")
