"""The panel's messages: kernel and page name the same types, and what a page sends is read or refused in one line."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
import typedefs
from harness import FILES
from hypothesis import given
from hypothesis import strategies as st
from saved_turns import is_saved_turn
from wire import check, check_state, fields_of

from qwen_magic.errors import UsageError
from qwen_magic.panel import protocol, state
from qwen_magic.panel.panel import ChatPanel
from qwen_magic.panel.reading import FIELDS, OtherVersionError, read_action
from qwen_magic.panel.saved import SAVED_TURNS
from qwen_magic.panel.script import page_script

PYTHON = tuple(FILES / f"{name}.py" for name in ("composing", "listing", "protocol", "state"))
SCRIPT = FILES / "page" / "protocol.js"
ACTIONS = get_args(protocol.Action)
GOOD: list[dict[str, Any]] = [
    {"action": "ready", "view": "qwen1", "version": 1},
    {"action": "send", "text": "Hello"},
    {"action": "edit", "key": "1.2", "text": "Hello"},
    *({"action": action, "key": "1.2"} for action in ("continue", "regenerate", "delete")),
    {"action": "version", "key": "1.2", "step": -1},
    *({"action": action} for action in ("stop", "hurry", "new", "clear", "look", "models")),
    {"action": "unqueue", "index": 0},
    {"action": "set", "name": "temperature", "value": 0.5},
    {"action": "set", "name": "conversation", "value": 7},
    {"action": "set", "name": "system", "value": "Be brief."},
    {"action": "set", "name": "model", "value": None},
    {"action": "export", "view": "qwen1"},
    {"action": "find", "view": "qwen1", "words": "two words"},
    {"action": "rename", "conversation": 7, "name": "other"},
    {"action": "pin", "conversation": 7, "pinned": True},
    {"action": "remove", "conversation": 7},
    {"action": "code", "text": "x = 1", "language": "python"},
    {"action": "attach", "id": "qwen1.1", "name": "a.png", "offset": 0, "data": "AAAA", "last": True},
    {"action": "detach", "id": "qwen1.1"},
    {"action": "refer", "id": "qwen1.1", "kind": "file", "name": "a.png"},
    {"action": "complete", "view": "qwen1", "typed": "@df"},
]
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
# Nearly right: the names of the fields are right, and some of the values.
values = json | st.sampled_from(["1.2", "target", "conversation", 1, -1, True, 1.0, float("nan"), 1 << 70, "\ud800"])
near = st.builds(
    lambda action, rest: {"action": action, **rest},
    st.sampled_from([*FIELDS, "", None, 5, "frobnicate"]),
    st.dictionaries(
        st.sampled_from(
            [
                "view",
                "version",
                "text",
                "key",
                "step",
                "index",
                "name",
                "value",
                "language",
                "words",
                "pinned",
                "id",
                "data",
            ]
        ),
        values,
    ),
)


def test_the_page_names_the_same_types() -> None:
    ours, theirs = typedefs.of_python(*PYTHON), typedefs.of_script(SCRIPT)
    assert len(ours) > 25
    assert list(theirs) == list(ours)
    for name, kind in ours.items():
        assert theirs[name] == kind


@pytest.mark.parametrize(
    ("found", "instead"),
    [("thinking?:", "thinking:"), ("before: string", "before: number"), ("DropOp |", ""), (", draft: string", "")],
)
def test_another_type_would_be_found(tmp_path: Any, found: str, instead: str) -> None:
    text = re.sub(r"\n \*  +", " ", SCRIPT.read_text(encoding="utf-8"))
    assert found in text
    (tmp_path / "panel.js").write_text(text.replace(found, instead, 1), encoding="utf-8")
    assert typedefs.of_script(tmp_path / "panel.js") != typedefs.of_python(*PYTHON)


def test_the_page_has_the_same_version() -> None:
    assert re.findall(r"^export const VERSION = (\d+);$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE) == [
        str(protocol.VERSION)
    ]


def test_the_page_does_each_op_and_sends_each_action() -> None:
    script = page_script()
    for kind in get_args(protocol.Op):
        (op,) = get_args(fields_of(kind)["op"])
        assert re.search(rf"^  {op}\(\{{", script, re.MULTILINE), op
    for action in FIELDS:
        assert re.search(rf'action: "{action}"|button\("{action}"|\b{action}: \(\) => ', script), action


def test_the_state_is_the_widgets() -> None:
    own = {name for name, trait in ChatPanel.class_own_traits().items() if trait.metadata.get("sync")}
    slots = {name for name in own if is_saved_turn(name)}
    assert len(slots) == SAVED_TURNS
    assert own - slots - {"_esm", "_css", "_anywidget_id"} == fields_of(state.PanelState).keys()


def test_every_action_is_read_by_its_type() -> None:
    found: dict[str, Any] = {}
    for kind in ACTIONS:
        fields = fields_of(kind)
        found |= {action: fields.keys() for action in get_args(fields.pop("action"))}
    assert {action: fields.keys() for action, fields in FIELDS.items()} == found
    assert found.keys() == {action["action"] for action in GOOD}


@pytest.mark.parametrize("action", GOOD, ids=str)
def test_a_good_action_is_taken_as_it_is(action: dict[str, Any]) -> None:
    assert read_action(action) == action
    assert read_action({**action, "more": "x"}) == action
    assert read_action({**action, "version": protocol.VERSION}) == action
    check(read_action(action), protocol.Action)


@pytest.mark.parametrize("action", GOOD, ids=str)
def test_one_with_a_field_less_is_refused(action: dict[str, Any]) -> None:
    for name in action.keys() - {"version"}:
        if (action["action"], name) != ("set", "value"):  # taken away, as with None
            with pytest.raises(UsageError):
                read_action({key: value for key, value in action.items() if key != name})


@pytest.mark.parametrize("version", [0, 2, "1", None, True, [1], 1.5])
@pytest.mark.parametrize("action", GOOD, ids=lambda action: str(action["action"]))
def test_an_action_of_another_version_is_refused_with_advice(action: dict[str, Any], version: object) -> None:
    with pytest.raises(OtherVersionError, match="Reload the page") as caught:
        read_action({**action, "version": version})
    assert caught.value.view == action.get("view", "")


def test_a_page_from_before_there_were_versions_is_told_apart() -> None:
    assert read_action({"action": "ready", "view": "v"}) == {"action": "ready", "view": "v", "version": 0}


@pytest.mark.parametrize(
    "action",
    [
        {"action": "send", "text": "x" * 10_000_001},
        {"action": "regenerate", "key": "x" * 1001},
        {"action": "ready", "view": "x" * 1001},
        {"action": "set", "name": "system", "value": "x" * 10_000_001},
        {"action": "set", "name": "conversation", "value": 1 << 53},
        {"action": "set", "name": "temperature", "value": float("inf")},
        {"action": "set", "name": "temperature", "value": True},
        {"action": "set", "name": "height", "value": 1},
        {"action": "unqueue", "index": True},
        {"action": "unqueue", "index": 1.0},
        {"action": "version", "key": "1.0", "step": -(1 << 70)},
        {"action": ["send"], "text": "x"},
        ["send"],
        "send",
        None,
    ],
    ids=lambda action: str(action)[:60],
)
def test_what_is_too_large_or_of_another_kind_is_refused(action: object) -> None:
    with pytest.raises(UsageError) as caught:
        read_action(action)
    assert len(str(caught.value)) < 250
    assert "x" * 50 not in str(caught.value)


def check_line(error: UsageError) -> None:
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 250
    assert error.hint


@given(json | near)
def test_whatever_comes_is_an_action_or_refused_in_one_line(content: object) -> None:
    try:
        action = read_action(content)
    except UsageError as error:
        check_line(error)
        return
    check(action, protocol.Action)
    for value in action.values():
        if isinstance(value, str):
            value.encode()  # no half of a surrogate pair


def test_a_wrong_message_would_be_found() -> None:
    check({"op": "drop", "key": "1.0"}, protocol.Op)
    for op in ({"op": "drop"}, {"op": "drop", "key": 1}, {"op": "drop", "key": "1.0", "more": 1}, {"op": "drip"}, {}):
        with pytest.raises(AssertionError):
            check(op, protocol.Op)
    check_state({"activity": {"streaming": True, "queue": ["a"], "stop": "now"}, "layout": 5})
    with pytest.raises(AssertionError):
        check_state({"activity": {"streaming": True, "queue": [1], "stop": "now"}})
