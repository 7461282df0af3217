"""Versions of turns and their branches: what is in force, what is parked, and what comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.examples import examples

from qwen_magic.errors import StoreError
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "c.sqlite" if request.param == "file" else None)) as opened:
        yield opened


class Talk:
    """A conversation whose turns are spoken of by their prompts, which are unique."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.id = store.create("a").id
        self.numbers: dict[str, int] = {}

    def begin(self, prompt: str, replaces: str = "", *, branch: bool = False) -> int:
        before = self.turn(replaces) if replaces else None
        self.numbers[prompt] = self.store.begin(self.id, Turn(prompt, cell=prompt), before, branch=branch)
        return self.numbers[prompt]

    def ask(self, prompt: str, replaces: str = "", *, branch: bool = False) -> int:
        number = self.begin(prompt, replaces, branch=branch)
        self.store.finish(number, Reply(f"answer to {prompt}"))
        return number

    def ask_all(self, *prompts: str) -> None:
        for prompt in prompts:
            self.ask(prompt)

    def turn(self, prompt: str) -> Turn:
        found = self.store.turn(self.numbers[prompt])
        assert found
        return found

    def switch(self, prompt: str) -> str:
        self.store.switch(self.numbers[prompt])
        return self.said

    @property
    def said(self) -> str:
        """What is in force, also as it is counted and found."""
        turns = self.store.turns(self.id)
        assert self.store.get(self.id).turns == len(turns)
        assert {hit.turn.id for hit in self.store.search("answer", 100) if hit.in_force} == {turn.id for turn in turns}
        for prompt in self.numbers:
            found = self.store.turn_of(self.id, prompt)
            assert (found in turns) == (found is not None)
        return " ".join(turn.prompt for turn in turns)

    @property
    def versions(self) -> dict[int, str]:
        names = {number: prompt for prompt, number in self.numbers.items()}
        found = self.store.versions(self.id)
        return {place: " ".join(names[one] for one in numbers) for place, numbers in found.items()}


@pytest.fixture
def talk(store: Store) -> Talk:
    return Talk(store)


def test_a_branch_parks_what_was_behind_its_place(talk: Talk) -> None:
    talk.ask_all("a", "b", "c")
    number = talk.begin("A", "a", branch=True)
    assert talk.said == "a b c"
    talk.store.finish(number, Reply("answer"))
    assert talk.said == "A"
    talk.ask("d")
    assert talk.said == "A d"
    assert talk.versions == {1: "a A", 4: "d"}
    assert talk.switch("a") == "a b c"
    assert talk.versions == {1: "a A", 2: "b", 3: "c"}
    assert talk.switch("A") == talk.switch("A") == "A d"


def test_without_a_branch_later_turns_stay_until_the_user_switches(talk: Talk) -> None:
    talk.ask_all("a", "b", "c")
    talk.ask("A", "a")
    assert talk.said == "A b c"
    assert talk.switch("a") == "a"
    talk.ask("d")
    assert talk.switch("A") == "A b c"
    assert talk.switch("a") == "a d"


def test_branches_within_branches(talk: Talk) -> None:
    talk.ask_all("a", "b", "c")
    talk.ask("B", "b", branch=True)
    talk.ask("d")
    talk.ask("A", "a", branch=True)
    talk.ask("e")
    assert talk.said == "A e"
    assert talk.switch("a") == "a B d"
    assert talk.switch("b") == "a b c"
    assert talk.switch("A") == "A e"
    assert talk.switch("a") == "a b c", "the version that was chosen within a branch is chosen when it comes back"
    assert talk.switch("B") == "a B d"


def test_a_version_within_a_parked_branch_can_be_chosen(talk: Talk) -> None:
    talk.ask_all("a", "b", "c")
    talk.ask("B", "b", branch=True)
    talk.ask("A", "a", branch=True)
    assert talk.switch("b") == "A"
    assert talk.switch("a") == "a b c"


