"""The search through earlier versions and branches: they are found, numbered and marked, behind what is in force."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "c.sqlite")) as opened:
        yield opened


def ask(store: Store, conversation: int, prompt: str, replaces: str = "", *, branch: bool = False) -> None:
    before = next((turn for turn in store.turns(conversation) if turn.prompt == replaces), None)
    store.finish(store.begin(conversation, Turn(prompt), before, branch=branch), Reply(f"{prompt}, yes"))


def found(store: Store, words: str) -> list[tuple[str, int, bool]]:
    return [(hit.turn.prompt, hit.number, hit.in_force) for hit in store.search(words)]


def test_each_turn_has_the_number_that_it_has_in_its_branch(store: Store) -> None:
    conversation = store.create("a").id
    for prompt in ("apple one", "apple two", "apple three", "apple four"):
        ask(store, conversation, prompt)
    ask(store, conversation, "apple two anew", "apple two", branch=True)
    ask(store, conversation, "apple three anew")
    assert found(store, "anew") == [("apple three anew", 3, True), ("apple two anew", 2, True)]
    assert found(store, "apple four") == [("apple four", 4, False)]
    assert sorted(number for _, number, _ in found(store, "apple")) == [1, 2, 2, 3, 3, 4]
    ask(store, conversation, "apple one anew", "apple one", branch=True)
    assert found(store, "three anew") == [("apple three anew", 3, False)]
    assert found(store, "apple four") == [("apple four", 4, False)]
    store.delete_turn(store.turns(conversation)[0].id)
    assert found(store, "apple") == []


def test_numbers_are_those_of_the_turns_that_are_there(store: Store) -> None:
    conversation = store.create("a").id
    for prompt in ("one", "two", "three"):
        ask(store, conversation, prompt)
    store.delete_turn(store.turns(conversation)[1].id)
    assert found(store, "three") == [("three", 2, True)]


def test_a_word_begins_one_in_other_versions_where_it_does_in_what_is_in_force(store: Store) -> None:
    conversation = store.create("a").id
    for prompt in ("a snapper", "an apple"):
        ask(store, conversation, prompt)
    ask(store, conversation, "the app", "an apple")
    ask(store, conversation, "the happy one", "a snapper")
    assert found(store, "app") == [("the app", 2, True), ("an apple", 2, False)]
    assert found(store, "nappe") == [("a snapper", 1, False)]


def test_what_stands_around_the_word_is_shown_of_prompt_and_answer(store: Store) -> None:
    conversation = store.create("a").id
    prompt, answer = f"{'x ' * 300}the whale's food?", f"{'y ' * 300}a whale eats krill{' z' * 300}"
    store.finish(store.begin(conversation, Turn(prompt)), Reply(answer))
    (hit,) = store.search("whale")
    assert "the whale's food?" in hit.asked
    assert "a whale eats krill" in hit.answered
    (hit,) = store.search("food")
    assert hit.answered.startswith("y y")
    assert len(hit.asked) < 200
