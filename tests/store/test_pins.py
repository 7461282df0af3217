"""Pinned conversations: kept in the file, in its copy in memory, and through a migration."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from qwen_magic.chat.conversations import copy
from qwen_magic.errors import StoreError
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn, schema

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("in_file", [True, False], ids=["file", "memory"])
def test_a_pin_is_kept_and_taken_away(tmp_path: Path, in_file: bool) -> None:
    with contextlib.closing(Store(tmp_path / "c.sqlite" if in_file else None)) as store:
        first, second = (store.create(name).id for name in ("first", "second"))
        store.finish(store.begin(first, Turn("Hello?")), Reply("Hello."))
        before = store.get(first).used_at
        store.pin(first)
        assert store.get(first).pinned is True
        assert store.look_up(first) == store.get(first)
        assert store.turns(first)  # held: `look_up` has another way then
        assert store.look_up(first) == store.get(first)
        assert store.get(first).used_at == before, "to pin is not to use"
        assert {one.name: one.pinned for one in store.conversations()} == {"first": True, "second": False}
        store.rename(first, "other")
        assert store.get(first).pinned
        (hit,) = store.search("hello")
        assert hit.conversation.pinned
        with contextlib.closing(Store(None)) as elsewhere:
            assert copy(store, store.get(first), elsewhere).pinned
            assert not copy(store, store.get(second), elsewhere).pinned
        store.pin(first, pinned=False)
        assert store.get(first).pinned is False
        store.delete(first)
        with pytest.raises(StoreError, match="was deleted"):
            store.pin(first)


def test_it_outlives_the_process_and_is_seen_by_another(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path)) as one, contextlib.closing(Store(path)) as other:
        number = one.create("kept").id
        assert [each.pinned for each in other.conversations()] == [False]
        one.pin(number)
        assert [each.pinned for each in other.conversations()] == [True]
    with contextlib.closing(Store(path)) as again:
        assert again.get(number).pinned


def test_it_is_in_memory_too_while_the_file_is_away(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with contextlib.closing(Store(path, patience=0)) as store:
        number = store.create("kept").id
        store.pin(number)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            store.rename(number, "away")
            assert store.trouble
            assert store.get(number).pinned
            store.pin(number, pinned=False)
            assert not store.get(number).pinned
    with contextlib.closing(Store(path)) as again:
        assert [(one.name, one.pinned) for one in again.conversations()] == [("away", False)]


def test_a_file_from_before_there_were_pins_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.sqlite"
    everything = schema.MIGRATIONS
    before = next(index for index, steps in enumerate(everything) if any("pinned" in step for step in steps))
    monkeypatch.setattr(schema, "MIGRATIONS", everything[:before])
    with contextlib.closing(schema.connect(path)) as old:
        old.execute("INSERT INTO conversation (name, notebook, created_at, used_at) VALUES ('old', '', 1, 2)")
    monkeypatch.setattr(schema, "MIGRATIONS", everything)
    with contextlib.closing(Store(path)) as store:
        (old_one,) = store.conversations()
        assert (old_one.name, old_one.pinned) == ("old", False)
        store.pin(old_one.id)
        assert store.get(old_one.id).pinned
