"""What is known of targets, and what their answers cost."""

from __future__ import annotations

import pytest

from qwen_magic import Reply, Usage
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.health import FIRST_PAUSE, LONGEST_PAUSE, Health
from qwen_magic.client.usage import Ledger
from qwen_magic.errors import BusyError, ConnectError, ContextError, UsageError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_target_that_fails_is_left_out_for_a_time_that_grows() -> None:
    clock = Clock()
    health = Health(clock)
    assert (health.pause("a"), health.state("a").state) == (0, "not tried")
    pauses = []
    for _ in range(8):
        health.failed("a", ConnectError("no such host"))
        pauses.append(health.pause("a"))
        clock.now += pauses[-1]
        assert health.pause("a") == 0
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert health.state("a").state == "failed"
    assert health.state("a").error == "no such host"
    assert health.state("b").state == "not tried"


def test_one_that_began_to_answer_is_left_out_for_less_long() -> None:
    health = Health(Clock())
    health.failed("a", ConnectError("cut"), begun=True)
    assert health.pause("a") == FIRST_PAUSE / 2


def test_an_answer_ends_the_pause() -> None:
    health = Health(Clock())
    health.failed("a", ConnectError("x"))
    assert health.state("a").state == "left out for 30 s"
    health.succeeded("a", 0.4, ("m",))
    state = health.state("a")
    assert (state.state, state.latency, state.error, state.models) == ("ready", 0.4, "", ("m",))
    health.failed("a", ConnectError("x"))
    assert health.pause("a") == FIRST_PAUSE
    health.forgive()
    assert health.pause("a") == 0


def test_a_server_says_how_long_it_is_to_be_left_alone() -> None:
    error = BusyError("too many requests")
    error.retry_after = 3600
    health = Health(Clock())
    health.failed("a", error)
    assert health.pause("a") == 3600


def test_a_login_that_was_wrong_is_not_held_against_the_right_one() -> None:
    wrong, right = (parse_target(f"space:http://user:{word}@example.org") for word in ("wrong", "right"))
    assert wrong.name == right.name
    health = Health(Clock())
    health.failed(wrong, ConnectError("the login was refused"))
    assert (health.pause(wrong), health.pause(right)) == (FIRST_PAUSE, 0)
    assert health.state(right).state == "not tried"
    assert health.state(wrong).target == right.name


@pytest.mark.parametrize("error", [UsageError("x"), ContextError("x")])
def test_what_lies_in_the_question_is_no_fault_of_the_target(error: UsageError) -> None:
    health = Health(Clock())
    health.failed("a", error)
    assert health.state("a").state == "not tried"


def test_the_ledger_sums_up_by_target_and_model() -> None:
    ledger = Ledger()
    assert str(ledger) == "nothing was asked yet"
    ledger.add(Reply("x", usage=Usage(10, 20), target="a", model="m", seconds=3.0, first_token_seconds=1.0))
    ledger.add(
        Reply("y", usage=Usage(5, 10, estimated=True), target="a", model="m", seconds=2.0, first_token_seconds=1.0)
    )
    ledger.add(Reply("z", usage=Usage(1, None), target="b", seconds=1.0))
    first, second = ledger.rows()
    assert (first.asked, first.prompt_tokens, first.completion_tokens, first.estimated) == (2, 15, 30, True)
    assert first.tokens_per_second == 10
    assert (second.target, second.completion_tokens, second.tokens_per_second) == ("b", 0, None)
    head, one, other, note = str(ledger).splitlines()
    assert head.split() == ["target", "model", "answers", "tokens", "in", "tokens", "out", "seconds", "tokens/s"]
    assert one.split() == ["a", "m", "2", "≈", "15", "≈", "30", "5.0", "≈", "10"]
    assert other.split() == ["b", "1", "1", "0", "1.0"]
    assert "estimated" in note
