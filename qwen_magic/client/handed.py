"""A queue of one writer and one reader that takes little memory; a client may have hundreds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..events import Event


class Handed:
    """Events, or the error that ends them. `asyncio.Queue` has three kilobytes of deques for each answer."""

    __slots__ = ("_items", "_waiter")

    def __init__(self) -> None:
        self._items: list[Event | BaseException] = []
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: Event | BaseException) -> None:
        """Put one at the end."""
        self._items.append(item)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> list[Event | BaseException]:
        """Wait until there is something, and take all of it."""
        if not self._items:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        found, self._items = self._items, []
        return found
