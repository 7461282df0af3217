"""The transcript that a notebook saves: what changed of it is sent, and a page has all of it in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hypothesis import given
from hypothesis import strategies as st
from saved_turns import saved_turns

from qwen_magic.panel.saved import SAVED_TURNS, SavedTurns, trait_of
from qwen_magic.panel.transcript import MarkedTurn

if TYPE_CHECKING:
    from qwen_magic.panel.protocol import PageTurn

TURNS = st.dictionaries(st.integers(0, 300), st.integers(0, 2), max_size=30)


def shown(place: int, text: Any = "") -> MarkedTurn:
    turn = cast("PageTurn", {"key": f"1.{place}", "text": text})
    return MarkedTurn(turn, text, 3 * place)


def take(state: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**state, **{name: dict(value or {}) for name, value in changes.items()}}


@given(st.lists(TURNS, min_size=1, max_size=8))
def test_what_is_saved_is_what_was_shown_last(steps: list[dict[int, int]]) -> None:
    saved = SavedTurns()
    state: dict[str, Any] = {}
    before: dict[int, int] = {}
    for step in steps:
        changes = saved.changes([shown(place, step[place]) for place in sorted(step)])
        assert len(changes) <= len({*before.items()} ^ {*step.items()})
        state, before = take(state, changes), step
        assert [turn["key"] for turn in saved_turns(state)] == [f"1.{place}" for place in sorted(step)]
        assert [turn["text"] for turn in saved_turns(state)] == [step[place] for place in sorted(step)]


def test_an_answer_sends_itself_alone() -> None:
    saved = SavedTurns()
    state: dict[str, Any] = {}
    turns = [shown(place) for place in range(3 * SAVED_TURNS)]
    for count in range(1, len(turns) + 1):
        changes = saved.changes(turns[:count])
        state = take(state, changes)
        assert [value for value in changes.values() if value] == [
            {"order": 3 * count - 3, "turn": turns[count - 1].turn}
        ]
        assert len(changes) == 1
        assert len(saved_turns(state)) == min(count, SAVED_TURNS)
    assert [turn["key"] for turn in saved_turns(state)] == [
        f"1.{place}" for place in range(2 * SAVED_TURNS, 3 * SAVED_TURNS)
    ]
    assert set(state) == {trait_of(slot) for slot in range(SAVED_TURNS)}


def test_what_did_not_change_is_not_sent() -> None:
    saved = SavedTurns()
    saved.changes([shown(1, "one"), shown(2, "two")])
    assert saved.changes([shown(1, "one"), shown(2, "two")]) == {}
    assert saved.changes([]) == {trait_of(0): None, trait_of(1): None}
