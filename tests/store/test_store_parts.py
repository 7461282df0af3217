"""Turns that are more than text in the store: nothing of them is lost, and nothing is kept that no turn needs."""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.examples import examples
from support.message_strategies import PROMPTS, STEPS

from qwen_magic.errors import StoreError, UsageError
from qwen_magic.messages import File, Image, Message, Text, ToolCall, ToolResult
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION_2 = Path(__file__).with_name("version-2.sqlite.gz")
"""A file that the second version of the store wrote: branches, an open turn, a removed turn, an index, no parts."""
CAT, DOG, CSV = b"cat" * 100, b"dog" * 100, b"a,b\n1,2\n"
PARTS = (Text("What is "), Image(CAT, name="cat.png"), Text("?"), File(CSV, "text/csv", "a.csv"))
STEPS_OF_A_CALL = (
    Message("assistant", parts=[Text("Let me see."), ToolCall("1", "look", '{"at": "cat.png"}')]),
    Message("tool", parts=[ToolResult("1", "a cat", "look"), Image(DOG)]),
    Message("assistant", ["A cat.", Image(CAT)]),
)


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "c.sqlite" if request.param == "file" else None)) as opened:
        yield opened


def pictured(**more: Any) -> Turn:
    return Turn("What is ?", parts=PARTS, **more)


def ask(store: Store, conversation: int, turn: Turn, reply: Reply, replaces: Turn | None = None, **more: Any) -> int:
    number = store.begin(conversation, turn, replaces, **more)
    store.finish(number, reply)
    return number


def rows(store: Store, query: str) -> list[Any]:
    return [row[0] for row in store._keeper.connection.execute(query)]


def blobs(store: Store) -> set[bytes]:
    return set(rows(store, "SELECT data FROM blob"))


REPLY = Reply("A cat.", steps=STEPS_OF_A_CALL)


def test_parts_and_steps_come_back_whole(store: Store) -> None:
    conversation = store.create("a").id
    number = store.begin(conversation, pictured())
    (opened,) = store.unanswered(conversation)
    assert opened.parts == PARTS
    store.finish(number, REPLY)
    (turn,) = store.turns(conversation)
    assert (turn.prompt, turn.parts, turn.answer, turn.steps) == ("What is ?", PARTS, "A cat.", STEPS_OF_A_CALL)
    assert turn.messages == (Message("user", parts=PARTS), *STEPS_OF_A_CALL)
    assert store.turn(number) == turn
    assert [hit.turn for hit in store.search("cat")] == [turn]
    assert Turn("", parts=(Image(CAT),)).messages == (Message("user", [Image(CAT)]),)


def test_a_turn_of_text_alone_writes_no_json(store: Store) -> None:
    conversation = store.create("a").id
    ask(store, conversation, Turn("q"), Reply("a"))
    assert rows(store, "SELECT parts || steps FROM turn") == [""]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=examples(60),
)
@given(prompt=PROMPTS, steps=STEPS, other=STEPS)
def test_any_parts_and_steps_come_back(store: Store, prompt: Message, steps: Any, other: Any) -> None:
    conversation = store.create("a").id
    turn = Turn(prompt.text, parts=prompt.parts)
    number = ask(store, conversation, turn, Reply("x", steps=other))
    store.finish(number, Reply("y", steps=steps))
    store.extend(conversation, [replace(turn, answer="z", steps=other, finish_reason="stop")])
    first, second = store.turns(conversation)
    assert (first.prompt, first.parts, first.answer, first.steps) == (prompt.text, prompt.parts, "y", steps)
    assert (second.prompt, second.parts, second.answer, second.steps) == (prompt.text, prompt.parts, "z", other)
    store.clear(conversation)
    assert blobs(store) == set()
    store.delete(conversation)


def test_parts_that_utf8_cannot_carry_are_mended(store: Store) -> None:
    conversation = store.create("a").id
    ask(
        store, conversation, Turn("cut \ud83d", parts=(Text("cut \ud83d"), Image(CAT, name="\ud83d\ude00"))), Reply("a")
    )
    (turn,) = store.turns(conversation)
    assert turn.parts == (Text("cut \ufffd"), Image(CAT, name="😀"))
    assert turn.prompt == "cut \ufffd"


def test_the_same_bytes_are_kept_once_and_go_with_the_last_turn_that_needs_them(store: Store) -> None:
    one, other = store.create("one").id, store.create("other").id
    numbers = [ask(store, one, pictured(), REPLY) for _ in range(3)]
    ask(store, other, Turn("?", parts=(Image(DOG),)), Reply("a"))
    assert sorted(rows(store, "SELECT data FROM blob")) == sorted([CAT, DOG, CSV])
    store.undo(one)
    store.delete_turn(numbers[0])
    assert blobs(store) == {CAT, DOG, CSV}
    store.clear(one)
    assert blobs(store) == {DOG}
    store.delete(other)
    assert blobs(store) == set()
    assert rows(store, "SELECT turn FROM blob_use") == []


