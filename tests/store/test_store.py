"""The conversations: turns, places, versions, names, search. Each test in a file and in memory."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.errors import StoreError, UsageError
from qwen_magic.events import Usage
from qwen_magic.messages import Message
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn
from qwen_magic.store.search import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "c.sqlite" if request.param == "file" else None)) as opened:
        yield opened


def ask(
    store: Store, conversation: int, prompt: str, answer: str = "", replaces: Turn | None = None, cell: str = ""
) -> int:
    turn = store.begin(conversation, Turn(prompt, cell=cell), replaces)
    store.finish(turn, Reply(answer or f"answer to {prompt}"))
    return turn


def prompts(store: Store, conversation: int) -> list[str]:
    return [turn.prompt for turn in store.turns(conversation)]


FULL = Turn(
    prompt="The table has 3 rows.",
    system="Be brief.",
    source="The table has {rows} rows.",
    cell="nb#1",
    asked_at=1_700_000_000.25,
)
REPLY = Reply(
    text="Yes.",
    thinking="Hm.",
    usage=Usage(11, 2, estimated=True),
    target="local",
    model="Qwen",
    finish_reason="length",
    seconds=1.5,
)


def test_a_turn_comes_back_whole(store: Store) -> None:
    conversation = store.create("a", "/n.ipynb").id
    number = store.begin(conversation, FULL)
    assert store.turns(conversation) == []
    (open_turn,) = store.unanswered(conversation)
    assert (open_turn.id, open_turn.place, open_turn.finish_reason, open_turn.prompt) == (number, 1, None, FULL.prompt)
    store.finish(number, REPLY)
    assert store.unanswered(conversation) == []
    (turn,) = store.turns(conversation)
    assert turn == Turn(
        prompt=FULL.prompt,
        answer="Yes.",
        thinking="Hm.",
        system="Be brief.",
        source=FULL.source,
        cell="nb#1",
        target="local",
        model="Qwen",
        finish_reason="length",
        seconds=1.5,
        usage=Usage(11, 2, estimated=True),
        asked_at=FULL.asked_at,
        id=number,
        place=1,
    )
    assert turn.messages == (Message("user", FULL.prompt), Message("assistant", "Yes."))
    assert Turn("q").messages == (Message("user", "q"),)


def test_a_count_beyond_all_reason_is_no_failure(store: Store) -> None:
    conversation = store.create("a").id
    store.finish(store.begin(conversation, Turn("q")), Reply("a", usage=Usage(10**30, 0)))
    assert store.turns(conversation)[0].usage == Usage((1 << 63) - 1, 0)


def test_a_file_keeps_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path)) as store:
        conversation = store.create("a", "/n.ipynb")
        ask(store, conversation.id, "q")
        before = store.turns(conversation.id)
    with contextlib.closing(Store(path)) as store:
        assert store.find("a") == store.get(conversation.id)
        assert store.turns(conversation.id) == before


def test_a_turn_that_is_asked_now_is_dated(store: Store) -> None:
    conversation = store.create("a").id
    before = time.time()
    ask(store, conversation, "q")
    assert before <= store.turns(conversation)[0].asked_at <= time.time()


def test_a_replacement_takes_the_place_and_later_turns_stay(store: Store) -> None:
    conversation = store.create("a").id
    for prompt in ("one", "two", "three"):
        ask(store, conversation, prompt, cell=prompt)
    two = store.turn_of(conversation, "two")
    assert two
    new = store.begin(conversation, Turn("two again", cell="two"), two)
    assert prompts(store, conversation) == ["one", "two", "three"], "until there is an answer the old one is in force"
    store.finish(new, Reply("2"))
    assert prompts(store, conversation) == ["one", "two again", "three"]
    again = store.turn_of(conversation, "two")
    assert again
    assert (again.id, again.place) == (new, two.place)
    assert store.get(conversation).turns == 3


def test_a_replacement_that_is_dropped_leaves_what_was_there(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "one")
    (one,) = store.turns(conversation)
    new = store.begin(conversation, Turn("two"), one)
    store.drop(new)
    assert store.turns(conversation) == [one]
    assert store.unanswered(conversation) == []
    store.drop(one.id)
    assert store.turns(conversation) == [one], "a finished turn is not dropped"


def test_a_turn_of_an_earlier_version_finds_its_place(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "one")
    (first,) = store.turns(conversation)
    ask(store, conversation, "two")
    ask(store, conversation, "one again", replaces=first)
    ask(store, conversation, "one once more", replaces=first)
    assert prompts(store, conversation) == ["one once more", "two"]


def test_what_replaces_a_turn_that_is_gone_or_of_another_conversation_is_a_new_turn(store: Store) -> None:
    one, other = store.create("one").id, store.create("other").id
    ask(store, one, "gone")
    gone = store.undo(one)
    ask(store, one, "another")
    ask(store, one, "new", replaces=gone)
    assert prompts(store, one) == ["another", "new"]
    ask(store, other, "elsewhere", replaces=store.turns(one)[0])
    assert prompts(store, one) == ["another", "new"]
    assert prompts(store, other) == ["elsewhere"]


def test_a_continued_answer_is_updated(store: Store) -> None:
    conversation = store.create("a").id
    turn = ask(store, conversation, "count", "one")
    store.finish(turn, Reply("one two", finish_reason="interrupted"))
    assert [(turn.answer, turn.finish_reason) for turn in store.turns(conversation)] == [("one two", "interrupted")]


def test_open_turns_have_places_of_their_own(store: Store) -> None:
    conversation = store.create("a").id
    first, second = (store.begin(conversation, Turn(text)) for text in ("first", "second"))
    store.finish(second, Reply("2"))
    store.finish(first, Reply("1"))
    assert [(turn.prompt, turn.place) for turn in store.turns(conversation)] == [("first", 1), ("second", 2)]


def test_undo_takes_back_what_was_finished_last(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "one")
    ask(store, conversation, "two")
    one = store.turns(conversation)[0]
    ask(store, conversation, "one again", replaces=one)
    ask(store, conversation, "one once more", replaces=one)
    undone = []
    seen = []
    while turn := store.undo(conversation):
        undone.append(turn.prompt)
        seen.append(prompts(store, conversation))
    assert undone == ["one once more", "one again", "two", "one"]
    assert seen == [["one again", "two"], ["one", "two"], ["one"], []]


def test_undo_leaves_open_turns_alone(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "one")
    open_turn = store.begin(conversation, Turn("open"), store.turns(conversation)[0])
    assert store.undo(conversation)
    assert store.undo(conversation) is None
    store.finish(open_turn, Reply("a"))
    assert prompts(store, conversation) == ["open"]


def test_a_turn_that_is_removed_leaves_its_place_empty(store: Store) -> None:
    conversation = store.create("a").id
    for prompt in ("one", "two", "three"):
        ask(store, conversation, prompt)
    store.remove(store.turns(conversation)[1].id)
    assert prompts(store, conversation) == ["one", "three"]
    assert store.get(conversation).turns == 2


def test_turns_from_elsewhere_are_put_at_the_end(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "one")
    store.extend(conversation, [Turn("two", "2", asked_at=5, finish_reason="length", id=1, place=1), Turn("three")])
    turns = store.turns(conversation)
    assert [(turn.prompt, turn.place, turn.finish_reason) for turn in turns] == [
        ("one", 1, "stop"),
        ("two", 2, "length"),
        ("three", 3, "interrupted"),
    ]
    assert turns[1].asked_at == 5
    assert [found.turn.prompt for found in store.search("two")] == ["two"]
    undone = store.undo(conversation)
    assert undone
    assert undone.prompt == "three"


def test_the_turn_of_a_cell(store: Store) -> None:
    one, other = store.create("one").id, store.create("other").id
    ask(store, one, "q", cell="")
    ask(store, other, "q", cell="k")
    assert store.turn_of(one, "") is None
    assert store.turn_of(one, "k") is None
    ask(store, one, "first", cell="k")
    ask(store, one, "second", cell="k")
    found = store.turn_of(one, "k")
    assert found
    assert found.prompt == "second"


def test_names(store: Store) -> None:
    names = [store.create(" Кот ").name, store.create("Кот").name, store.create("Кот").name]
    assert names == ["Кот", "Кот-2", "Кот-3"]
    found = store.find("Кот-2")
    assert found
    store.rename(found.id, "Пёс")
    store.rename(found.id, "Пёс")
    assert store.find("Кот-2") is None
    assert store.get(found.id).name == "Пёс"
    with pytest.raises(UsageError, match="there is already a conversation 'Кот'"):
        store.rename(found.id, "Кот")


@pytest.mark.parametrize("name", ["", "  ", "-x", "a\nb", "a\0b", "\ud83d", "x" * 101])
def test_what_is_no_name(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="that is not a name"):
        store.create(name)
    with pytest.raises(UsageError, match="that is not a name"):
        store.rename(store.create("a").id, name)
    assert store.find(name) is None


def test_one_that_may_be_there_already(store: Store) -> None:
    first = store.create("a", existing=True)
    assert store.look_up(first.id) == first
    assert store.look_up(first.id + 1) is None
    assert store.create("a", existing=True) == first
    assert store.create("a").name == "a-2"


def test_conversations_by_their_last_use(store: Store) -> None:
    first, second, third = (store.create(name, notebook).id for name, notebook in (("1", "n"), ("2", "n"), ("3", "")))
    assert [one.name for one in store.conversations()] == ["3", "2", "1"]
    ask(store, first, "q")
    assert [one.name for one in store.conversations()] == ["1", "3", "2"]
    store.begin(second, Turn("open"))
    assert [(one.name, one.turns) for one in store.conversations()] == [("2", 0), ("1", 1), ("3", 0)]
    assert (store.get(first).turns, store.get(third).notebook) == (1, "")
    assert store.get(first).created_at <= store.get(first).used_at


def test_the_system_prompt(store: Store) -> None:
    conversation = store.create("a").id
    assert store.get(conversation).system == ""
    store.set_system(conversation, "Be\nbrief.")
    assert store.get(conversation).system == "Be\nbrief."


def test_what_is_asked_of_a_deleted_conversation(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "word")
    turn = store.begin(conversation, Turn("open"))
    store.search("word")
    store.delete(conversation)
    store.delete(conversation)
    for act in (
        lambda: store.get(conversation),
        lambda: store.begin(conversation, Turn("q")),
        lambda: store.rename(conversation, "b"),
        lambda: store.set_system(conversation, "s"),
        lambda: store.extend(conversation, [Turn("q")]),
        lambda: store.finish(turn, Reply("a")),
    ):
        with pytest.raises(StoreError, match="deleted"):
            act()
    assert store.turns(conversation) == store.unanswered(conversation) == []
    assert store.search("word") == []
    assert store.undo(conversation) is None
    assert store.create("b").id != conversation, "a number is never given again"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("рыжий", ["Кто такой рыжий кот?"]),
        ("РЫЖ кот", ["Кто такой рыжий кот?"]),
        ("ыжи", ["Кто такой рыжий кот?"]),
        ("机器", ["什么是机器学习？"]),
        ("学习", ["什么是机器学习？"]),
        ("プロ", ["日本語のプロンプト"]),
        ("Straße", ["strasse"]),
        ("c++", ["C++ or {name}?"]),
        ("{name}", ["C++ or {name}?"]),
        ("rows", ["3 lines"]),
        ("after", ["nul\0after"]),
        ("absent", []),
        ("", []),
        (" \n ", []),
    ],
)
def test_search(store: Store, words: str, found: list[str]) -> None:
    conversation = store.create("a")
    for prompt in (
        "Кто такой рыжий кот?",
        "什么是机器学习？",
        "日本語のプロンプト",
        "strasse",
        "C++ or {name}?",
        "nul\0after",
    ):
        ask(store, conversation.id, prompt, "-")
    store.finish(store.begin(conversation.id, Turn("3 lines", source="{x} rows")), Reply("-"))
    hits = store.search(words)
    assert [hit.turn.prompt for hit in hits] == found
    assert all(hit.conversation == store.get(conversation.id) for hit in hits)


ODD_WORDS = (
    """ " ' a"b * a* AND OR NOT NEAR(a_b) NEAR/2 prompt:x ^a -a ( a) {a_b}:c + ;-- % _ \\ ½ 😀 ᛗ 한국어 ๑ न् """.split()
)


@pytest.mark.parametrize("words", [*ODD_WORDS, "a + b", "a NEAR b", "NOT a", "\0", "a\0b", "\ud83d"])
def test_no_words_are_a_mistake(store: Store, words: str) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "nothing of that kind")
    ask(store, conversation, f"with {words} within")
    found = [hit.turn.id for hit in store.search(words)]
    assert store.turns(conversation)[1].id in found


def test_chinese_is_found_at_the_beginning_of_a_sentence_and_within_it(store: Store) -> None:
    conversation = store.create("a").id
    for prompt in ("学习机器", "机器学习"):
        ask(store, conversation, prompt)
    assert len(store.search("学习")) == 2


def test_search_puts_what_is_in_force_first_and_marks_other_versions(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "one", "apple")
    (one,) = store.turns(conversation)
    assert [hit.in_force for hit in store.search("apple")] == [True]
    store.begin(conversation, Turn("an open apple"))
    ask(store, conversation, "one", "pear", replaces=one)
    assert [(hit.turn.answer, hit.in_force) for hit in store.search("apple")] == [("apple", False)]
    assert [(hit.turn.answer, hit.in_force) for hit in store.search("one")] == [("pear", True), ("apple", False)]
    assert [hit.turn.answer for hit in store.search("pear")] == ["pear"]
    store.undo(conversation)
    assert [(hit.turn.answer, hit.in_force) for hit in store.search("app")] == [("apple", True)]
    assert store.search("pear") == []


def test_a_search_gives_no_more_than_it_may(store: Store) -> None:
    conversation = store.create("a").id
    for number in range(30):
        ask(store, conversation, f"apple {number} +")
    assert len(store.search("apple")) == 20
    assert len(store.search("apple", 5)) == 5
    assert [hit.turn.prompt for hit in store.search("+", 2)] == ["apple 29 +", "apple 28 +"]


def test_without_a_full_text_index_the_turns_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "qwen_magic.store.search._INDEX", "CREATE VIRTUAL TABLE turn_words USING no_such_module (prompt)"
    )
    conversation = store.create("a").id
    ask(store, conversation, "Рыжий кот")
    assert [hit.turn.prompt for hit in store.search("рыж")] == ["Рыжий кот"]
    monkeypatch.undo()
    assert [hit.turn.prompt for hit in store.search("рыж")] == ["Рыжий кот"]
    ask(store, conversation, "рыжая кошка")
    assert [hit.turn.prompt for hit in store.search("кош")] == ["рыжая кошка"]


def test_an_excerpt_shows_the_word_on_one_line() -> None:
    text = "a\n" * 200 + "here is\nthe WORD that counts" + "\nb" * 200
    cut = excerpt(["", text], ["word"])
    assert "here is the WORD that counts" in cut
    assert cut.startswith("…")
    assert cut.endswith("…")
    assert len(cut) < 200
    assert excerpt(["", "short"], ["none"]) == "short"
    assert excerpt(["", ""], ["none"]) == ""


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00 cut", "\ufffd cut"),
        ("joined \ud83d\ude00", "joined 😀"),
        ("nul \0 within", "nul \0 within"),
        ("\0", "\0"),
        ("\r\n \x1b \u2028 \uffff", "\r\n \x1b \u2028 \uffff"),
    ],
)
def test_texts_that_a_database_might_not_take(store: Store, given_text: str, kept: str) -> None:
    conversation = store.create("a", given_text)
    assert conversation.notebook == kept
    assert store.conversations() == [conversation]
    store.set_system(conversation.id, given_text)
    turn = Turn(given_text, system=given_text, source=given_text, cell=given_text)
    number = store.begin(conversation.id, turn)
    store.finish(number, Reply(given_text, given_text, target=given_text, model=given_text))
    (found,) = store.turns(conversation.id)
    texts = (
        found.prompt,
        found.system,
        found.source,
        found.cell,
        found.answer,
        found.thinking,
        found.target,
        found.model,
    )
    assert set(texts) == {kept}
    assert store.get(conversation.id).system == kept
    assert store.turn_of(conversation.id, given_text) == found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=examples(60))
@given(prompt=st.text(), answer=st.text(), words=st.text())
def test_any_text_comes_back_and_any_search_is_answered(store: Store, prompt: str, answer: str, words: str) -> None:
    conversation = store.create("a").id
    ask_id = store.begin(conversation, Turn(prompt))
    store.finish(ask_id, Reply(answer))
    (turn,) = store.turns(conversation)
    assert (turn.prompt, turn.answer) == (prompt, answer)
    store.search(words)
    store.search(answer)
    store.delete(conversation)


def test_a_thousand_turns_are_written_and_searched_in_no_time(tmp_path: Path) -> None:
    with contextlib.closing(Store(tmp_path / "c.sqlite")) as store:
        conversation = store.create("a").id
        store.extend(conversation, [Turn(f"prompt {number}", "word " * 400) for number in range(1000)])
        started = time.perf_counter()
        assert len(store.search("prompt 99", 100)) == 11
        assert len(store.search("99 +")) == 0
        assert len(store.turns(conversation)) == 1000
        assert time.perf_counter() - started < 5


def test_who_watches_is_told_of_each_write_when_it_is_done(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    thread = threading.get_ident()
    conversation = store.create("a").id

    def look() -> None:
        assert threading.get_ident() == thread
        seen.append((len(store.turns(conversation)), len(store.unanswered(conversation))))

    store.watch(look)
    store.watch(look)
    turn = store.begin(conversation, Turn("q"))
    store.finish(turn, Reply("a"))
    store.extend(conversation, [Turn("two")])
    store.switch(store.begin(conversation, Turn("three")) - 1)
    assert seen == [(0, 1), (1, 0), (2, 0), (2, 1), (2, 1)]
    del seen[:]
    store.search("q")
    store.turns(conversation)
    store.drop(99)
    store.create("a", existing=True)
    assert seen == [], "nothing was changed"
    for act in (
        lambda: store.rename(conversation, "b"),
        lambda: store.set_system(conversation, "s"),
        lambda: store.remove(turn),
        lambda: store.undo(conversation),
        lambda: store.delete_turn(turn),
        lambda: store.clear(conversation),
        lambda: store.delete(conversation),
    ):
        before = len(seen)
        act()
        assert len(seen) == before + 1
    store.unwatch(look)
    store.unwatch(look)
    store.create("c")
    assert len(seen) == 7


def test_a_callback_may_wait_for_another_thread_that_uses_the_store(store: Store) -> None:
    names: list[str] = []

    def look() -> None:
        thread = threading.Thread(target=lambda: names.append(store.conversations()[0].name))
        thread.start()
        thread.join(10)

    store.watch(look)
    store.create("a")
    assert names == ["a"], "the lock is not held"


def test_a_callback_that_fails_harms_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    def fail() -> None:
        raise ValueError("of mine")

    store.watch(fail)
    store.watch(lambda: told.append(1))
    assert store.create("a").name == "a"
    assert told == [1]
    assert "of mine" in caplog.text


def test_a_store_that_is_closed_lets_go_of_its_watchers() -> None:
    class Panel:
        def look(self) -> None:
            pass

    store, panel = Store(None), Panel()
    store.watch(panel.look)
    gone = weakref.ref(panel)
    store.close()
    del panel
    assert gone() is None
