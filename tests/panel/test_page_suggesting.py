"""The panel's page by itself: names behind an @, commands behind a /, by the keyboard alone."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import BUSY, SETTINGS, View, turn
from page_views import view  # noqa: F401 - a fixture
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable


def suggestion(kind: str, name: str, text: str = "", detail: str = "") -> dict[str, str]:
    return {"kind": kind, "name": name, "detail": detail, "text": text}


FOUND = [
    suggestion("variable", "sales", "{sales}", "DataFrame"),
    suggestion("cell", "In[3]", "{In[3]}", "sales.plot()"),
    suggestion("file", "sales.csv"),
    suggestion("folder", "sales/", "@sales/"),
    suggestion("conversation", "Sales of <b>May</b>", "", "3 turns"),
]


def type_(page: View, text: str) -> None:
    """Type at the end of what stands in the composer."""
    page.prompt.focus()
    page.page.keyboard.type(text)


def asked(page: View) -> str:
    """Give what the kernel was asked to complete last."""
    found = [action["typed"] for action in page.sent() if action["action"] == "complete"]
    return found[-1] if found else ""


def answer(page: View, typed: str, *found: dict[str, str]) -> Any:
    """Let the kernel answer; give the list."""
    name = page.page.evaluate("sent.view ?? document.querySelector('.qwen-suggestions').id.replace('-suggestions', '')")
    page.op("suggest", view=name, typed=typed, suggestions=list(found))
    return page.root().locator(".qwen-suggestions")


def test_a_name_is_chosen_by_the_keyboard(view: Callable[..., View]) -> None:
    page = view()
    type_(page, "Plot @sal")
    assert asked(page) == "@sal"
    listed = answer(page, "@sal", *FOUND)
    expect(listed).to_be_visible()
    expect(listed.get_by_role("option")).to_have_count(5)
    expect(listed.locator("b")).to_have_count(0)
    expect(listed.locator("[aria-selected=true]")).to_contain_text("sales")
    assert page.prompt.get_attribute("aria-activedescendant") == listed.get_by_role("option").first.get_attribute("id")
    assert page.prompt.get_attribute("aria-controls") == listed.get_attribute("id")
    assert "5 suggestions" in page.live
    page.page.keyboard.press("ArrowDown")
    expect(listed.locator("[aria-selected=true]")).to_contain_text("In[3]")
    page.page.keyboard.press("Enter")
    expect(page.prompt).to_have_value("Plot {In[3]}")
    expect(listed).to_be_hidden()
    assert page.prompt.get_attribute("aria-activedescendant") is None
    assert [action for action in page.sent() if action["action"] == "send"] == []
    page.page.keyboard.press("Control+z")
    expect(page.prompt).to_have_value("Plot @sal")


def test_a_file_goes_along(view: Callable[..., View]) -> None:
    page = view()
    type_(page, "Read @sal")
    answer(page, "@sal", *FOUND[2:])
    page.page.keyboard.press("Tab")
    expect(page.prompt).to_have_value("Read ")
    (action,) = [action for action in page.sent() if action["action"] == "refer"]
    assert (action["kind"], action["name"]) == ("file", "sales.csv")
    expect(page.root().get_by_role("listitem")).to_have_text(["sales.csv, being read …"])
    type_(page, "@sal")
    listed = answer(page, "@sal", *FOUND[3:])
    listed.get_by_role("option").first.click()
    expect(page.prompt).to_have_value("Read @sales/")
    assert asked(page) == "@sales/", "what is in the folder"


def test_escape_closes_and_stops_nothing(view: Callable[..., View]) -> None:
    page = view()
    page.set("activity", BUSY)
    type_(page, "@sal")
    listed = answer(page, "@sal", *FOUND)
    page.page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    assert page.prompt.evaluate("one => one === document.activeElement")
    page.sent()
    page.page.keyboard.type("e")
    assert page.sent() == [], "what was dismissed comes again"
    page.page.keyboard.press("Enter")
    assert page.sent() == [{"action": "send", "text": "@sale"}]
    page.page.keyboard.press("Escape")
    assert page.sent() == [{"action": "stop"}]


def test_what_is_no_name_asks_nothing(view: Callable[..., View]) -> None:
    page = view()
    for text in ("me@example.org", "x = a @ b", "and/or", "1 /", "/etc/hosts is what"):
        page.prompt.fill("")
        page.sent()
        type_(page, text)
        assert asked(page) in ("", "@", "/", "/etc"), text
    listed = answer(page, "@sal", *FOUND)
    expect(listed).to_be_hidden()
    page.prompt.fill("")
    type_(page, "@sal")
    answer(page, "@sal")
    expect(listed).to_be_hidden()
    page.page.keyboard.press("Enter")
    assert page.sent()[-1] == {"action": "send", "text": "@sal"}


def test_an_input_method_has_its_keys(view: Callable[..., View]) -> None:
    page = view()
    type_(page, "@sal")
    listed = answer(page, "@sal", *FOUND)
    page.sent()
    for key in ("ArrowDown", "Enter", "Escape", "Tab"):
        options = {"key": key, "isComposing": True, "bubbles": True, "cancelable": True}
        page.prompt.dispatch_event("keydown", options)
    expect(listed).to_be_visible()
    expect(listed.locator("[aria-selected=true]")).to_contain_text("sales")
    expect(page.prompt).to_have_value("@sal")
    page.prompt.dispatch_event("compositionend", {"bubbles": True})
    assert asked(page) == "@sal"


def test_commands_do_what_they_say(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    type_(page, "/ne")
    assert asked(page) == "/ne"
    answer(page, "/ne", suggestion("command", "new", "/new"))
    page.page.keyboard.press("Enter")
    expect(page.prompt).to_have_value("")
    assert page.sent()[-1] == {"action": "new"}
    for text, action in [
        ("/stop", {"action": "stop"}),
        ("/model qwen3-8b", {"action": "set", "name": "model", "value": "qwen3-8b"}),
        ("/system Be brief.\nAnd kind.", {"action": "set", "name": "system", "value": "Be brief.\nAnd kind."}),
    ]:
        page.prompt.fill(text)
        page.prompt.press("Enter")
        expect(page.prompt).to_have_value("")
        assert page.sent()[-1] == action
    notice = page.root().locator(".qwen-notice")
    page.prompt.fill("/clear")
    page.sent()
    page.prompt.press("Enter")
    expect(notice).to_contain_text("press Enter once more")
    assert page.sent() == []
    page.prompt.press("Enter")
    assert page.sent() == [{"action": "clear"}]
    expect(notice).to_be_hidden()
    for text, said in [("/claer", "no command /claer"), ("/model", "/model NAME"), ("/system ", "/system TEXT")]:
        page.prompt.fill(text)
        page.sent()
        page.prompt.press("Enter")
        expect(notice).to_contain_text(said)
        expect(page.prompt).to_have_value(text)
        assert page.sent() == []
    for text in ("/etc/hosts", "/new ideas for a name?", "/tmp is full", "// a comment"):
        page.prompt.fill(text)
        page.sent()
        page.prompt.press("Enter")
        assert page.sent()[-1] == {"action": "send", "text": text}


def test_a_command_that_takes_more_asks_for_it(view: Callable[..., View]) -> None:
    page = view()
    type_(page, "/mo")
    answer(page, "/mo", suggestion("command", "model", "/model "))
    page.page.keyboard.press("Enter")
    expect(page.prompt).to_have_value("/model ")
    assert asked(page) == "/model "
    answer(page, "/model ", suggestion("model", "qwen3-8b", "/model qwen3-8b"))
    page.page.keyboard.press("Enter")
    expect(page.prompt).to_have_value("")
    assert page.sent()[-1] == {"action": "set", "name": "model", "value": "qwen3-8b"}


def test_visitors_of_an_app_have_neither(view: Callable[..., View]) -> None:
    page = view(traits={"settings": {**SETTINGS, "surroundings": "app"}})
    type_(page, "@sal")
    assert asked(page) == ""
    for text in ("/new", "/clear", "/frobnicate"):
        page.prompt.fill("")
        type_(page, text)
        page.page.keyboard.press("Enter")
        assert page.sent() == [{"action": "send", "text": text}]
