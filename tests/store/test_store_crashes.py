"""The conversations' database under several processes, threads, forks, kills and failures, all of them real."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import qwen_magic
from qwen_magic.errors import StoreError
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION_1 = Path(__file__).with_name("version-1.sqlite.gz")
"""A file that the first version of the store wrote: an open turn, an earlier version, a removed turn, an index."""
WRITER = Path(__file__).with_name("store_writer.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(qwen_magic.__file__).parents[1])}
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def start(*words: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-W", "ignore", str(WRITER), *map(str, words)]
    return subprocess.Popen(line, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def output(*words: object) -> list[str]:
    process = start(*words)
    lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0
    return lines


def ask(store: Store, conversation: int, prompt: str) -> int:
    turn = store.begin(conversation, Turn(prompt))
    store.finish(turn, Reply(f"answer to {prompt}"))
    return turn


@contextlib.contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def sound(path: Path) -> bool:
    with raw(path) as connection:
        (said,) = connection.execute("PRAGMA integrity_check").fetchone()
        doubled = connection.execute(
            "SELECT 1 FROM turn WHERE in_force GROUP BY conversation, place HAVING count(*) > 1"
        )
        return said == "ok" and not connection.execute("PRAGMA foreign_key_check").fetchall() and not doubled.fetchall()


def test_two_processes_write_hundreds_of_turns_each(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path)) as store:
        shared = store.create("shared")
        writers = [start("write", path, name, 500) for name in ("a", "b")]
        assert [writer.communicate(timeout=120)[0] for writer in writers] == ["", ""]
        assert [writer.returncode for writer in writers] == [0, 0]
        turns = store.turns(shared.id)
        assert [turn.place for turn in turns] == list(range(1, 1001))
        assert all(turn.answer.startswith(f"answer to {turn.prompt} ") for turn in turns)
        for name in ("a", "b"):
            expected = [f"{name} {number}" for number in range(500)]
            assert [turn.prompt for turn in turns if turn.prompt[0] == name] == expected
            own = store.find(name)
            assert own
            assert [turn.prompt for turn in store.turns(own.id)] == expected
        switches = sum(one.prompt[0] != other.prompt[0] for one, other in itertools.pairwise(turns))
        assert switches > 1, "they did not write at the same time"
        assert len(store.search("499", 10)) == 4
    assert sound(path)


@posix
def test_what_was_kept_survives_twenty_kills_in_the_middle_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    chance = random.Random(4)
    said: list[int] = []
    for _ in range(20):
        process = start("endless", path)
        assert process.stdout
        said += [int(process.stdout.readline()) for _ in range(chance.randrange(1, 40))]
        time.sleep(chance.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        # A last line may be half written: what ends in a line end was said.
        said += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.wait()
        process.stdout.close()
        assert process.stdin
        process.stdin.close()
        with contextlib.closing(Store(path)) as store:
            conversation = store.find("shared")
            assert conversation
            kept = {turn.id: turn for turn in store.turns(conversation.id)}
            assert set(said) <= kept.keys()
            assert len(kept) - len(set(said)) <= 20, "no more than the last one of each was kept unsaid"
            assert all(turn.answer.startswith(f"answer to {turn.prompt} ") for turn in kept.values())
            assert len(store.unanswered(conversation.id)) <= 20
        assert sound(path)
    assert len(said) > 200


def test_processes_that_make_the_file_at_the_same_moment_do_not_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "c.sqlite"
    processes = [start("create", path, "same") for _ in range(6)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    names = {process.communicate("go\n", timeout=60)[0].strip() for process in processes}
    assert names == {"same", *(f"same-{number}" for number in range(2, 7))}
    with raw(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


@posix
def test_a_fork_while_a_thread_writes(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    assert output("fork", path) == []
    with contextlib.closing(Store(path)) as store:
        conversation = store.find("forked")
        assert conversation
        turns = store.turns(conversation.id)
    prompts = [turn.prompt for turn in turns]
    assert {f"{who} {number}" for who in ("child", "parent") for number in range(20)} <= set(prompts)
    assert "thread" in prompts
    assert [turn.place for turn in turns] == list(range(1, len(turns) + 1))
    assert sound(path)


@pytest.mark.parametrize("kept", [True, False])
def test_threads_share_a_store(tmp_path: Path, kept: bool) -> None:
    with contextlib.closing(Store(tmp_path / "c.sqlite" if kept else None)) as store:
        conversation = store.create("threads").id
        failures: list[BaseException] = []

        def work(name: str) -> None:
            try:
                for number in range(100):
                    ask(store, conversation, f"{name} {number}")
                    store.turns(conversation)
                    store.search("answer", 3)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert [turn.place for turn in store.turns(conversation)] == list(range(1, 401))


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_all_files_are_the_users_alone(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        path = tmp_path / "new" / "c.sqlite"
        with contextlib.closing(Store(path)) as store:
            ask(store, store.create("a").id, "q")
            files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            assert files == dict.fromkeys(["c.sqlite", "c.sqlite-wal", "c.sqlite-shm"], 0o600)
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


@posix
def test_the_file_is_private_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite"
    seen: list[int] = []
    connect = sqlite3.connect

    def look(*args: Any, **kwargs: Any) -> Any:
        seen.append(stat.S_IMODE(path.stat().st_mode))
        return connect(*args, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", look)
    before = os.umask(0)
    try:
        Store(path).close()
        path.chmod(0o644)
        Store(path).close()
    finally:
        os.umask(before)
    assert set(seen) == {0o600}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may look into."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@posix
def test_a_folder_that_cannot_be_written_is_told_in_one_line(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    (line,) = output("refused", open_folder / "c.sqlite")
    assert "cannot be opened (Permission denied)" in line
    assert "Make the file and its folder readable and writable." in line
    (line,) = output("refused", open_folder / "sub" / "c.sqlite")
    assert "cannot be opened" in line


@posix
def test_a_file_that_cannot_be_written_is_told_in_one_line(open_folder: Path) -> None:
    path = open_folder / "c.sqlite"
    Store(path).close()
    path.chmod(0o444)
    (line,) = output("refused", path)
    assert str(path) in line
    assert "writable" in line


@posix
def test_a_disk_that_is_full_loses_nothing(tmp_path: Path) -> None:
    line, kept, integrity = output("grow", tmp_path / "c.sqlite")
    assert "full" in line
    assert "Free" in line or "free" in line
    assert (kept, integrity) == ("True", "ok")


@pytest.mark.parametrize("content", [b"this is no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_garbage_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="Move the file away") as caught:
        Store(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    for version in (0, 7):
        with raw(path) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS history (line TEXT)")
            connection.execute(f"PRAGMA user_version = {version}")
        before = path.read_bytes()
        with pytest.raises(StoreError, match="another program"):
            Store(path)
        assert path.read_bytes() == before


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file" / "c.sqlite")


def test_a_write_waits_for_anothers(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path)) as store, raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        done: list[str] = []
        thread = threading.Thread(target=lambda: done.append(store.create("a").name))
        thread.start()
        time.sleep(0.2)
        assert not done
        other.execute("COMMIT")
        thread.join()
        assert done == ["a"]


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Store(path).close()
    with raw(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"has version 99.*Update qwen_magic: pip install -U"):
        Store(path)


COLOURS = (
    "ALTER TABLE conversation ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",
    "UPDATE conversation SET name = name || '!'",
)
"""A migration for the tests: done twice, it would fail at its first statement."""


def old_file(path: Path) -> None:
    with raw(path) as connection:
        for statement in schema.MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO conversation (name, notebook, created_at, used_at) VALUES ('old', '', 1, 1)")
        connection.execute(
            "INSERT INTO turn (conversation, place, in_force, finished, prompt, answer, thinking, system, source, cell,"
            " target, model, finish_reason, seconds, estimated, asked_at)"
            " VALUES (1, 1, 1, 1, 'q', 'a', '', '', '', '', '', '', 'stop', 1, 0, 1)"
        )


def test_an_old_file_is_migrated_with_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite"
    old_file(path)
    with contextlib.closing(Store(path)) as store:
        assert [turn.messages[1].content for turn in store.turns(1)] == ["a"]
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, COLOURS))
    with contextlib.closing(Store(path)) as store:
        assert store.get(1).name == "old!"
        assert [turn.answer for turn in store.turns(1)] == ["a"]
    with raw(path) as connection:
        assert connection.execute("SELECT colour FROM conversation").fetchall() == [("blue",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


def test_a_file_of_version_1_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    with raw(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with contextlib.closing(Store(path)) as store:
        conversation = store.find("whales")
        assert conversation
        assert (conversation.system, conversation.notebook, conversation.turns) == ("Be brief.", "sea.ipynb", 4)
        prompts = ["How do whales breathe air?", "And how long?", "Кашалот?", "not indexed yet"]
        turns = store.turns(conversation.id)
        assert [turn.prompt for turn in turns] == prompts
        assert turns[0].answer == "At the surface."
        (old,) = store.unanswered(conversation.id)
        assert (old.prompt, old.finish_reason) == ("never answered", "interrupted")
        assert store.versions(conversation.id) == {1: [1, 4], 2: [2], 3: [3], 6: [7]}
        for word, found in (("surface", 1), ("lungs", 0), ("removed", 0), ("late", 1)):
            assert sum(hit.in_force for hit in store.search(word)) == found, word
        number = store.begin(conversation.id, Turn("And how deep?"), turns[1], branch=True)
        store.finish(number, Reply("A mile."))
        assert [turn.prompt for turn in store.turns(conversation.id)] == [prompts[0], "And how deep?"]
        assert [hit.in_force for hit in store.search("late")] == [False]
        store.switch(turns[1].id)
        assert store.turns(conversation.id) == turns
        assert len(store.search("late")) == 1
        store.switch(1)
        assert [turn.answer for turn in store.turns(conversation.id)] == ["With lungs."]
        store.undo(conversation.id)
        assert store.turns(conversation.id) == turns
    assert sound(path)


def test_kernels_that_migrate_a_file_of_version_1_at_once_do_not_trip(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    processes = [start("create", path, "same") for _ in range(4)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    names = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert names == {"same", "same-2", "same-3", "same-4"}
    with contextlib.closing(Store(path)) as store:
        assert len(store.turns(1)) == 4
    with raw(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    assert sound(path)


def test_a_migration_is_done_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite"
    old_file(path)
    known = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, (*COLOURS, "UPDATE absent SET x = 1")))
    with pytest.raises(StoreError, match="no such table"):
        Store(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, COLOURS))
    with contextlib.closing(Store(path)) as store:
        assert store.get(1).name == "old!"


def test_stores_that_migrate_at_once_do_not_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite"
    old_file(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, COLOURS))
    barrier = threading.Barrier(8)
    names: list[str] = []

    def open_it() -> None:
        barrier.wait()
        with contextlib.closing(Store(path)) as store:
            names.append(store.get(1).name)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["old!"] * 8


@posix
def test_a_file_system_without_shared_memory_gets_the_usual_journal(tmp_path: Path) -> None:
    uri = f"file:{tmp_path / 'c.sqlite'}?vfs=unix-dotfile"  # locks and no shared memory, as on a network's share
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        schema.prepare(connection)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


def test_a_closed_store_says_so() -> None:
    store = Store(None)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.conversations()


@posix
def test_a_fork_takes_no_watchers_along() -> None:
    with contextlib.closing(Store(None)) as store:
        told: list[int] = []
        store.watch(lambda: told.append(1))
        store.create("parent")
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            store.create("child")
            before = len(told)
            store.watch(lambda: told.append(2))
            store.create("child")
            os.write(write, bytes([before, len(told)]))
            os._exit(0)
        os.waitpid(child, 0)
        assert list(os.read(read, 2)) == [1, 2]
        os.close(read)
        os.close(write)
        store.create("parent")
        assert told == [1, 1]


def test_a_write_that_fails_is_told_to_nobody(tmp_path: Path) -> None:
    with contextlib.closing(Store(tmp_path / "c.sqlite")) as store:
        conversation = store.create("a").id
        told: list[int] = []
        store.watch(lambda: told.append(1))
        with pytest.raises(StoreError, match="deleted"):
            store.begin(99, Turn("q"))
        assert told == []
        store.begin(conversation, Turn("q"))
        assert told == [1]
