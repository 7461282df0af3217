"""Trying again: while a server is busy, with growing pauses; while it wakes up, by asking it time and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from ..clock import SYSTEM_CLOCK
from ..errors import AsleepError, BusyError
from ..events import Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from ..clock import Clock
    from .base import Deadlines

T = TypeVar("T")

_LONGEST_PAUSE = 15.0


async def retry_until_ready(
    attempt: Callable[[], Awaitable[T]],
    result: list[T],
    target: str,
    deadlines: Deadlines,
    *,
    asleep: Literal["waking", "loading"] = "waking",
    state: Callable[[], Awaitable[str]] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> AsyncGenerator[Status, None]:
    """Try until it works, and tell of each wait.

    Args:
        attempt: what is tried.
        result: takes what the attempt returns.
        target: the target's name.
        deadlines: how long to go on: ``retry`` while it is busy, ``wake`` while it is not up.
        asleep: what a server that is not up yet does.
        state: says in words what it does, "" where it cannot; may raise where waiting would not help.
        clock: what tells the time and waits.

    Yields:
        A Status before each pause.

    Raises:
        BusyError: it was busy for too long.
        AsleepError: it did not come up in time.

    """
    started, pause = clock.now(), 1.0
    while True:
        try:
            result.append(await attempt())
        except BusyError as error:
            failure: BusyError | AsleepError = error
            kind: Literal["retry", "waking", "loading"] = "retry"
            limit = deadlines.retry
            asked = error.retry_after or 0.0  # "at once" would only make a full queue fuller
            wait = asked if asked >= 1 else pause * (1 + clock.jitter() / 4)
            text = f"{error.what}; trying again in {wait:.0f} s"
        except AsleepError as error:
            failure, kind, limit, wait = error, asleep, deadlines.wake, pause
            text = (await state() if state else "") or f"{error.what}; waiting until it is"
        else:
            return
        spent = clock.now() - started
        if spent + wait > limit:
            failure.what += f", after {spent:.0f} s of trying" if spent >= 1 else ""
            raise failure
        yield Status(text, kind, target)
        await clock.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE)
