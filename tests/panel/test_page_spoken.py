"""What a screen reader is told of the panel: names, states, each answer once, and no focus that nobody moved."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import SETTINGS, streaming, turn
from page_views import view  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import View

CONTROLS = frozenset({"button", "checkbox", "combobox", "link", "option", "searchbox", "spinbutton", "textbox"})
NAMED = CONTROLS | {"article", "grid", "listbox", "list", "region"}
CONVERSATIONS: Any = SETTINGS["conversations"]
# All that the live region said, in its order.
HEAR = """
() => {
  const live = document.querySelector(".qwen-live");
  window.said = [];
  new MutationObserver(() => said.push(live.textContent.trim())).observe(live,
    {subtree: true, childList: true, characterData: true});
}
"""


def tree(page: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Give role, name and states of all that assistive technology is told of the page."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        (
            node["role"]["value"],
            node.get("name", {}).get("value", "").strip(),
            {one["name"]: one["value"].get("value") for one in node.get("properties", [])},
        )
        for node in nodes
        if not node["ignored"]
    ]


def test_an_answer_is_told_once_and_not_as_it_comes(view: Callable[..., View]) -> None:
    page = view([])
    page.page.evaluate(HEAR)
    page.op("turn", turn=streaming("1.0"), before="")
    for number in range(20):
        page.delta("1.0", f"<p>block {number}</p>", add="<p>more")
    code = '<pre data-language="python"><code>print(1)</code></pre>'
    page.op("turn", turn=turn("1.0", "p", "<p>One&nbsp;two.</p>", "<ul><li>a</li><li>b</li></ul>", code), before="")
    page.op("turn", turn=turn("1.0", "p", "<p>One&nbsp;two.</p>"), before="")  # told again by the kernel
    page.frame()
    assert page.page.evaluate("said") == ["Asked.", "Answer finished: One two. a b print(1)"]


def test_of_a_long_answer_the_beginning_is_told(view: Callable[..., View]) -> None:
    page = view([])
    page.op("turn", turn=streaming("1.0"), before="")
    page.op("turn", turn=turn("1.0", "p", f"<p>{'word ' * 2000}</p>"), before="")
    assert page.live.endswith("word \u2026 The rest is in the transcript.")
    assert len(page.live) < 1100


def test_an_answer_that_is_asked_for_anew_is_told_anew(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "p", "<p>a</p>")])
    page.page.evaluate(HEAR)
    page.op("turn", turn=streaming("1.0"), before="")
    page.op("turn", turn=turn("1.0", "p", "<p>b</p>"), before="")
    page.frame()
    assert page.page.evaluate("said") == ["Asked.", "Answer finished: b"]


def test_a_conversation_that_grows_is_the_same_option(view: Callable[..., View]) -> None:
    """A selected option that is made anew is told as if it had got the focus, in the middle of writing."""
    page = view([])
    new = {"id": "", "name": "New conversation"}
    page.set("settings", {**SETTINGS, "conversation": new, "conversations": CONVERSATIONS[:1]})
    picker = page.root().get_by_role("combobox", name="Conversation", exact=True)
    before = picker.evaluate("select => (window.before = [...select.options], select.value)")
    grown = [{**one, "turns": one["turns"] + 1} for one in CONVERSATIONS]
    page.set("settings", {**SETTINGS, "conversations": grown})
    assert picker.evaluate("select => [...select.options].every((one, at) => one === before[at])")
    assert picker.locator("option").all_inner_texts() == ["First (4)", "Second (2)"]
    assert (before, picker.input_value()) == ("", "2")
    page.set("settings", {**SETTINGS, "conversation": {"id": 1, "name": "First"}})
    assert picker.input_value() == "1"


def test_all_controls_have_a_name(view: Callable[..., View]) -> None:
    code = '<pre data-language="python"><code>print(1)</code></pre><p><a href="https://a.b">link</a></p>'
    done = turn("1.0", "first", code, "<table><tr><td>1</td></tr></table>", thinking="so", thought="thought for 2 s")
    page = view([turn("1.1", "q", "<p>a</p>", version=[1, 2], can=["regenerate", "edit", "delete", "continue"]), done])
    page.op("turn", turn=streaming("1.2"), before="")
    page.set("activity", {"streaming": True, "queue": ["next"], "stop": "now"})
    page.op("say", text="A notice.", kind="")
    page.button("Settings").click()
    page.root().get_by_role("combobox", name="Target").press("ArrowDown")
    found = tree(page.page)
    assert [role for role, name, _ in found if role in NAMED and not name] == []
    assert sum(role in CONTROLS for role, _, _ in found) > 25, "nothing was looked at"
    states = {name: properties for _, name, properties in found}
    assert states["Settings"]["expanded"] is True
    assert states["Asked: Hello?"]["busy"]
    page.root().get_by_role("combobox", name="Target").press("Escape")
    page.set("activity", {"streaming": False, "queue": [], "stop": "now"})
    page.button("Conversations: search, rename, pin, delete").click()
    (asked,) = [action for action in page.sent() if action["action"] == "find"]
    conversation = {"id": 1, "name": "First", "turns": 3, "pinned": True, "used": "today", "excerpt": ""}
    page.op("found", view=asked["view"], words="", conversations=[conversation], more=0)
    found = tree(page.page)
    assert [role for role, name, _ in found if role in NAMED and not name] == []
    states = {name: properties for _, name, properties in found}
    assert states["Settings"]["expanded"] is False
    assert any("pressed" in properties for _, _, properties in found), "the pin tells its state"


def test_what_a_button_asks_and_why_nothing_goes_on_is_told(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "p", "<p>a</p>")])
    page.button("Delete turn").click()
    assert page.live == "Really delete?"
    page.page.evaluate("() => { model.send = () => { throw new Error('Cannot send') } }")
    page.prompt.fill("are you there?")
    page.prompt.press("Enter")
    assert page.live.startswith("The kernel was restarted")
    assert page.prompt.is_disabled()
    assert page.prompt.input_value() == "are you there?"


def test_a_change_is_one_piece_for_the_live_region(view: Callable[..., View]) -> None:
    """A text that is changed from where it differs is two changes, and is told twice."""
    page = view([])
    page.page.evaluate(
        "() => { window.changes = []; new MutationObserver(all => changes.push(...all.map(one => one.type)))"
        ".observe(document.querySelector('.qwen-live'), {subtree: true, childList: true, characterData: true}) }"
    )
    for text in ("Answer finished: one", "Answer finished: two", "Answer finished: two"):
        page.op("say", text=text, kind="")
        page.frame()
    assert page.page.evaluate("changes") == ["childList"] * 3
