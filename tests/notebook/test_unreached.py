"""Without a network it is said once in a session that targets were not reached, not below each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from servers.chat import ChatServer, Said

from qwen_magic.events import Responder, Status
from qwen_magic.loop import BackgroundLoop
from qwen_magic.rendering.last_line import Notes
from qwen_magic.rendering.unreached import ToldTargets
from qwen_magic.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

SPACES = [f"space:a/{number}" for number in range(4)]
NO_HOST = "no such host: h{}; trying another"
TIMED_OUT = "no connection within 3 s; trying another"
LEFT_OUT = "left out for up to 9 s after a failure"


def below(told: ToldTargets, failures: Iterable[tuple[str, str]], target: str = "local") -> list[str]:
    """Return the lines below an answer, without the last, as both forms of a display make them."""
    notes = Notes(told)
    for name, text in failures:
        notes.on_event(Status(text, "failover", name))
    notes.on_event(Responder(target))
    reply = Reply("a", target=target)
    notes.bundle(reply, "")
    return notes.lines(reply, "")[:-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NO_HOST, "no network: 4 targets were not reached"),
        ("cannot connect to h:443 (Network is unreachable); trying x", "no network: 4 targets were not reached"),
        (TIMED_OUT, "4 targets were not reached (no connection within 3 s)"),
    ],
)
def test_it_is_said_once_a_session(text: str, said: str) -> None:
    told = ToldTargets()
    offline = [(name, text) for name in SPACES]
    assert below(told, offline) == [said]
    assert below(told, [(", ".join(SPACES), LEFT_OUT)]) == []
    assert below(told, [(", ".join(SPACES[:2]), LEFT_OUT), *offline[2:]]) == []
    assert below(told, offline) == []


def test_one_target_says_why() -> None:
    told = ToldTargets()
    assert below(told, [(SPACES[0], TIMED_OUT)]) == [f"space:a/0: {TIMED_OUT}"]
    assert below(told, [(SPACES[0], TIMED_OUT)]) == []


def test_what_is_new_is_said() -> None:
    told = ToldTargets()
    below(told, [(name, NO_HOST) for name in SPACES])
    busy = "the queue is full; trying another"
    assert below(told, [(SPACES[0], busy)]) == [f"space:a/0: {busy}"]
    assert below(told, [(SPACES[0], busy)]) == [f"space:a/0: {busy}"]  # a server's own failure is said each time
    assert below(told, [("space:new, space:a/0", LEFT_OUT)]) == [f"space:new, space:a/0: {LEFT_OUT}"]
    refused = "cannot connect to 127.0.0.1:11434 (Connection refused); trying another"
    assert below(told, [("ollama:x", refused)]) == [f"ollama:x: {refused}"]


def test_a_network_that_was_back_and_went_away_again_is_news() -> None:
    told = ToldTargets()
    offline = [(name, NO_HOST) for name in SPACES]
    below(told, offline)
    assert below(told, [], target=SPACES[1]) == []
    assert below(told, offline) == ["no network: 4 targets were not reached"]


@pytest.mark.kernel
def test_the_second_answer_says_nothing_of_it() -> None:
    loop = BackgroundLoop()
    server = ChatServer(Said(pieces=["Yes."]))
    loop.run(server.__aenter__())
    try:
        with Kernel(QWEN_TARGET=f"openai:http://a.invalid/v1#m,openai:http://b.invalid/v1#m,{server.target}") as kernel:
            assert kernel.run("%load_ext qwen_magic").status == "ok"
            runs = [kernel.run(f"%%qwen\nAre you there? {number}") for number in range(3)]
            said = [run.shown[-1]["text/plain"] for run in runs]
            assert all(run.answer == "Yes." for run in runs)
            assert "not reached" in said[0]
            assert len(said[0].splitlines()) == 2
            assert [len(one.splitlines()) for one in said[1:]] == [1, 1]
    finally:
        loop.run(server.__aexit__())
        loop.close()
