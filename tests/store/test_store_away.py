"""The store while its file cannot be used: a lock, a full disk, a damaged file, an interrupt, a process that is gone."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from qwen_magic.errors import StoreError
from qwen_magic.loop import background_loop
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

posix = pytest.mark.skipif(os.name == "nt", reason="signals and forks of POSIX")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(path, patience=0.05)) as store:
        yield store


@contextlib.contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """Hold the file's lock, as another program does."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


def ask(store: Store, conversation: int, prompt: str, **more: object) -> int:
    turn = store.begin(conversation, Turn(prompt), **more)  # type: ignore[arg-type]
    store.finish(turn, Reply(f"answer to {prompt}"))
    return turn


def prompts(store: Store, conversation: int) -> list[str]:
    return [turn.prompt for turn in store.turns(conversation)]


def in_file(path: Path, name: str) -> list[str]:
    """Return what another process finds in the file."""
    with contextlib.closing(Store(path)) as other:
        found = other.find(name)
        return prompts(other, found.id) if found else []


def until(done: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def damage(path: Path) -> None:
    """Overwrite the pages of the tables, and leave the first one."""
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def test_a_locked_file_costs_the_patience_once(path: Path) -> None:
    with contextlib.closing(Store(path, patience=1.0)) as store, held(path):
        began = time.monotonic()
        conversation = store.create("a").id
        first = time.monotonic() - began
        for number in range(20):
            ask(store, conversation, str(number))
        assert first >= 1.0
        assert time.monotonic() - began - first < 1.0 * 20 / 2


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_conversation_goes_on_while_the_file_is_locked(store: Store, path: Path, how: str) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "before")
    with held(path, how):
        first = ask(store, conversation, "meanwhile")
        ask(store, conversation, "and then")
        assert prompts(store, conversation) == ["before", "meanwhile", "and then"]
        assert "locked by another program" in store.trouble
        assert "written to the file as soon as possible" in store.trouble
        assert "\n" not in store.trouble
        assert in_file(path, "a") == ["before"] if how == "IMMEDIATE" else True
    until(lambda: not store.trouble)
    assert in_file(path, "a") == ["before", "meanwhile", "and then"] == prompts(store, conversation)
    turn = store.turn(first)  # by the number that it had in memory
    assert turn
    assert turn.answer == "answer to meanwhile"
    store.delete_turn(first)
    assert in_file(path, "a") == ["before", "and then"]


def test_a_file_with_a_usual_journal_that_is_locked_from_the_beginning(path: Path) -> None:
    with contextlib.closing(Store(path)) as first:
        ask(first, first.create("a").id, "before")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with held(path, "EXCLUSIVE"):
        store = Store(path, patience=0.05)
        conversation = store.create("a").id
        ask(store, conversation, "meanwhile")
        assert store.trouble
    with contextlib.closing(store):
        until(lambda: not store.trouble)
        assert in_file(path, "a") == ["before"]
        assert in_file(path, "a-2") == ["meanwhile"]
        assert store.get(conversation).name == "a-2"


def test_an_answer_whose_turn_is_in_the_file_ends_in_memory(store: Store, path: Path) -> None:
    conversation = store.create("a").id
    turn = store.begin(conversation, Turn("q"))
    with held(path):
        store.finish(turn, Reply("a"))
        assert [turn.answer for turn in store.turns(conversation)] == ["a"]
    until(lambda: not store.trouble)
    with contextlib.closing(Store(path)) as other:
        assert [turn.answer for turn in other.turns(conversation)] == ["a"]


def test_whatever_is_done_meanwhile_is_done_to_the_file(store: Store, path: Path) -> None:
    """Versions, branches, names, system prompts: the file is in the end what the memory was."""
    conversation = store.create("a").id
    kept = [ask(store, conversation, prompt) for prompt in ("one", "two", "three")]
    gone = store.create("gone").id
    with held(path):
        second = store.turn(kept[1])
        again = ask(store, conversation, "two again", replaces=second, branch=True)
        ask(store, conversation, "three again")
        store.switch(kept[1])
        store.switch(again)
        ask(store, conversation, "a mistake")
        undone = store.undo(conversation)
        assert undone
        assert undone.prompt == "a mistake"
        dropped = store.begin(conversation, Turn("never answered"))
        store.drop(dropped)
        store.rename(conversation, "b")
        store.set_system(conversation, "Be brief.")
        store.delete(gone)
        new = store.create("new").id
        store.extend(new, [Turn("x", "y", finish_reason="stop"), Turn("z")])
        store.remove(store.turns(new)[0].id)

        def seen() -> tuple[object, ...]:
            versions = [len(of_place) for of_place in store.versions(conversation).values()]
            names = sorted((one.name, one.system, one.turns) for one in store.conversations())
            return prompts(store, conversation), prompts(store, new), versions, names

        before = seen()
        assert before[0] == ["one", "two again", "three again"]
        assert [hit.turn.prompt for hit in store.search("three again")] == ["three again"]
    until(lambda: not store.trouble)
    assert seen() == before
    assert in_file(path, "b") == ["one", "two again", "three again"]
    assert in_file(path, "new") == ["z"]
    store.switch(kept[1])
    assert prompts(store, conversation) == ["one", "two", "three"]


def test_what_another_kernel_deleted_meanwhile_stays_deleted(store: Store, path: Path) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "before")
    with contextlib.closing(Store(path, patience=0.05)) as other:
        store._keeper._leave(sqlite3.OperationalError("database is locked"))
        ask(store, conversation, "meanwhile")
        store.create("mine")
        other.delete(conversation)
        until(lambda: not store.trouble)
        assert store.look_up(conversation) is None
        assert [one.name for one in other.conversations()] == ["mine"]


