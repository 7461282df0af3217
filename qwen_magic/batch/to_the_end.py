"""What must not be broken off, however often the task that waits for it is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def run_to_the_end(work: Coroutine[Any, Any, None]) -> bool:
    """Run a coroutine to its end, though the task that waits for it be cancelled.

    Args:
        work: the coroutine.

    Returns:
        Whether the task was cancelled meanwhile.

    """
    running, cancelled = asyncio.ensure_future(work), False
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            cancelled = True
    running.result()
    return cancelled
