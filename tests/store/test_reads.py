"""What the store holds of what it has read: always what the database has, whoever writes, and read no more than once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn
from qwen_magic.store.rows import IN_FORCE, turns_where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBERS = st.integers(0, 20)
ASKED = st.tuples(st.sampled_from(["ask", "ask", "ask", "replace", "branch", "begin"]), NUMBERS)
DONE = st.tuples(st.sampled_from(["continue", "finish", "remove", "undo", "switch", "delete_turn", "clear", "extend", "rename"]), NUMBERS)  # fmt: skip
STEPS = st.lists(st.tuples(st.booleans(), st.booleans(), ASKED | DONE), max_size=25)


class Talk:
    """Does steps with one conversation, by one of two stores on a file."""

    def __init__(self, stores: list[Store], conversation: int) -> None:
        self._stores, self._conversation, self._count = stores, conversation, 0
        self._begun: list[int] = []

    def do(self, other: bool, step: str, number: int) -> None:
        store, conversation = self._stores[other], self._conversation
        self._count += 1
        with closing(sqlite3.connect(self._stores[0].path or "")) as connection:
            known = turns_where(connection, f"conversation = ? AND {IN_FORCE} ORDER BY place", conversation)
            finished = turns_where(connection, "conversation = ? AND finished IS NOT NULL", conversation)
        turn = known[number % len(known)] if known else None
        reply = Reply(f"answer {self._count}")
        if step in ("ask", "replace", "branch", "begin"):
            replaces = turn if step in ("replace", "branch") else None
            begun = store.begin(
                conversation, Turn(f"prompt {self._count}", cell=f"cell{number % 4}"), replaces, branch=step == "branch"
            )
            if step == "begin":
                self._begun.append(begun)
            else:
                store.finish(begun, reply)
        elif step == "finish" and self._begun:
            begun = self._begun.pop(number % len(self._begun))
            if store.turn(begun):  # else its conversation was cleared
                store.finish(begun, reply)
        elif step in ("continue", "switch") and finished:
            chosen = finished[number % len(finished)].id
            store.finish(chosen, reply) if step == "continue" else store.switch(chosen)
        elif step in ("remove", "delete_turn") and turn:
            getattr(store, step)(turn.id)
        elif step in ("undo", "clear"):
            getattr(store, step)(conversation)
        elif step == "extend":
            store.extend(conversation, [Turn(f"given {self._count}", "answer", finish_reason="stop")] * (number % 3))
        elif step == "rename":
            store.rename(conversation, f"name {self._count}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reads")


@given(STEPS)
def test_what_is_held_is_what_is_there(folder: Path, steps: list[tuple[bool, bool, tuple[str, int]]]) -> None:
    path = folder / "conversations.sqlite"
    path.unlink(missing_ok=True)
    with closing(Store(path)) as one, closing(Store(path)) as two:
        number = one.create("talk").id
        talk = Talk([one, two], number)
        for other, looks, (step, which) in steps:
            talk.do(other, step, which)
            if looks:
                check(one, number, path)
        check(one, number, path)
        check(two, number, path)


def check(store: Store, number: int, path: Path) -> None:
    with closing(Store(path)) as fresh:
        assert store.turns(number) == fresh.turns(number)
        assert store.look_up(number) == fresh.look_up(number)
        assert store.conversations() == fresh.conversations()
        assert [store.find(one.name) for one in fresh.conversations()] == fresh.conversations()
        assert store.versions(number) == fresh.versions(number)
        for cell in ("", "cell0", "cell1", "cell2"):
            assert store.turn_of(number, cell) == fresh.turn_of(number, cell) == last_of(fresh.turns(number), cell)


def last_of(turns: list[Turn], cell: str) -> Turn | None:
    return next((turn for turn in reversed(turns) if turn.cell == cell and cell), None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "conversations.sqlite")) as store:
        yield store


def asked(store: Store, conversation: int, **more: Any) -> None:
    store.finish(store.begin(conversation, Turn("prompt", **more)), Reply("answer"))


def test_a_turn_that_did_not_change_is_the_same_object(store: Store) -> None:
    number = store.create("talk").id
    for _ in range(3):
        asked(store, number)
    before = store.turns(number)
    messages = [turn.messages for turn in before]
    asked(store, number)
    after = store.turns(number)
    assert len(after) == 4
    assert all(one is other for one, other in zip(before, after, strict=False))
    assert all(one is turn.messages for one, turn in zip(messages, after, strict=False))
    store.remove(after[1].id)
    assert [turn.id for turn in store.turns(number)] == [after[0].id, after[2].id, after[3].id]
    assert store.turns(number)[0] is after[0]


def test_who_has_a_list_can_change_it(store: Store) -> None:
    number = store.create("talk").id
    asked(store, number)
    store.turns(number).clear()
    store.conversations().clear()
    store.versions(number).clear()
    assert (len(store.turns(number)), len(store.conversations()), len(store.versions(number))) == (1, 1, 1)


def test_a_question_is_asked_of_the_database_once_between_two_writes(store: Store) -> None:
    number = store.create("talk").id
    for count in range(200):
        asked(store, number, cell=f"cell{count}")
    store.turns(number)
    asked(store, number)
    said: list[str] = []
    assert store._keeper.connection is not None
    store._keeper.connection.set_trace_callback(said.append)
    for _ in range(3):
        store.turns(number)
        store.turn_of(number, "cell7")
        store.look_up(number)
        store.conversations()
        store.versions(number, 190)
    rows = [one for one in said if "SELECT" in one]
    # The new turn by its mark and its row, the conversation, all conversations, the versions.
    assert len(rows) == 5, rows


@pytest.mark.parametrize("count", [3, 9])
def test_of_many_conversations_some_are_held(store: Store, count: int) -> None:
    numbers = [store.create(f"talk {number}").id for number in range(count)]
    for _ in range(2):
        for number in numbers:
            asked(store, number, cell="cell")
            assert len(store.turns(number)) == len(store.versions(number))
        for number in numbers:
            assert store.turn_of(number, "cell") == store.turns(number)[-1]
    assert len(store._reads._turns) <= 4


def test_versions_from_a_place_on(store: Store) -> None:
    number = store.create("talk").id
    for _ in range(4):
        asked(store, number)
    third = store.turns(number)[2]
    store.finish(store.begin(number, Turn("again"), third), Reply("other"))
    versions = store.versions(number)
    assert store.versions(number, third.place) == {
        place: ids for place, ids in versions.items() if place >= third.place
    }
    assert len(store.versions(number, third.place)[third.place]) == 2


def test_a_turn_is_put_before_others_and_all_others_are_read_anew(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "a.sqlite"), Store(tmp_path / "a.sqlite")
    number = store.create("a").id
    for prompt in ("one", "two", "three"):
        store.finish(store.begin(number, Turn(prompt, "")), Reply(text=prompt.upper()))
    assert [turn.place for turn in other.turns(number)] == [1, 2, 3]
    new = store.begin(number, Turn("between", ""), before=2)
    assert [(turn.prompt, turn.place) for turn in store.turns(number)] == [("one", 1), ("two", 3), ("three", 4)]
    store.finish(new, Reply(text="B"))
    wanted = [("one", 1), ("between", 2), ("two", 3), ("three", 4)]
    assert [(turn.prompt, turn.place) for turn in store.turns(number)] == wanted
    assert [(turn.prompt, turn.place) for turn in other.turns(number)] == wanted
    store.drop(store.begin(number, Turn("free", ""), before=9))
    assert [(turn.prompt, turn.place) for turn in store.turns(number)] == wanted
    store.close()
    other.close()