def test_a_damaged_file_costs_the_session_nothing(store: Store, path: Path) -> None:
    conversation = store.create("a").id
    ask(store, conversation, "before " * 500)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(path)
    store._keeper.connection.execute("PRAGMA shrink_memory")
    ask(store, conversation, "after")
    assert prompts(store, conversation) == ["before " * 500, "after"]
    assert "damaged" in store.trouble
    assert "this session only" in store.trouble


def test_a_lock_when_it_is_closed_is_waited_for(path: Path) -> None:
    store = Store(path, patience=0.05)
    conversation = store.create("a").id
    store._keeper._worker._patience = 10.0
    with held(path):
        store._keeper._leave(sqlite3.OperationalError("database is locked"))
        ask(store, conversation, "meanwhile")
        closing = threading.Thread(target=store.close)
        closing.start()
        time.sleep(0.1)
        assert closing.is_alive()
    closing.join(20)
    assert in_file(path, "a") == ["meanwhile"]


@posix
def test_an_interrupt_while_the_lock_is_waited_for_leaves_no_lock_held(path: Path) -> None:
    """In the main thread, with the traceback kept, as IPython does."""
    assert threading.current_thread() is threading.main_thread()
    kept: list[BaseException] = []
    with contextlib.closing(Store(path, patience=30.0)) as store:
        conversation = store.create("a").id
        with held(path):
            threading.Timer(0.3, _thread.interrupt_main).start()
            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt) as caught:
                store.begin(conversation, Turn("q"))
            kept.append(caught.value)
            assert time.monotonic() - began < 10
        names: list[str] = []
        other = threading.Thread(target=lambda: names.append(store.get(conversation).name))
        other.start()
        other.join(20)
        assert names == ["a"]
        assert store.unanswered(conversation) == []  # nobody knows of its number


@posix
@pytest.mark.parametrize("delay", [0.0, 0.0005, 0.001, 0.002, 0.004])
def test_interrupts_at_any_moment_of_many_writes(path: Path, delay: float) -> None:
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with contextlib.closing(Store(path)) as store:
            conversation = store.create("a").id
            finished = 0
            for number in range(40):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0003 + delay * (number % 7) / 3)
                    turn = store.begin(conversation, Turn(f"{number}"))
                    store.finish(turn, Reply("a"))
                    finished += 1
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    continue
            assert len(store.turns(conversation)) >= finished
            ask(store, conversation, "last")
            assert prompts(store, conversation)[-1] == "last"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_background_loop_waits_for_no_lock(path: Path) -> None:
    """A panel asks there: its answers, and those of cells, would stand still."""
    with contextlib.closing(Store(path, patience=20.0, hurried=background_loop().is_here)) as store:
        conversation = store.create("a").id
        gaps: list[float] = []

        async def streaming() -> None:
            last = time.monotonic()
            for _ in range(100):
                await asyncio.sleep(0.01)
                gaps.append(time.monotonic() - last)
                last = time.monotonic()

        async def asking() -> None:
            await asyncio.sleep(0.2)
            ask(store, conversation, "from the panel")

        async def both() -> None:
            await asyncio.gather(streaming(), asking())

        with held(path):
            background_loop().run(both())
        assert max(gaps) < 20.0 / 4
        assert prompts(store, conversation) == ["from the panel"]


def test_the_loop_does_not_wait_behind_a_cell_that_waits(path: Path) -> None:
    with contextlib.closing(Store(path, patience=20.0, hurried=background_loop().is_here)) as store:
        conversation = store.create("a").id

        async def look() -> str:
            return store.get(conversation).name

        with held(path):
            cell = threading.Thread(target=ask, args=(store, conversation, "from a cell"))
            began = time.monotonic()
            cell.start()
            assert background_loop().run(look()) == "a"
            cell.join(20)
            assert time.monotonic() - began < 20.0 / 2
        assert prompts(store, conversation) == ["from a cell"]


BEGIN = """
import os, sys
from pathlib import Path
from qwen_magic.store import Store, Turn
store = Store(Path(sys.argv[1]))
conversation = store.create("a", existing=True).id
store.begin(conversation, Turn("open"))
print("begun", flush=True)
sys.stdin.read()
"""


def test_the_turns_of_a_killed_process_are_not_open(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    with contextlib.closing(Store(path)) as store:
        conversation = store.create("a", existing=True).id
        mine = store.begin(conversation, Turn("mine"))
        assert [turn.prompt for turn in store.unanswered(conversation)] == ["open", "mine"]
    process.kill()
    process.communicate()
    with contextlib.closing(Store(path)) as store:
        asked = [(turn.prompt, turn.finish_reason) for turn in store.unanswered(conversation)]
        assert asked == [("open", "interrupted"), ("mine", None)]
        store.finish(mine, Reply("a"))
        assert prompts(store, conversation) == ["mine"]


def test_a_store_that_is_forgotten_leaves_no_thread(path: Path) -> None:
    before = set(threading.enumerate())
    store = Store(path)
    store.create("a")
    (thread,) = set(threading.enumerate()) - before
    del store
    until(lambda: not thread.is_alive())


def test_who_watches_is_told_when_it_is_written(store: Store, path: Path) -> None:
    conversation = store.create("a").id
    with held(path):
        ask(store, conversation, "q")
        told: list[str] = []
        store.watch(lambda: told.append(store.trouble))  # asked of the store, on its own thread
    until(lambda: told)
    assert told[0] == ""


def test_a_file_that_is_no_database_is_refused_at_once(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="is not a database"):
        Store(path)