def test_a_branch_that_is_dropped_changes_nothing(talk: Talk) -> None:
    talk.ask_all("a", "b")
    before = talk.store.turns(talk.id)
    talk.store.drop(talk.begin("A", "a", branch=True))
    assert talk.store.turns(talk.id) == before
    assert talk.versions == {1: "a", 2: "b"}


def test_a_branch_that_replaces_nothing_is_a_new_turn(talk: Talk) -> None:
    talk.ask("a")
    number = talk.store.begin(talk.id, Turn("x"), dataclasses.replace(talk.turn("a"), id=99), branch=True)
    later = talk.begin("later")
    talk.store.finish(later, Reply("answer"))
    talk.store.finish(number, Reply("answer"))
    assert talk.said == "a x later"


def test_what_is_continued_parks_nothing(talk: Talk) -> None:
    talk.ask("a")
    talk.ask("A", "a", branch=True)
    talk.ask("b")
    talk.store.finish(talk.numbers["A"], Reply("answer, and more"))
    assert talk.said == "A b"
    assert talk.turn("A").answer == "answer, and more"


def test_who_switches_while_an_answer_is_continued_stays_where_he_went(talk: Talk) -> None:
    talk.ask_all("a", "b")
    talk.ask("A", "a", branch=True)
    talk.switch("a")
    talk.store.finish(talk.numbers["A"], Reply("answer, and more"))
    assert talk.said == "a b"
    assert talk.switch("A") == "A"
    assert talk.turn("A").answer == "answer, and more"


def test_an_answer_that_ends_where_its_place_is_parked_comes_back_with_it(talk: Talk) -> None:
    talk.ask("a")
    talk.ask("A", "a", branch=True)
    new = talk.begin("new")
    again = talk.begin("A again", "A", branch=True)
    talk.switch("a")
    talk.store.finish(new, Reply("answer"))
    assert talk.said == "a"
    assert talk.switch("A") == "A new"
    talk.ask("c")
    talk.switch("a")
    talk.store.finish(again, Reply("answer"))
    assert talk.said == "A again", "the place itself was not parked: what was asked last is in force"
    assert talk.switch("A") == "A new c"


def test_a_branch_of_a_parked_turn_is_made_where_it_is(talk: Talk) -> None:
    talk.ask_all("a", "b", "c")
    earlier = talk.begin("B", "b", branch=True)
    talk.ask("A", "a", branch=True)
    talk.store.finish(earlier, Reply("answer"))
    talk.ask("bb", "b")  # a cell that looked before the place was parked
    assert talk.said == "A"
    assert talk.switch("a") == "a bb"
    assert talk.versions == {1: "a A", 2: "b B bb"}
    assert talk.switch("b") == "a b c"


def test_undo_brings_the_earlier_version_back_with_what_followed_it(talk: Talk) -> None:
    talk.ask_all("a", "b")
    talk.ask("A", "a", branch=True)
    talk.ask("c")
    talk.switch("a")
    talk.ask("AA", "a", branch=True)
    talk.ask("d")
    seen = []
    while talk.store.undo(talk.id):
        seen.append(talk.said)
    assert seen == ["AA", "a b", "a", "A c", "A", ""]


def test_undo_leaves_later_turns_alone(talk: Talk) -> None:
    talk.ask("a")
    talk.ask("A", "a", branch=True)
    talk.ask("b")
    talk.store.finish(talk.numbers["A"], Reply("answer, and more"))
    undone = talk.store.undo(talk.id)
    assert undone
    assert undone.prompt == "A"
    assert talk.said == "a b"


def test_a_deleted_turn_takes_its_versions_and_what_is_parked_along(talk: Talk) -> None:
    talk.ask_all("a", "b", "c", "d")
    talk.ask("C", "c", branch=True)  # d is parked under c
    talk.ask("B", "b", branch=True)  # c and C under b
    talk.ask("e")
    open_turn = talk.begin("B again", "B")
    talk.store.delete_turn(talk.numbers["B"])
    assert talk.said == "a e"
    for prompt in ("b", "B", "c", "C", "d", "B again"):
        assert talk.store.turn(talk.numbers[prompt]) is None
    with pytest.raises(StoreError, match="deleted in the meantime"):
        talk.store.finish(open_turn, Reply("answer"))
    talk.store.delete_turn(talk.numbers["B"])
    assert talk.said == "a e"


