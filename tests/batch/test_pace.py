"""How many rows are asked at once, on servers that are only arithmetic."""

from __future__ import annotations

from qwen_magic.batch.pace import Pace


def settled(seconds: object, rounds: int = 12) -> Pace:
    """Answer rounds of rows in the time that so many at once take."""
    pace = Pace()
    for _ in range(rounds):
        for _ in range(pace.limit):
            pace.answered(seconds(pace.limit))  # type: ignore[operator]
    return pace


def test_it_grows_while_the_time_holds() -> None:
    assert settled(lambda _: 1.0).limit == 64


def test_it_stays_where_more_at_once_bring_nothing() -> None:
    pace = settled(lambda at_once: max(1.0, at_once / 8))  # eight are answered side by side
    assert 8 <= pace.limit <= 16


def test_a_server_that_answers_one_at_a_time() -> None:
    assert settled(lambda at_once: 1.0 * at_once).limit <= 8


def test_a_refusal_halves_and_rests() -> None:
    pace = settled(lambda _: 1.0)
    pace.refused(100.0, 99.0)
    assert pace.limit == 1
    assert pace.delay(100.0) == 1.0
    pace.answered(1.0)
    assert pace.limit == 32


def test_refusals_of_one_moment_count_once() -> None:
    pace = settled(lambda _: 1.0)
    for _ in range(64):
        pace.refused(100.0, 99.0)
    pace.answered(1.0)
    assert pace.limit == 32


def test_a_server_is_left_alone_as_long_as_it_says() -> None:
    pace = Pace()
    pace.refused(100.0, 99.0, 7.0)
    assert pace.delay(100.0) == 7.0
    assert pace.delay(107.0) == 0.0


def test_rests_grow_while_it_refuses() -> None:
    pace = Pace()
    rests = []
    now = 0.0
    for _ in range(4):
        pace.refused(now, now)
        rests.append(pace.delay(now))
        now += pace.delay(now)
    assert rests == [1.0, 2.0, 4.0, 8.0]


def test_it_grows_slowly_after_a_refusal() -> None:
    pace = Pace(32, fixed=True)
    pace.refused(0.0, 0.0)
    for _ in range(1 + 4 * 16):
        pace.answered(0.1)
    assert pace.limit == 17


def test_the_most_is_kept() -> None:
    pace = Pace(6)
    for _ in range(100):
        pace.answered(0.1)
    assert pace.limit == 6