def test_an_answer_that_is_continued_lets_go_of_what_it_had(store: Store) -> None:
    conversation = store.create("a").id
    number = ask(store, conversation, Turn("?", parts=(Image(CSV),)), Reply("A", steps=STEPS_OF_A_CALL[:2]))
    assert blobs(store) == {CSV, DOG}
    store.finish(number, Reply("A cat.", steps=(Message("assistant", ["A cat.", Image(CAT)]),)))
    assert blobs(store) == {CSV, CAT}
    store.finish(number, Reply("A cat."))
    assert blobs(store) == {CSV}
    assert store.turns(conversation)[0].steps == ()


def test_an_open_turn_that_is_dropped_takes_its_bytes_along(store: Store) -> None:
    conversation = store.create("a").id
    number = store.begin(conversation, pictured())
    assert blobs(store) == {CAT, CSV}
    store.drop(number)
    assert blobs(store) == set()


def test_earlier_versions_keep_their_parts(store: Store) -> None:
    conversation = store.create("a").id
    first = ask(store, conversation, pictured(), REPLY)
    ask(store, conversation, Turn("behind", parts=(Image(CSV),)), Reply("b"))
    (turn, behind) = store.turns(conversation)
    ask(store, conversation, Turn("plain"), Reply("p"), turn, branch=True)
    assert [one.prompt for one in store.turns(conversation)] == ["plain"]
    assert blobs(store) == {CAT, DOG, CSV}
    store.switch(first)
    assert store.turns(conversation) == [turn, behind]
    ask(store, conversation, Turn("again"), Reply("p"), turn, branch=True)
    assert store.undo(conversation)
    assert store.turns(conversation) == [turn, behind]


def test_a_conversation_is_copied_with_its_parts(store: Store) -> None:
    conversation = store.create("a")
    ask(store, conversation.id, pictured(), REPLY)
    with contextlib.closing(Store(None)) as there:
        found = there.create(conversation.name)
        there.extend(found.id, store.turns(conversation.id))
        again = [replace(turn, id=0) for turn in there.turns(found.id)]
        assert again == [replace(turn, id=0) for turn in store.turns(conversation.id)]
        assert blobs(there) == {CAT, DOG, CSV}


def test_what_is_secret_is_left_out_of_all_texts(store: Store) -> None:
    key = "ghp_" + "a1B2" * 9
    turn = Turn(
        f"p {key}",
        f"a {key}",
        f"t {key}",
        f"s {key}",
        f"w {key}",
        parts=(Text(f"p {key}"), Image(CAT, name=key), Image(url=f"https://x.org/?{key}"), File(CSV, name=key)),
        steps=(
            Message("assistant", [f"a {key}", ToolCall("1", "f", f'{{"k": "{key}"}}')]),
            Message("tool", parts=[ToolResult("1", key)]),
        ),
    )
    conversation = store.create("a").id
    store.extend(conversation, [turn.with_texts(lambda text: text.replace(key, "[redacted]"))])
    (found,) = store.turns(conversation)
    assert "ghp_" not in f"{[vars(part) for part in found.parts]}{[vars(step) for step in found.steps]}{found}"
    assert found.steps[0].tool_calls[0].arguments == '{"k": "[redacted]"}'
    assert found.parts[2] == Image(url="https://x.org/?[redacted]")
    assert turn.with_texts(lambda text: text) == turn


def test_what_a_users_message_cannot_have_is_no_prompt() -> None:
    with pytest.raises(UsageError, match="a message of the role user cannot have a tool call"):
        Turn("q", parts=(ToolCall("1", "f"),))


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE turn SET parts = '[{'", "it is not JSON"),
        ("UPDATE turn SET parts = '5'", "messages or parts are not a list"),
        ('UPDATE turn SET parts = \'[{"type": "video"}]\'', "a part is of an unknown type"),
        ("UPDATE turn SET steps = '[5]'", "a message has more or less than a role and parts"),
        ("UPDATE turn SET steps = parts", "a message has more or less than a role and parts"),
        ("PRAGMA foreign_keys = OFF; DELETE FROM blob", "bytes of an image or a file are gone"),
    ],
)
def test_a_damaged_turn_is_told_in_one_line(tmp_path: Path, damage: str, what: str) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path)) as store:
        conversation = store.create("a").id
        number = ask(store, conversation, pictured(), REPLY)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(damage)
        with pytest.raises(StoreError) as caught:
            store.turns(conversation)
        assert caught.value.what == f"a turn in the conversations' database cannot be read: {what}"
        assert caught.value.hint
        store.delete_turn(number)  # what cannot be read can be deleted
        assert store.turns(conversation) == []


def test_bytes_that_do_not_fit_on_the_disk_wait_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path)) as store:
        conversation = store.create("a").id
        file = store._keeper.connection
        (pages,) = file.execute("PRAGMA page_count").fetchone()
        file.execute(f"PRAGMA max_page_count = {pages + 2}")
        ask(store, conversation, Turn("?", parts=(Image(bytes(100_000)),)), REPLY)
        assert "the disk is full" in store.trouble
        assert [turn.parts for turn in store.turns(conversation)] == [(Image(bytes(100_000)),)]
        with contextlib.closing(sqlite3.connect(path)) as kept:
            assert kept.execute("SELECT (SELECT count(*) FROM turn), (SELECT count(*) FROM blob)").fetchall() == [
                (0, 0)
            ]
        file.execute("PRAGMA max_page_count = 100000")
    with contextlib.closing(Store(path)) as store:
        assert [turn.parts for turn in store.turns(conversation)] == [(Image(bytes(100_000)),)]