def test_deleting_an_earlier_version_deletes_the_turn(talk: Talk) -> None:
    talk.ask_all("a", "b")
    talk.ask("B", "b", branch=True)
    talk.store.delete_turn(talk.numbers["b"])
    assert talk.said == "a"


def test_branches_as_deep_as_a_conversation_is_long(talk: Talk) -> None:
    prompts = [str(number) for number in range(600)]
    talk.store.extend(talk.id, [Turn(prompt, "answer") for prompt in prompts])
    turns = talk.store.turns(talk.id)
    for turn in reversed(turns):
        talk.store.finish(talk.store.begin(talk.id, Turn("x"), turn, branch=True), Reply("answer"))
    assert talk.said == "x"
    for turn in turns:
        talk.store.switch(turn.id)
    assert [turn.prompt for turn in talk.store.turns(talk.id)] == prompts
    for turn in reversed(turns):
        talk.store.finish(talk.store.begin(talk.id, Turn("x"), turn, branch=True), Reply("answer"))
    talk.store.delete_turn(turns[0].id)
    assert talk.said == ""
    assert all(talk.store.turn(turn.id) is None for turn in turns)


def test_a_conversation_that_is_cleared_stays(talk: Talk) -> None:
    other = Talk(talk.store)
    other.ask("z")
    talk.store.set_system(talk.id, "Be brief.")
    talk.ask_all("a", "b")
    talk.ask("A", "a", branch=True)
    open_turn = talk.begin("c")
    talk.store.clear(talk.id)
    assert (talk.store.turns(talk.id), talk.store.unanswered(talk.id), talk.versions) == ([], [], {})
    assert talk.store.get(talk.id).system == "Be brief."
    with pytest.raises(StoreError, match="deleted in the meantime"):
        talk.store.finish(open_turn, Reply("answer"))
    assert other.said == "z"
    talk.ask("new")
    assert [turn.place for turn in talk.store.turns(talk.id)] == [1]


def test_what_cannot_be_switched_to(talk: Talk) -> None:
    talk.ask_all("a", "b")
    open_turn = talk.begin("A", "a")
    for number in (open_turn, 99):
        with pytest.raises(StoreError, match="that version does not exist any more"):
            talk.store.switch(number)
    assert talk.said == "a b"


def test_a_removed_turn_is_a_version_that_can_be_gone_back_to(talk: Talk) -> None:
    talk.ask_all("a", "b")
    talk.store.remove(talk.numbers["a"])
    assert talk.versions == {2: "b"}
    assert talk.switch("a") == "a b"
    talk.store.remove(talk.numbers["a"])
    talk.ask("A", "a", branch=True)
    assert talk.said == "A"
    assert talk.switch("a") == "a b"


def test_what_a_turn_belongs_to(talk: Talk) -> None:
    number = talk.ask("a")
    assert talk.store.conversation_of(number) == talk.store.get(talk.id)
    assert talk.store.conversation_of(99) is None
    assert talk.store.turn(99) is None


@dataclasses.dataclass
class Version:
    """What the model knows of a row; `tail` is what comes back with it."""

    number: int
    open: bool = True
    branch: bool = False
    finished: int = 0
    replaced: int = 0
    tail: list[Slot] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Slot:
    """A place: its versions, and the one that is chosen."""

    place: int
    versions: list[Version] = dataclasses.field(default_factory=list)
    chosen: Version | None = None

    @property
    def latest(self) -> Version | None:
        """The version that is chosen, or else the one that was finished last."""
        done = [version for version in self.versions if not version.open]
        return self.chosen or max(done, key=lambda version: version.finished, default=None)


Line = list[Slot]


