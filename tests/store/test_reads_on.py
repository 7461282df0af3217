"""A conversation that goes on is read on: of a turn that was written, that turn alone."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn
from qwen_magic.store.rows import turns_where

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_turn_reads_no_turn_but_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def counting(*which: Any) -> list[Turn]:
        found = turns_where(*which)
        counted.append(len(found))
        return found

    with closing(Store(tmp_path / "conversations.sqlite")) as store:
        number = store.create("talk").id
        store.extend(number, [Turn(f"given {place}", "answer", finish_reason="stop") for place in range(100)])
        assert len(store.turns(number)) == 100
        monkeypatch.setattr("qwen_magic.store.reads.turns_where", counting)
        for asked in range(1, 6):
            store.finish(store.begin(number, Turn(f"asked {asked}")), Reply(f"answer {asked}"))
            assert [turn.prompt for turn in store.turns(number)][-2:][1] == f"asked {asked}"
            store.look_up(number)
    assert counted == [1] * 5
