"""How one row is asked: of which target, at once or over a stream, and what its failure means for the others."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..backends.retrying import Passing
from ..client.whole import ask_streamed, ask_whole, is_short, take_turn, whole_backend
from ..errors import (
    AsleepError,
    AuthError,
    BusyError,
    ChainError,
    ConnectError,
    DisconnectError,
    LocalError,
    NotFoundError,
    ProtocolError,
    QuotaError,
    QwenError,
    ServerError,
    SpaceStateError,
    StallError,
    TargetError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backends.target import Target
    from ..backends.whole import WholeBackend
    from ..client.client import QwenClient
    from ..reply import Reply
    from ..request import Request

_OF_THE_TARGET = (
    *(AsleepError, AuthError, BusyError, ConnectError, DisconnectError, LocalError, NotFoundError, ProtocolError),
    *(QuotaError, SpaceStateError, StallError, TargetError),
)
"""Failures that say something of the target: another row would fare no better."""
_SURE = (AuthError, NotFoundError, QuotaError, SpaceStateError, TargetError, LocalError)
"""Those of them that do not pass while a job runs."""
_SLOTS = 2
"""Answers that the engine of `local` gives side by side."""


def is_of_target(error: QwenError) -> bool:
    """Tell whether a failure is the target's, so that the next row would fail as well."""
    if isinstance(error, ChainError):
        return bool(error.errors) and all(map(is_of_target, error.errors))
    return isinstance(error, _OF_THE_TARGET)


def is_sure(error: QwenError) -> bool:
    """Tell whether a target's failure does not pass by itself."""
    if isinstance(error, ChainError):
        return bool(error.errors) and all(map(is_sure, error.errors))
    return isinstance(error, _SURE)


@dataclass
class _Stop:
    """One target of the chain.

    Attributes:
        target: the target.
        backend: what gives whole answers, or None where a stream has to.
        places: how many are asked at once.

    """

    target: Target
    backend: WholeBackend | None
    places: asyncio.Semaphore | None


class Lane:
    """Ask rows of a chain of targets: of the first, and what that refuses of the next.

    Args:
        client: the client.
        targets: the targets, in order.
        shaped: whether the answers have a shape, so that one may take several requests.

    Attributes:
        most: the most rows at once that this chain may be asked, or None where nobody says.

    """

    def __init__(self, client: QwenClient, targets: Sequence[Target], *, shaped: bool = False) -> None:
        self._client = client
        self._stops = [
            _Stop(target, None if shaped else whole_backend(client, target), _places(target)) for target in targets
        ]
        self.most = _most(targets[0])
        self._clock = client.settings.clock

    async def ask(self, request: Request, sent: list[float]) -> Reply:
        """Ask for one answer.

        Args:
            request: what is asked.
            sent: takes the times at which it goes out.

        Raises:
            BusyError: the last target asks not to be asked so often; nothing was tried again.
            QwenError: none answered.

        """
        errors: list[QwenError] = []
        for place, stop in enumerate(self._stops):
            try:
                if stop.backend is None or not is_short(request):
                    return await self._streamed(self._stops[place:], request, sent)
                return await self._whole(stop, stop.backend, request, sent)
            except QwenError as error:
                errors.append(error)
                if place == len(self._stops) - 1 or isinstance(error, ChainError):
                    if len(errors) == 1 or isinstance(error, (BusyError, ChainError)):
                        raise
                    raise _together(errors) from None
        raise errors[-1]

    async def _streamed(self, stops: Sequence[_Stop], request: Request, sent: list[float]) -> Reply:
        """Ask as a single prompt is asked: with all that the client does for one."""
        targets = [stop.target for stop in stops]
        async with stops[0].places or contextlib.nullcontext():
            sent.append(self._clock.now())
            return await ask_streamed(self._client, targets, request)

    async def _whole(self, stop: _Stop, backend: WholeBackend, request: Request, sent: list[float]) -> Reply:
        """Ask at once; again, twice at most, after a failure that passes by itself."""
        passing: Passing | None = None
        while True:
            turn = await take_turn(self._client, stop.target, request)
            sent.append(self._clock.now())
            try:
                return await ask_whole(self._client, stop.target, backend, request, turn)
            except QwenError as error:
                if isinstance(error, BusyError) or not error.before_answer:
                    raise
                passing = passing or Passing(stop.target.name, self._client.settings.deadlines, self._clock)
                if (wait := passing.wait(error)) is None:
                    raise
                await self._clock.sleep(wait.seconds)


def _together(errors: Sequence[QwenError]) -> ChainError:
    reasons = "; ".join(f"{error.target}: {error.what}" for error in errors)
    together = ChainError(f"none of {len(errors)} targets answered: {reasons}", hint=errors[0].hint)
    together.errors = tuple(errors)
    return together


def _most(target: Target) -> int | None:
    """Tell how many rows at once a target is asked at most: a Space one, the engine as many as it has slots."""
    return {"space": 1, "local": _SLOTS}.get(target.kind)


def _places(target: Target) -> asyncio.Semaphore | None:
    most = _most(target)
    return asyncio.Semaphore(most) if most else None


def retry_after(error: QwenError) -> float | None:
    """Tell how long a server that refused wants to be left alone, in seconds; None where it does not say."""
    return error.retry_after if isinstance(error, ServerError) else None