class Tree(RuleBasedStateMachine):
    """The store against a tree: a line of places, whose versions have a line each that follows when they are chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(None)
        self.line: Line = []
        self.clock = itertools.count(1)
        self.known: list[int] = []

    def teardown(self) -> None:
        self.store.close()

    @initialize()
    def create(self) -> None:
        self.conversation = self.store.create("a").id
        for _ in range(3):
            self.finish_one(self.begin_one(0, branch=False))

    def walk(self, line: Line | None = None) -> Iterator[tuple[Line, Slot, Version]]:
        for slot in self.line if line is None else line:
            for version in slot.versions:
                yield (self.line if line is None else line), slot, version
                yield from self.walk(version.tail)

    def find(self, number: int) -> tuple[Line, Slot, Version]:
        return next(found for found in self.walk() if found[2].number == number)

    def numbers(self, *, opened: bool) -> list[int]:
        return sorted(version.number for _, _, version in self.walk() if version.open == opened)

    def choose(self, line: Line, slot: Slot, version: Version, *, park: bool) -> None:
        before = slot.latest
        slot.chosen = version
        behind = [other for other in line if other.place > slot.place]
        if park and before not in (None, version):
            assert before
            before.tail += behind
            line[:] = [other for other in line if other not in behind]
        line += version.tail
        version.tail = []
        line.sort(key=lambda other: other.place)

    def prune(self) -> None:
        """Forget places without rows."""
        for line in [self.line, *(version.tail for _, _, version in self.walk())]:
            line[:] = [slot for slot in line if slot.versions]

    def begin_one(self, replaces: int, *, branch: bool) -> int:
        known = {version.number: slot for _, slot, version in self.walk()}
        place = max((slot.place for slot in known.values()), default=0) + 1
        turn = Turn("?", id=replaces) if replaces else None
        number = self.store.begin(self.conversation, Turn(f"prompt {len(self.known)}"), turn, branch=branch)
        slot = known.get(replaces)
        if slot is None:
            slot = Slot(place)
            self.line.append(slot)
        slot.versions.append(Version(number, branch=branch))
        self.known.append(number)
        return number

    def finish_one(self, number: int) -> None:
        line, slot, version = self.find(number)
        self.store.finish(number, Reply(f"answer {next(self.clock)}"))
        if version.open:
            before = slot.latest
            version.replaced = before.number if before else 0
            version.open = False
            slot.versions.remove(version)  # it has not been finished before
            self.choose(line, slot, version, park=version.branch)
            slot.versions.append(version)
        version.finished = next(self.clock)

    @rule(data=st.data(), branch=st.booleans())
    def ask(self, data: st.DataObject, branch: bool) -> None:
        replaces = data.draw(st.sampled_from([0, *self.known]))
        self.finish_one(self.begin_one(replaces, branch=branch))

    @rule(data=st.data(), branch=st.booleans())
    def begin(self, data: st.DataObject, branch: bool) -> None:
        replaces = data.draw(st.sampled_from([0, *self.known]))  # also one that is parked, open or gone
        self.begin_one(replaces, branch=branch)

    @precondition(lambda self: self.numbers(opened=True))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        self.finish_one(data.draw(st.sampled_from(self.numbers(opened=True))))

    @precondition(lambda self: self.numbers(opened=False))
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        self.finish_one(data.draw(st.sampled_from(self.numbers(opened=False))))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.known))
        self.store.drop(number)
        if number in self.numbers(opened=True):
            _, slot, version = self.find(number)
            slot.versions.remove(version)
            self.prune()

    @precondition(lambda self: self.numbers(opened=False))
    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.numbers(opened=False)))
        line, slot, version = self.find(number)
        self.store.switch(number)
        self.choose(line, slot, version, park=True)

    @precondition(lambda self: self.store.versions(self.conversation))
    @rule(data=st.data())
    def switch_back_and_forth(self, data: st.DataObject) -> None:
        before = self.store.turns(self.conversation)
        place, versions = data.draw(st.sampled_from(sorted(self.store.versions(self.conversation).items())))
        own = next(turn.id for turn in before if turn.place == place)
        there = data.draw(st.lists(st.sampled_from(versions), max_size=4))
        for number in there:
            self.store.switch(number)
        self.store.switch(own)
        assert self.store.turns(self.conversation) == before

    @precondition(lambda self: any(slot.chosen for slot in self.line))
    @rule(data=st.data(), branch=st.booleans())
    def ask_and_undo(self, data: st.DataObject, branch: bool) -> None:
        before = self.store.turns(self.conversation)
        turn = data.draw(st.sampled_from(before))
        self.store.finish(self.store.begin(self.conversation, Turn("x"), turn, branch=branch), Reply("x"))
        self.store.undo(self.conversation)
        assert self.store.turns(self.conversation) == before

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.known))
        self.store.remove(number)
        for _, slot, version in self.walk():
            if version.number == number and slot.chosen is version:
                slot.chosen = None

    @rule()
    def undo(self) -> None:
        undone = self.store.undo(self.conversation)
        chosen = [(slot, slot.chosen) for slot in self.line if slot.chosen]
        if not chosen:
            assert undone is None
            return
        slot, version = max(chosen, key=lambda one: one[1].finished)
        assert undone
        assert undone.id == version.number
        slot.chosen = None
        slot.versions.remove(version)
        replaced = [other for other in slot.versions if other.number == version.replaced]
        earlier = replaced[0] if replaced else slot.latest
        if earlier:
            self.choose(self.line, slot, earlier, park=False)
        self.prune()

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def delete_turn(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.known))
        self.store.delete_turn(number)
        for line, slot, version in list(self.walk()):
            if version.number == number:
                line.remove(slot)

    @rule(count=st.integers(1, 2))
    def extend(self, count: int) -> None:
        place = max((slot.place for _, slot, _ in self.walk()), default=0)
        self.store.extend(self.conversation, [Turn("extended", f"answer {next(self.clock)}") for _ in range(count)])
        for turn in self.store.turns(self.conversation)[-count:]:
            place += 1
            version = Version(turn.id, open=False, finished=next(self.clock))
            self.line.append(Slot(place, [version], version))
            self.known.append(turn.id)

    @invariant()
    def what_is_in_force(self) -> None:
        turns = self.store.turns(self.conversation)
        expected = [(slot.place, slot.chosen.number) for slot in self.line if slot.chosen]
        assert [(turn.place, turn.id) for turn in turns] == expected
        assert self.store.get(self.conversation).turns == len(turns)
        assert {hit.turn.id for hit in self.store.search("answer", 1000) if hit.in_force} == {turn.id for turn in turns}
        assert self.store.versions(self.conversation) == {
            slot.place: sorted(version.number for version in slot.versions if not version.open)
            for slot in self.line
            if slot.chosen
        }

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = {version.number: slot.place for _, slot, version in self.walk()}
        for number in self.known:
            turn = self.store.turn(number)
            assert (turn.place if turn else None) == rows.get(number)
        assert [turn.id for turn in self.store.unanswered(self.conversation)] == self.numbers(opened=True)

    @invariant()
    def what_is_parked_can_come_back(self) -> None:
        rows = self.store._keeper.connection.execute(
            "SELECT turn.id FROM turn LEFT JOIN turn AS under ON under.id = turn.parked_under"
            " WHERE turn.parked_under IS NOT NULL AND (under.id IS NULL OR under.in_force OR under.place >= turn.place"
            " OR under.finished IS NULL)"
        )
        assert rows.fetchall() == []
        rows = self.store._keeper.connection.execute(
            "SELECT place FROM turn GROUP BY place HAVING count(DISTINCT ifnull(parked_under, 0)) > 1 OR sum(in_force) > 1"
        )
        assert rows.fetchall() == [], "a place is parked as a whole, and one version of it is chosen at most"


TestTree = Tree.TestCase
TestTree.settings = settings(max_examples=examples(80), stateful_step_count=40, suppress_health_check=list(HealthCheck))
