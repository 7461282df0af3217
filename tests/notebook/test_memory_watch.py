"""The session's memory as the panel uses it: from two threads, watched, with branches, and without a shell."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir

from qwen_magic.chat.memory import Memory
from qwen_magic.chat.position import Position
from qwen_magic.chat.workspace import PlainWorkspace
from qwen_magic.errors import StoreError
from qwen_magic.notebook.workspace import NotebookWorkspace
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qwen_magic.store import Conversation


class Session:
    """A memory, whether it is kept, and what it told."""

    def __init__(self, shell: InteractiveShell | None) -> None:
        self.kept = True
        self.told: list[int | None] = []
        self.memory = Memory(NotebookWorkspace(shell) if shell else PlainWorkspace(), lambda: self.kept)
        self.memory.watch(self.look)

    def look(self) -> None:
        current = self.memory.current
        self.told.append(current.id if current else None)

    def news(self) -> list[int | None]:
        told, self.told = self.told, []
        return told

    def ask(self, prompt: str, conversation: Conversation | None = None, **where: Any) -> None:
        turn = self.memory.begin(Position(conversation, chosen=True, **where), Turn(prompt))
        self.memory.finish(turn, Reply("answer"))

    @property
    def said(self) -> list[str]:
        current = self.memory.current
        return [turn.prompt for turn in self.memory.store.turns(current.id)] if current else []


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    profile = ProfileDir.create_profile_dir(str(tmp_path_factory.mktemp("profile")))
    shell = InteractiveShell(profile_dir=profile)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def session(shell: InteractiveShell, tmp_path: Path) -> Iterator[Session]:
    shell.profile_dir = ProfileDir.create_profile_dir(str(tmp_path / "profile"))
    session = Session(shell)
    with closing(session.memory):
        yield session


def test_all_that_changes_is_told(session: Session) -> None:
    memory = session.memory
    session.ask("a")
    first = memory.current
    assert first
    assert session.news() == [None, first.id, first.id, first.id]  # created, chosen, begun, answered
    second = memory.create("second")
    assert session.news() == [first.id, second.id]
    memory.choose(first)
    assert session.news() == [first.id]
    memory.choose(first)
    assert session.news() == [], "nothing has changed"
    memory.choose(None)
    assert session.news() == [None]
    memory.begin(Position(second), Turn("not chosen"))
    assert session.news() == [None]
    memory.begin(Position(second, chosen=True), Turn("chosen"))
    assert session.news() == [second.id, second.id]
    memory.store.delete(second.id)
    assert session.news() == [None]
    memory.unwatch(session.look)
    memory.choose(first)
    assert session.news() == []


def test_another_store_is_told_and_watched(session: Session) -> None:
    memory = session.memory
    for _ in range(3):
        session.ask("a")
    kept = memory.current
    assert kept
    assert kept.id == 3
    session.news()
    old = memory.store
    session.kept = False
    current = memory.current
    assert current
    assert (current.id, current.name) == (1, kept.name), "its number is another one there"
    assert session.news() == [1]
    with pytest.raises(StoreError, match="closed"):
        old.conversations()
    session.ask("b", current)
    assert session.said == ["a", "b"]
    assert session.news() == [1, 1]
    session.kept = True
    assert session.said == ["a", "b"]
    current = memory.current
    assert current
    assert current.name != kept.name
    assert session.news() == [current.id]
    memory.store.undo(current.id)
    assert session.news() == [current.id]


def test_what_is_asked_after_the_setting_changed_goes_on(session: Session) -> None:
    for _ in range(3):
        session.ask("a")
    session.kept = False
    place = session.memory.position()
    assert [turn.prompt for turn in place.before] == ["a"]


def test_a_branch_through_the_memory(session: Session) -> None:
    memory = session.memory
    session.ask("a")
    current = memory.current
    assert current
    session.ask("b", current)
    one, two = memory.store.turns(current.id)
    begun = memory.begin(Position(current, replaces=one, branch=True), Turn("A"))
    assert begun
    assert (begun.conversation, begun.place, begun.store) == (current.id, 1, memory.store)
    memory.finish(begun, Reply(""))
    assert session.said == ["a", "b"], "it came to nothing"
    session.ask("A", current, replaces=one, branch=True)
    assert session.said == ["A"]
    memory.store.switch(one.id)
    assert session.said == ["a", "b"]
    session.ask("B", current, replaces=two)
    assert session.said == ["a", "B"]


def test_a_branch_that_begins_a_conversation_takes_its_cells_turn_out_of_the_other(session: Session) -> None:
    memory = session.memory
    session.ask("a")
    other = memory.current
    assert other
    session.ask("b", other)
    one = memory.store.turns(other.id)[0]
    begun = memory.begin(Position(replaces=one, branch=True, chosen=True), Turn("A"))
    assert begun
    assert begun.leaves == one.id
    assert [turn.prompt for turn in memory.store.turns(other.id)] == ["a", "b"]
    memory.finish(begun, Reply("answer"))
    assert session.said == ["A"]
    assert [turn.prompt for turn in memory.store.turns(other.id)] == ["b"]


def test_an_answer_that_is_gone_on_with(session: Session) -> None:
    memory = session.memory
    session.ask("a")
    current = memory.current
    assert current
    (turn,) = memory.store.turns(current.id)
    again = memory.reopen(turn)
    assert again
    assert (again.id, again.conversation, again.place) == (turn.id, current.id, turn.place)
    memory.finish(again, Reply("answer, and more"))
    assert [turn.answer for turn in memory.store.turns(current.id)] == ["answer, and more"]
    memory.store.clear(current.id)
    assert memory.reopen(turn) is None
    memory.finish(again, Reply("too late"))
    assert "this turn was not kept" in memory.take_note()


def test_without_a_shell_all_is_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(None)
    with closing(session.memory) as memory:
        assert not memory.exists
        assert memory.position() == Position(chosen=True)
        session.ask("a")
        assert memory.exists
        assert memory.store.path is None
        current = memory.current
        assert current
        assert (current.notebook, current.name) == (str(tmp_path), tmp_path.name)
        assert memory.position().conversation == current
        session.kept = False
        assert session.said == ["a"]
        assert memory.take_note() == ""
    assert list(tmp_path.iterdir()) == []


def test_two_threads_open_one_store(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Store] = []
    connect = Store.__init__

    def slow(store: Store, path: Path | None, **options: Any) -> None:
        opened.append(store)
        threading.Event().wait(0.05)
        connect(store, path, **options)

    monkeypatch.setattr(Store, "__init__", slow)
    barrier = threading.Barrier(4)
    found: list[Store] = []

    def use() -> None:
        barrier.wait()
        found.append(session.memory.store)

    run_all(use, 4)
    assert len(opened) == 1
    assert found == opened * 4


def test_two_threads_ask_while_the_setting_changes(session: Session) -> None:
    """Who asks, chooses and looks on in two threads, and toggles the setting meanwhile, waits for nobody for ever."""
    done = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        for number in range(60):
            try:
                session.ask(f"{number}", session.memory.current)
                session.memory.choose(session.memory.current if number % 7 else None)
            except StoreError as error:  # what was read of the store that is closed now
                if "closed" not in str(error):
                    failures.append(error)
            except BaseException as error:
                failures.append(error)

    def toggle() -> None:
        while not done.wait(0.01):
            session.kept = not session.kept

    toggling = threading.Thread(target=toggle)
    toggling.start()
    run_all(work, 2)
    done.set()
    toggling.join()
    assert not failures
    session.memory.choose(None)
    session.ask("still there")
    assert session.said == ["still there"]


def run_all(act: Any, count: int) -> None:
    threads = [threading.Thread(target=act, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread waits for another"
