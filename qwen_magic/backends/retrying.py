"""Trying again: while a server is busy or wakes up, time and again; after a failure that passes by itself, twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import aiohttp

from ..clock import SYSTEM_CLOCK
from ..errors import AsleepError, BusyError, DisconnectError, ServerError
from ..events import Status
from .http import is_dropped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from ..clock import Clock
    from .base import Deadlines

T = TypeVar("T")

_LONGEST_PAUSE = 15.0
_MOST_PASSING = 2
"""How often a question is sent again after failures that pass by themselves."""
_FIRST_PASSING_PAUSE = 0.5
_OVERLOADED = 529
PASSING = frozenset((408, 409, 425, 500, 502, 503, 504, _OVERLOADED))
"""Statuses of failures that may pass by themselves."""
_PLAIN = (ServerError, BusyError, AsleepError)
_MAY_HAVE_WORKED = frozenset((408, 500, 502, 504))
"""Those of them after which a server may have done the work all the same."""


class Wait(NamedTuple):
    """What is said, and how long is waited, before a question is sent again."""

    status: Status
    seconds: float


class Passing:
    """Count how often one question is sent again after failures that pass by themselves.

    Args:
        target: the target's name.
        deadlines: how long to go on.
        clock: what tells the time and draws chance.
        charged: whether the server may charge for the question each time that it gets it.
        statuses: statuses of failures that may pass by themselves.

    """

    def __init__(
        self,
        target: str,
        deadlines: Deadlines,
        clock: Clock = SYSTEM_CLOCK,
        *,
        charged: bool = False,
        statuses: frozenset[int] = PASSING,
    ) -> None:
        self._target = target
        self._limit = deadlines.retry
        self._clock = clock
        self._charged = charged
        self._statuses = statuses
        self._started = clock.now()
        self._tries = 0

    def wait(self, error: BaseException) -> Wait | None:
        """Tell how to go on after a failure; None where it does not pass, or has come too often.

        Args:
            error: what was raised while nothing of an answer had come.

        """
        dropped = is_dropped(error) or isinstance(error, DisconnectError)
        # Of a conversation that is too long, or a Space that crashed, more is known than the status.
        failed = isinstance(error, ServerError) and type(error) in _PLAIN
        passes = failed and (isinstance(error, BusyError) or getattr(error, "status", 0) in self._statuses)
        if not dropped and not passes:
            return None
        asked = error.retry_after or 0.0 if isinstance(error, ServerError) else 0.0
        pause = _FIRST_PASSING_PAUSE * 2**self._tries * (1 + self._clock.jitter() / 4)
        # A kept connection that the server has just closed is the usual case: nothing is waited for.
        seconds = 0.0 if dropped and not self._tries else max(asked, pause)
        if self._tries >= _MOST_PASSING or self._clock.now() - self._started + seconds > self._limit:
            return None
        self._tries += 1
        what = "the server closed the connection without an answer" if dropped else getattr(error, "what", "")
        when = f" in {seconds:.0f} s" if seconds >= 1 else ""
        twice = dropped or getattr(error, "status", 0) in _MAY_HAVE_WORKED
        cost = "; it may be charged for both" if self._charged and twice else ""
        return Wait(Status(f"{what}; asking again{when}{cost}", "retry", self._target), seconds)


async def retry_until_ready(
    attempt: Callable[[], Awaitable[T]],
    result: list[T],
    target: str,
    deadlines: Deadlines,
    *,
    asleep: Literal["waking", "loading"] = "waking",
    state: Callable[[], Awaitable[str]] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    passing: Passing | None = None,
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
        passing: counts the failures that pass by themselves, where more than this counts.

    Yields:
        A Status before each pause.

    Raises:
        BusyError: it was busy for too long.
        AsleepError: it did not come up in time.
        ServerError: it failed time and again.

    """
    started, pause = clock.now(), 1.0
    passing = passing or Passing(target, deadlines, clock)
    while True:
        try:
            result.append(await attempt())
        except (ServerError, aiohttp.ClientError, OSError) as error:
            if not isinstance(error, (BusyError, AsleepError)) or error.status == _OVERLOADED:
                if (again := passing.wait(error)) is None:
                    raise
                yield again.status
                await clock.sleep(again.seconds)
                continue
            failure: BusyError | AsleepError = error
        else:
            return
        if isinstance(failure, BusyError):
            kind: Literal["retry", "waking", "loading"] = "retry"
            limit = deadlines.retry
            asked = failure.retry_after or 0.0  # "at once" would only make a full queue fuller
            wait = asked if asked >= 1 else pause * (1 + clock.jitter() / 4)
            text = f"{failure.what}; trying again in {wait:.0f} s"
        else:
            kind, limit, wait = asleep, deadlines.wake, max(pause, failure.retry_after or 0.0)
            text = (await state() if state else "") or f"{failure.what}; waiting until it is"
        spent = clock.now() - started
        if spent + wait > limit:
            failure.what += f", after {spent:.0f} s of trying" if spent >= 1 else ""
            raise failure
        yield Status(text, kind, target)
        await clock.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE)
