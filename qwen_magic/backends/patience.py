"""How long a server is waited for: progress keeps an exchange alive, bytes alone do not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from ..clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    import aiohttp
    from typing_extensions import Self

    from ..clock import Clock
    from .base import Deadlines, Settings

_PROGRESS_BYTES = 512
"""So many bytes more of a message that is not whole yet are progress: a long one may come slowly."""
_LATE = 1.0
"""Seconds by which a timer may be late; by more, this process was busy, and what came meanwhile is not read yet."""


class Limit(NamedTuple):
    """How long a server may go without progress.

    Attributes:
        seconds: the time.
        setting: the name of the setting that gives it.

    """

    seconds: float
    setting: str = "stall_timeout"


FAILURE_LIMIT = Limit(5.0)
"""The longest wait for the words of a failure, whose status says most."""


class StalledError(asyncio.TimeoutError):
    """A server made no progress for too long.

    Attributes:
        limit: for how long.
        alive: whether anything at all came in that time.

    """

    def __init__(self, limit: Limit, *, alive: bool = False) -> None:
        super().__init__()
        self.limit = limit
        self.alive = alive


def first_limit(settings: Settings, deadlines: Deadlines | None = None) -> Limit:
    """Return how long a server may take to begin an answer: less where another target is left.

    Args:
        settings: the client's settings.
        deadlines: how long this target may keep us waiting.

    """
    first = deadlines.first_token if deadlines else None
    if first is None or first >= settings.stall_timeout:
        return Limit(settings.stall_timeout)
    return Limit(first, "first_token_timeout")


async def patiently(asking: Awaitable[aiohttp.ClientResponse], limit: Limit) -> aiohttp.ClientResponse:
    """Wait for a response's head no longer than a limit: heads may trickle, interim responses come without end.

    A task of its own and no ``asyncio.wait_for``, which up to Python 3.11 can lose a cancellation.

    Args:
        asking: the request.
        limit: the limit.

    Returns:
        The response, for the caller to release.

    Raises:
        StalledError: it took too long.

    """
    task = asyncio.ensure_future(asking)
    loop = asyncio.get_running_loop()
    seconds = limit.seconds * 1.05 + 0.05  # so that a limit as long, for the connection, is named first
    due = loop.time() + seconds
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done() and loop.time() - due > _LATE:
            await asyncio.wait({task}, timeout=_LATE)
    except asyncio.CancelledError:
        await _give_up(task)
        raise
    if not task.done():
        await _give_up(task)
        raise StalledError(limit)
    return task.result()


async def _give_up(task: asyncio.Task[aiohttp.ClientResponse]) -> None:
    """Cancel a request, and close the response that came all the same."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        task.result().close()


@asynccontextmanager
async def opened(asking: Awaitable[aiohttp.ClientResponse], limit: Limit) -> AsyncIterator[aiohttp.ClientResponse]:
    """Wait for a response's head as `patiently` does, and release the response at the end.

    Args:
        asking: the request.
        limit: the limit.

    Yields:
        The response.

    Raises:
        StalledError: its head took too long.

    """
    async with await patiently(asking, limit) as response:
        yield response


class Watch:
    """Break a response off when it makes no progress for too long.

    Progress only notes the time; what watches looks at it when the limit has passed.

    Args:
        response: what is read.
        limit: how long it may go without progress.
        clock: what tells the time.
        since: when the waiting began, by that clock; without it when the watch begins.

    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        limit: Limit,
        clock: Clock = SYSTEM_CLOCK,
        since: float | None = None,
    ) -> None:
        self._response = response
        self._limit = limit
        self._clock = clock
        self._last = clock.now() if since is None else since
        self._held = 0
        self._heard = False
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._look()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def alive(self) -> None:
        """Note progress: the limit counts from here."""
        self._last = self._clock.now()
        self._held = 0
        self._heard = False

    def hear(self, held: int = 0) -> None:
        """Note bytes that were no progress, unless a message that is not whole yet has grown enough.

        Args:
            held: how many bytes of such a message there are.

        """
        if held >= self._held + _PROGRESS_BYTES:
            self.alive()
            self._held = held
        self._heard = True

    def change(self, limit: Limit) -> None:
        """Take another limit, counted from the last progress."""
        if limit == self._limit:
            return
        self._limit = limit
        if self._timer is not None:
            self._timer.cancel()
            self._look()

    def _look(self) -> None:
        """Break off where the limit has passed since the last progress; else look again when it may have."""
        loop = asyncio.get_running_loop()
        left = self._last + self._limit.seconds - self._clock.now()
        if left <= 0 and self._timer is not None and loop.time() - self._due > _LATE:
            left = _LATE
        if left <= 0:
            self._response.content.set_exception(StalledError(self._limit, alive=self._heard))
            return
        self._due = loop.time() + left
        self._timer = loop.call_later(left, self._look)