def version_2(path: Path) -> Path:
    path.write_bytes(gzip.decompress(VERSION_2.read_bytes()))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    return path


def test_a_file_of_version_2_goes_on(tmp_path: Path) -> None:
    path = version_2(tmp_path / "c.sqlite")
    with contextlib.closing(Store(path)) as store:
        conversation = store.find("whales")
        assert conversation
        assert (conversation.system, conversation.notebook, conversation.turns) == ("Be brief.", "sea.ipynb", 3)
        turns = store.turns(conversation.id)
        assert [turn.prompt for turn in turns] == ["How do whales breathe air?", "And how deep?", "not indexed yet"]
        assert [(turn.parts, turn.steps) for turn in turns] == [((), ())] * 3
        (old,) = store.unanswered(conversation.id)
        assert (old.prompt, old.finish_reason) == ("never answered", "interrupted")
        assert [
            sum(hit.in_force for hit in store.search(word)) for word in ("surface", "lungs", "removed", "late")
        ] == [1, 0, 0, 1]
        ask(store, conversation.id, pictured(), REPLY, turns[1])
        assert [turn.parts for turn in store.turns(conversation.id)] == [(), PARTS, ()]
        store.switch(1)
        assert [turn.prompt for turn in store.turns(conversation.id)] == [
            "How do whales breathe?",
            "And how long?",
            "Кашалот?",
        ]
        store.switch(turns[0].id)
        store.switch(turns[1].id)
        assert store.turns(conversation.id) == turns[:2], "what came after was parked with the version before it"
        store.delete(conversation.id)
        assert blobs(store) == set()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


def test_a_program_of_version_2_refuses_a_file_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite"
    Store(path).close()
    version = len(schema.MIGRATIONS)
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
    with pytest.raises(
        StoreError, match=rf"has version {version}, this qwen_magic knows versions up to 2\. Update qwen_magic"
    ):
        Store(path)


SOME_BYTES = st.sampled_from([b"1", b"2", b"3"])


class BytesInUse(RuleBasedStateMachine):
    """Whatever is done, the bytes that are kept are those that the turns need."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(None)
        self.conversations = [self.store.create("a").id, self.store.create("b").id]

    def teardown(self) -> None:
        self.store.close()

    def numbers(self, condition: str) -> list[int]:
        return rows(self.store, f"SELECT id FROM turn WHERE {condition} ORDER BY id")

    @rule(data=st.data(), given_bytes=st.lists(SOME_BYTES, max_size=2), branch=st.booleans())
    def begin(self, data: st.DataObject, given_bytes: list[bytes], branch: bool) -> None:
        conversation = data.draw(st.sampled_from(self.conversations))
        replaces = data.draw(st.sampled_from([None, *self.store.turns(conversation)]))
        turn = Turn("q", parts=tuple(map(Image, given_bytes)))
        self.store.begin(conversation, turn, replaces, branch=branch)

    @rule(data=st.data(), given_bytes=st.lists(SOME_BYTES, max_size=2))
    def finish(self, data: st.DataObject, given_bytes: list[bytes]) -> None:
        if numbers := self.numbers("1"):
            steps = tuple(Message("assistant", [Image(one)]) for one in given_bytes)
            self.store.finish(data.draw(st.sampled_from(numbers)), Reply("a", steps=steps))

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        if numbers := self.numbers("finished IS NOT NULL"):
            self.store.switch(data.draw(st.sampled_from(numbers)))

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        if numbers := self.numbers("finished IS NULL"):
            self.store.drop(data.draw(st.sampled_from(numbers)))

    @rule(data=st.data())
    def delete_turn(self, data: st.DataObject) -> None:
        if numbers := self.numbers("1"):
            self.store.delete_turn(data.draw(st.sampled_from(numbers)))

    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        self.store.undo(data.draw(st.sampled_from(self.conversations)))

    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        here, there = data.draw(st.permutations(self.conversations))
        self.store.extend(here, self.store.turns(there)[:2])

    @rule()
    def clear(self) -> None:
        self.store.clear(self.conversations[0])

    @invariant()
    def what_is_kept_is_what_is_needed(self) -> None:
        turns = [self.store.turn(number) for number in self.numbers("1")]
        needed = [part for turn in turns if turn for message in turn.messages for part in message.parts]
        assert blobs(self.store) == {part.data for part in needed if isinstance(part, Image)}
        assert len(rows(self.store, "SELECT sha256 FROM blob")) == len(blobs(self.store))
        assert rows(self.store, "SELECT turn FROM blob_use WHERE turn NOT IN (SELECT id FROM turn)") == []


BytesInUse.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=25)
test_bytes_in_use = BytesInUse.TestCase
