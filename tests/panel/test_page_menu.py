"""The panel's page by itself: the list of conversations, and the fields with lists for target and model, by keyboard."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness import SETTINGS, View, turn
from page_views import view  # noqa: F401 - a fixture
from support.browsers import missing

if TYPE_CHECKING:
    from collections.abc import Callable

OPENER = "Conversations: search, rename, pin, delete"
USED = "2026-11-01 10:00"
FIRST = {"id": 1, "name": "First", "turns": 3, "pinned": True, "used": USED, "excerpt": ""}
SECOND = {"id": 2, "name": "Second", "turns": 1, "pinned": False, "used": USED, "excerpt": "<b>whales</b> breathe"}
THIRD = {"id": 3, "name": "<img src=/x>", "turns": 2, "pinned": False, "used": USED, "excerpt": ""}
HERE = "() => [document.activeElement.ariaLabel ?? document.activeElement.innerText.split('\\n')[0],"
HERE += " document.activeElement.dataset.act ?? ''].join('|')"


class Menu:
    """A page with its list of conversations open."""

    def __init__(self, page: View) -> None:
        self.page = page
        page.button(OPENER).click()
        (asked,) = page.sent()
        assert (asked["action"], asked["words"]) == ("find", "")
        self.view = asked["view"]
        self.found(FIRST, SECOND, THIRD)

    def found(self, *conversations: dict[str, Any], words: str = "", more: int = 0) -> None:
        self.page.op("found", view=self.view, words=words, conversations=list(conversations), more=more)

    def press(self, *keys: str) -> str:
        """Press keys, and say where the focus is then."""
        for key in keys:
            self.page.page.keyboard.press(key)
        return str(self.page.page.evaluate(HERE))

    @property
    def rows(self) -> list[str]:
        return list(self.page.root().locator(".qwen-found b").all_inner_texts())


@pytest.fixture
def menu(view: Callable[..., View]) -> Menu:
    return Menu(view([turn("1.0", "first", "<p>a</p>")]))


def test_the_list_is_walked_through_and_a_conversation_opened_by_keyboard(menu: Menu) -> None:
    assert menu.rows == ["First", "Second", "<img src=/x>"]
    assert menu.page.requests.count("/x") == 0
    assert menu.page.root().locator(".qwen-found").nth(1).locator("[aria-current=true]").count() == 1
    assert menu.press() == "Search conversations|"
    assert menu.press("ArrowDown") == "First|open"
    assert menu.press("ArrowDown", "ArrowRight") == "Pin Second|pin"
    assert menu.press("ArrowUp") == "Pin First|pin"
    assert menu.press("End", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight") == "Delete <img src=/x>|remove"
    assert menu.press("Home", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp") == "Search conversations|"
    assert menu.press("Tab") == "First|open", "one stop for the whole list"
    assert menu.press("Tab") == "Transcript|"
    assert menu.press("Shift+Tab", "ArrowDown", "Enter") == "Prompt|"
    assert menu.page.sent() == [{"action": "set", "name": "conversation", "value": 2}]
    assert menu.page.root().locator(".qwen-list").is_hidden()
    menu.page.button(OPENER).click()
    assert menu.press("Escape") == f"{OPENER}|conversations"
    assert menu.page.page.evaluate("keys") == [], "the front end has heard keys"


def test_words_are_searched_when_the_typing_ends(menu: Menu) -> None:
    menu.page.page.keyboard.type("whales")
    menu.page.page.wait_for_function("sent.some(one => one.words === 'whales')")
    menu.found(FIRST)  # the answer to what was asked before
    assert len(menu.rows) == 3
    menu.found(SECOND, words="whales", more=4)
    assert menu.rows == ["Second"]
    assert menu.page.root().locator(".qwen-found").inner_text().endswith("<b>whales</b> breathe")
    assert menu.page.live == "5 found."
    assert "4 more" in menu.page.root().locator(".qwen-note").inner_text()
    menu.found(words="whales")
    assert menu.page.root().locator(".qwen-note").inner_text() == "Nothing was found."
    menu.found(SECOND, words="whales")
    menu.page.sent()
    assert menu.press("Enter") == "Prompt|"
    assert menu.page.sent() == [{"action": "set", "name": "conversation", "value": 2}]


def test_a_name_that_is_refused_stays_to_be_mended(menu: Menu) -> None:
    assert menu.press("ArrowDown", "ArrowRight", "ArrowRight", "Enter") == "New name of First|"
    menu.page.page.keyboard.type("Second")
    assert menu.press("Enter") == "New name of First|"
    assert menu.page.sent() == [{"action": "rename", "conversation": 1, "name": "Second"}]
    menu.page.op("say", text="there is already a conversation 'Second'", kind="error", setting="conversation")
    field = menu.page.root().get_by_label("New name of First", exact=True)
    assert (field.input_value(), field.get_attribute("aria-invalid")) == ("Second", "true")
    menu.found(SECOND, FIRST, THIRD)  # something else has changed
    assert (field.input_value(), menu.press()) == ("Second", "New name of First|")
    menu.page.page.keyboard.type(" one")
    menu.press("Enter")
    assert menu.page.sent() == [{"action": "rename", "conversation": 1, "name": "Second one"}]
    menu.found({**FIRST, "name": "Second one"}, SECOND, THIRD)
    assert menu.press() == "Rename Second one|name"
    assert menu.press("Enter") == "New name of Second one|"
    assert menu.press("x", "Escape") == "Rename Second one|name"
    assert menu.page.sent() == []
    assert menu.rows[0] == "Second one"


def test_pins_and_a_second_press_that_deletes(menu: Menu) -> None:
    assert menu.press("ArrowDown", "ArrowDown", "ArrowRight", "Enter") == "Pin Second|pin"
    assert menu.page.sent() == [{"action": "pin", "conversation": 2, "pinned": True}]
    menu.found({**SECOND, "pinned": True}, FIRST, THIRD)
    assert menu.press() == "Pin Second|pin", "the focus goes along"
    assert menu.page.button("Pin Second").get_attribute("aria-pressed") == "true"
    assert menu.press("ArrowRight", "ArrowRight", "Enter") == "Really delete?|remove"
    assert menu.press("ArrowDown", "ArrowUp") == "Delete Second|remove", "thought better of it"
    assert menu.press("Enter") == "Really delete?|remove"
    menu.found({**SECOND, "turns": 2}, FIRST, THIRD)
    assert menu.press() == "Delete Second|remove", "what was moved asks again"
    assert menu.page.sent() == []
    menu.press("Enter", "Enter")
    assert menu.page.sent() == [{"action": "remove", "conversation": 2}]
    menu.found(FIRST, THIRD)
    assert menu.press() == "Delete First|remove"
    menu.found()
    assert menu.press() == "Search conversations|"


def test_what_changes_elsewhere_is_asked_for_while_the_list_is_open(menu: Menu) -> None:
    menu.page.set("settings", {**SETTINGS, "temperature": 0.5})
    assert [action["action"] for action in menu.page.sent()] == ["find"]
    menu.page.button("Settings").click()
    assert menu.page.root().locator(".qwen-list").is_hidden(), "there is room for one of them"
    menu.page.set("settings", SETTINGS)
    assert menu.page.sent() == []
    menu.page.button(OPENER).click()
    assert menu.page.root().locator(".qwen-settings").is_hidden()
    assert menu.page.button("Settings").get_attribute("aria-expanded") == "false"
    menu.page.set("settings", {**SETTINGS, "stays": True})
    assert menu.page.button(OPENER).is_hidden()


def test_pinned_conversations_are_first_in_the_picker(view: Callable[..., View]) -> None:
    first, second = ({"id": 1, "name": "First", "turns": 3}, {"id": 2, "name": "Second", "turns": 1})
    page = view()
    page.set("settings", {**SETTINGS, "conversations": [{**second, "pinned": True}, {**first, "pinned": False}]})
    picker = page.root().get_by_label("Conversation", exact=True)
    assert picker.locator("optgroup").evaluate_all("all => all.map(one => one.label)") == ["Pinned", "Others"]
    assert picker.locator("option").all_inner_texts() == ["Second (1)", "First (3)"]
    assert picker.input_value() == "2"


def test_a_model_is_chosen_from_the_targets_list_by_keyboard(view: Callable[..., View]) -> None:
    page = view()
    page.button("Settings").click()
    field = page.root().get_by_role("combobox", name="Model", exact=True)
    options = page.root().locator(".qwen-options:visible li")
    field.focus()
    assert field.get_attribute("aria-expanded") == "false"
    field.press("ArrowDown")
    assert page.sent() == [{"action": "models"}]
    assert options.all_inner_texts() == ["qwen3-8b", "qwen3-32b"]
    many = [f"qwen3-{size}b" for size in (8, 32, 235)]
    page.set("settings", {**SETTINGS, "models": many})  # they came while the list was open
    assert options.all_inner_texts() == many
    active = page.root().locator(f"#{field.get_attribute('aria-activedescendant')}")
    assert (active.inner_text(), active.get_attribute("aria-selected")) == ("qwen3-8b", "true")
    page.page.keyboard.type("B 2")
    assert options.all_inner_texts() == ["qwen3-32b", "qwen3-235b"]
    assert page.live == "2 to choose from"
    field.press("ArrowUp")
    field.press("Enter")
    assert (field.input_value(), field.get_attribute("aria-expanded")) == ("qwen3-235b", "false")
    assert page.sent() == [{"action": "set", "name": "model", "value": "qwen3-235b"}]
    field.press("ArrowDown")
    assert options.count() == 3, "what was chosen hides no other"
    field.press("Escape")
    assert options.count() == 0
    assert field.evaluate("field => field === document.activeElement")
    assert [action["action"] for action in page.sent()] == ["models"], "Escape stopped the answer, too"
    field.fill("one-of-my-own")
    assert "what you typed is used" in page.root().locator(".qwen-hint:visible").inner_text()
    field.press("Enter")
    field.blur()
    assert page.sent() == [{"action": "models"}, {"action": "set", "name": "model", "value": "one-of-my-own"}]
    assert page.page.evaluate("keys") == []


def test_a_target_is_chosen_with_the_mouse(view: Callable[..., View]) -> None:
    page = view()
    page.button("Settings").click()
    field = page.root().get_by_role("combobox", name="Target", exact=True)
    field.click()
    page.root().get_by_role("option", name="local").click()
    assert page.root().locator(".qwen-options:visible li").count() == 0
    assert field.input_value() == "local"
    field.blur()
    assert page.sent() == [{"action": "set", "name": "target", "value": "local"}]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_them(view: Callable[..., View], dark: bool) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    menu = Menu(view([turn("1.0", "first", "<p>a</p>")], dark=dark, width=560))
    menu.press("ArrowDown", "ArrowRight", "ArrowRight", "Enter")
    found = [Axe().run(menu.page.page, context=".qwen-panel").response]
    menu.page.button("Settings").click()
    menu.page.root().get_by_role("combobox", name="Model", exact=True).press("ArrowDown")
    found.append(Axe().run(menu.page.page, context=".qwen-panel").response)
    for response in found:
        assert len(response["passes"]) >= 10, "axe-core has looked at nothing"
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in response["violations"]] == []
    assert menu.page.root().evaluate("root => root.scrollWidth <= root.clientWidth"), "it is wider than its place"
