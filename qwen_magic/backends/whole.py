"""A whole answer at once, for who asks thousands of times and watches none of them come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import aiohttp

    from ..events import Event
    from ..request import Request
    from .base import Deadlines


class WholeBackend(Protocol):
    """A backend that can also be asked without anybody following: that costs a fraction of a stream."""

    name: str

    async def whole(
        self, session: aiohttp.ClientSession, request: Request, deadlines: Deadlines | None = None
    ) -> Sequence[Event]:
        """Ask once and return all events of the answer, as `Backend.stream` yields them; nothing is tried again.

        Args:
            session: an HTTP session of the running loop.
            request: see `Backend.stream`.
            deadlines: how long to wait for a connection.

        Raises:
            QwenError: what went wrong, a busy server at once.

        """
        ...
