"""Time, sleep and chance, handed in so that tests of waiting take no time."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time, waits, and draws chance; a test hands in its own."""

    def now(self) -> float:
        """Give the time in seconds, from any start; it never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""

    def jitter(self) -> float:
        """Draw a number of [0, 1), by which waits are spread so that not all who wait come back at once."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Give the seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait in the running event loop."""
        await asyncio.sleep(seconds)

    def jitter(self) -> float:
        """Draw a number of [0, 1)."""
        return random.random()  # noqa: S311 - waits are spread by it, nothing is kept secret


SYSTEM_CLOCK = SystemClock()
