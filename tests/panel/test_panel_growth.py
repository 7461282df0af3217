"""What a panel's turn does when the conversation is long: no more than when it is short, and nothing of it stays."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plain_panel import PlainPanel

from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.store import Turn

sys.path.insert(0, str(Path(__file__).parents[1] / "soak"))

from fast_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with serving() as target:
        yield target


@pytest.fixture
def session(target: str) -> Iterator[ChatSession]:
    session = ChatSession(PlainSettings(target=target, history=False))
    yield session
    session.close()


@pytest.fixture
def panel(session: ChatSession) -> Iterator[PlainPanel]:
    panel = PlainPanel(session=session)
    panel.open_page()
    yield panel
    panel.close()


def ask(panel: PlainPanel, times: int = 1) -> None:
    for number in range(times):
        panel.ask(f"question {number}")
        panel.settled()


def test_an_exchange_goes_when_it_is_over(panel: PlainPanel, session: ChatSession) -> None:
    ask(panel)
    gc.disable()  # what holds each other stays until garbage is collected, and holds the whole conversation so long
    try:
        gone = weakref.ref(session.last)
        ask(panel)
        panel.until(lambda: gone() is None)
    finally:
        gc.enable()


def lengthen(session: ChatSession, turns: int) -> None:
    conversation = session.memory.current or session.memory.create("long")
    more = [Turn(f"earlier {number}", f"answer {number}", finish_reason="stop") for number in range(turns)]
    session.memory.store.extend(conversation.id, more)


def steps_of_the_database(panel: PlainPanel, session: ChatSession, turns: int = 4) -> float:
    """Count what SQLite does in a turn: an instruction of its machine for each row that is looked at, or more."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    ask(panel, 2)
    connection = session.memory.store._keeper.connection
    connection.set_progress_handler(count, 1)
    try:
        ask(panel, turns)
    finally:
        connection.set_progress_handler(None, 1)
    return steps / turns


def test_a_turn_looks_at_as_many_rows_in_a_longer_conversation(panel: PlainPanel, session: ChatSession) -> None:
    lengthen(session, 250)
    short = steps_of_the_database(panel, session)
    lengthen(session, 4000)
    assert steps_of_the_database(panel, session) < short * 1.5
