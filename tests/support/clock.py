"""A clock that takes no time: it goes on to the next one who waits, once nobody has anything else to do."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class FakeClock:
    """Time that stands still while anything happens.

    Args:
        longest: who waits for longer is left waiting: a watch for silence, which nobody wants to see the end of.
        quiet: seconds of real time without a new one who waits, after which the clock goes on; more where servers
            have to answer meanwhile.

    Attributes:
        waits: how long was waited, each time that a wait came to its end.

    """

    def __init__(self, longest: float = 60.0, quiet: float = 0.0) -> None:
        self.waits: list[float] = []
        self._longest = longest
        self._quiet = quiet
        self._now = 1000.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, float, asyncio.Future[None]]] = []
        self._going: asyncio.Task[None] | None = None

    def now(self) -> float:
        return self._now

    def jitter(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due: asyncio.Future[None] = loop.create_future()
        if seconds > self._longest:
            await due  # until it is cancelled
        heapq.heappush(self._waiting, (self._now + max(0.0, seconds), next(self._order), seconds, due))
        if self._going is None or self._going.done():
            self._going = loop.create_task(self._go_on())
        await due

    async def _go_on(self) -> None:
        while self._waiting:
            count = -1
            while count != len(self._waiting):
                count = len(self._waiting)
                await asyncio.sleep(self._quiet)
                for _ in range(20):
                    await asyncio.sleep(0)
            due, _, seconds, future = heapq.heappop(self._waiting)
            if not future.done():
                self._now = max(self._now, due)
                self.waits.append(seconds)
                future.set_result(None)
