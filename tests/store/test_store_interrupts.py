"""Interrupts that come just as a turn has been written: it is taken back, and no open turn stays."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn
from qwen_magic.store.worker import Call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "c.sqlite" if request.param == "file" else None)) as opened:
        yield opened


def prompts(store: Store) -> list[str]:
    """List the prompts of all turns, the open ones too."""
    return store._keeper.read(lambda connection: [row[0] for row in connection.execute("SELECT prompt FROM turn")])


def test_a_turn_that_was_written_as_the_interrupt_came_is_taken_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = store.create("a", "").id
    store.finish(store.begin(conversation, Turn("before")), Reply("answer"))
    wait = Call.wait

    def interrupted(call: Call) -> object:
        wait(call)
        raise KeyboardInterrupt

    monkeypatch.setattr(Call, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.begin(conversation, Turn("open"))
    with pytest.raises(KeyboardInterrupt):
        store.rename(conversation, "b")  # what is no turn is done, as the user wished
    monkeypatch.undo()
    assert prompts(store) == ["before"]
    assert [one.name for one in store.conversations()] == ["b"]
    store.finish(store.begin(conversation, Turn("after")), Reply("answer"))
    assert [turn.prompt for turn in store.turns(conversation)] == ["before", "after"]
