"""Requests and tokens a minute, and answers at once: never above a limit, never idle for long, in order."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import FakeClock

from qwen_magic.backends.rate_headers import pause_told
from qwen_magic.client.rate_limits import Rate, RateLimits, Sent


def worst_window(times: list[float], weights: list[int] | None = None) -> int:
    """Give the most that fell into any span of a minute."""
    weights = weights or [1] * len(times)
    return max(
        sum(weight for at, weight in zip(times, weights, strict=True) if start <= at <= start + 60) for start in times
    )


def sent_one_after_the_other(rate: Rate, count: int, tokens: int = 0) -> list[float]:
    now, times = 0.0, []
    for _ in range(count):
        now += rate.delay(now, tokens)
        assert rate.delay(now, tokens) <= 0
        rate.let_through(now, tokens)
        times.append(now)
    return times


@pytest.mark.parametrize("limit", [1, 3, 20, 600])
def test_no_minute_has_more_requests(limit: int) -> None:
    times = sent_one_after_the_other(Rate(limit), 5 * limit // 3 + 2)
    assert worst_window(times) <= limit
    assert times[-1] <= (len(times) / limit + 1) * 60.1, "idle for long"


def test_the_first_go_at_once_and_the_others_evenly() -> None:
    times = sent_one_after_the_other(Rate(600), 600)
    assert times[29] == 0.0
    assert max(later - sooner for sooner, later in itertools.pairwise(times)) == pytest.approx(0.1)


@pytest.mark.parametrize("late", [0.0, 0.1, 0.45])
def test_a_burst_that_arrives_late_costs_no_minute_its_limit(late: float) -> None:
    """The first go over connections that are yet to be opened, the next burst, a minute later, over open ones."""
    times = sent_one_after_the_other(Rate(600), 1300)
    assert worst_window(sorted(at + late * (place < 30) for place, at in enumerate(times))) <= 600


def test_no_minute_has_more_tokens() -> None:
    times = sent_one_after_the_other(Rate(tokens=1000), 30, 300)
    assert worst_window(times, [300] * 30) <= 1000
    assert times[-1] <= 10 * 60.1


def test_one_that_is_larger_than_the_limit_goes_alone() -> None:
    times = sent_one_after_the_other(Rate(tokens=100), 3, 500)
    assert times == pytest.approx([0, 60.5, 121])


def test_what_it_really_cost_counts() -> None:
    rate = Rate(tokens=1000)
    sent = rate.let_through(0.0, 900)
    assert rate.delay(1.0, 500) > 50
    rate.correct(sent, 100, 50)
    assert rate.delay(1.0, 500) <= 0


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.floats(0, 90), st.booleans()), min_size=1, max_size=25),
)
def test_any_arrivals_and_cancellations(limit: int, arrivals: list[tuple[float, bool]]) -> None:
    """Whoever gives up while waiting keeps nobody waiting; the order is that of arrival."""

    async def run() -> tuple[list[tuple[float, int]], float]:
        clock = FakeClock(longest=1e9)
        limits = RateLimits(clock, requests=limit)
        started = clock.now()
        times: list[tuple[float, int]] = []

        async def ask(number: int) -> None:
            sent: list[Sent] = []
            async for _ in limits.turn("T", lambda: 1, None, sent):
                pass
            times.append((clock.now() - started, number))

        tasks = []
        now = 0.0
        for number, (at, gives_up) in enumerate(sorted(arrivals)):
            if at > now:
                await clock.sleep(at - now)
                now = at
            task = asyncio.ensure_future(ask(number))
            await asyncio.sleep(0)
            tasks.append(task)
            if gives_up and number % 2:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return times, clock.now() - started

    times, _ = asyncio.run(run())
    assert [number for _, number in times] == sorted(number for _, number in times)
    assert not times or worst_window([at for at, _ in times]) <= limit
    survivors = len(times)
    last = max(at for at, _ in arrivals)
    assert not times or times[-1][0] <= last + (survivors / limit + 1) * 60.1


async def test_a_thousand_at_once() -> None:
    clock = FakeClock(longest=1e9)
    limits, times = RateLimits(clock, requests={"T": 600}), []

    async def ask() -> None:
        async for _ in limits.turn("T", lambda: 1, None, []):
            pass
        times.append(clock.now())

    await asyncio.gather(*(ask() for _ in range(1000)))
    assert worst_window(times) <= 600
    assert times[-1] - times[0] < 105


async def test_places_are_given_in_order_and_given_back() -> None:
    limits = RateLimits(FakeClock(), connections=2)
    order: list[int] = []
    said: list[Any] = []
    here = most = 0

    async def ask(number: int) -> None:
        nonlocal here, most
        async for status in limits.place("T"):
            said.append(status.text)
        here += 1
        most = max(most, here)
        order.append(number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        here -= 1
        limits.leave()

    tasks = [asyncio.ensure_future(ask(number)) for number in range(9)]
    await asyncio.sleep(0)
    tasks[5].cancel()  # who gives up while waiting takes no place
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 2
    assert order == [0, 1, 2, 3, 4, 6, 7, 8]
    assert said
    assert limits._free == 2


async def test_a_pause_that_the_server_asks_for_holds_everybody() -> None:
    clock = FakeClock()
    limits = RateLimits(clock)
    limits.hear("T", {"Retry-After": "20"})
    before = clock.now()
    async for _ in limits.turn("T", lambda: 1, None, []):
        pass
    assert clock.now() - before == pytest.approx(20)
    async for _ in limits.turn("another", lambda: 1, None, []):
        pass
    assert clock.now() - before == pytest.approx(20)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "20s"}, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1.5"}, 1.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 400}, 0),
        ({"x-ratelimit-remaining": "0"}, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000000000000"}, 0),
    ],
)
def test_what_headers_tell(headers: dict[str, str], seconds: float) -> None:
    assert pause_told(headers) == pytest.approx(seconds)
