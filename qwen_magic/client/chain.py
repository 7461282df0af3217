"""The chain of targets: which one is asked, for how long it is waited for, and what is said where none answers."""

from __future__ import annotations

import re
import time
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from ..backends.base import Deadlines
from ..backends.last_resort import unexpected
from ..errors import (
    AsleepError,
    BusyError,
    ChainError,
    ConnectError,
    ContextError,
    EmptyAnswerError,
    QwenError,
    ServerError,
    StallError,
    UsageError,
)
from ..events import AnswerEvent, Event, Status, UsageReport
from .continuation import continued
from .laddering import Ladders, held
from .picture_size import tokens_for
from .unsendable import sendable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    import aiohttp

    from ..backends.base import Backend, Settings
    from ..backends.target import Target
    from ..reply import Reply
    from ..request import Request
    from .context_limits import ContextLimits
    from .fitting import Fitted
    from .health import Health
    from .rate_limits import RateLimits, Sent

CONNECT_SECONDS = 12.0
"""The longest wait for connections in all, where there are several targets: with no network a chain ends soon."""
_LEAST_CONNECT_SECONDS = 1.0
_REASON_CHARACTERS = 90
_BAD_REQUEST = (400, 422, 500)
_LOCAL_SERVERS_HELP = (ConnectError, StallError, ChainError, BusyError, AsleepError)


class Chain:
    """Targets that are tried in order until one begins to answer.

    One that cannot send all that a request holds is not asked. One that failed a short time ago is left out, and tried
    again only where all others fail. While another one is left, a busy, sleeping or silent target is waited for only a
    little, and a long queue counts as full; where all fail, the first of those is waited for as long as the settings
    allow.

    Args:
        targets: the targets, in order.
        backend: gives a target's backend.
        health: how the targets fare.
        limits: what is known of their contexts.
        settings: the client's settings.
        rates: how often targets are asked, and how many answers come at once.
        beginning: an answer that was broken off, which is to be continued, or None.
        ladders: how targets can be held to the shape of an answer.

    Attributes:
        targets: the targets.
        attempt: how often a target was asked so far.
        exact: whether the one that is asked goes on with the beginning by itself.
        sent: what of the conversation was sent last, or None before.
        ladders: how targets can be held to the shape of an answer.

    """

    def __init__(
        self,
        targets: Sequence[Target],
        backend: Callable[[Target], Backend],
        health: Health,
        limits: ContextLimits,
        settings: Settings,
        rates: RateLimits,
        beginning: Reply | None = None,
        ladders: Ladders | None = None,
    ) -> None:
        self.ladders = ladders or Ladders()
        self.targets = tuple(targets)
        self.attempt = 0
        self.exact = False
        self.sent: Fitted | None = None
        self._backend = backend
        self._health = health
        self._limits = limits
        self._settings = settings
        self._rates = rates
        self._beginning = beginning
        self._begun = False
        self._connecting = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The targets' names."""
        return tuple(target.name for target in self.targets)

    async def events(self, session: aiohttp.ClientSession, request: Request) -> AsyncGenerator[Event, None]:
        """Yield the events of the target that answers, and a Status for each that does not.

        An EmptyAnswerError that is thrown in at the End counts as the target's failure: the next one is asked.

        Raises:
            QwenError: an answer broke off, or the only target failed.
            UsageError: none of them takes what the request holds.
            ChainError: all of several failed.

        """
        failures: dict[str, QwenError] = {}
        hurried: list[Target] = []
        waiting = self._order()
        if status := self._left_out(waiting):
            yield status
        while waiting:
            target, *waiting = waiting
            try:
                async with aclosing(self._ask(target, waiting, session, request)) as answer:
                    async for event in answer:
                        yield event
            except QwenError as error:
                failures[target.name] = error
                self._check_left(target, error)
                if waiting and isinstance(error, (BusyError, AsleepError, StallError)):
                    hurried.append(target)
                if not waiting:
                    waiting, hurried = hurried[:1], []
                if not waiting:
                    raise await self._failure(failures) from error
                yield Status(f"{error.what}; trying {waiting[0].name}", "failover", target.name)
            else:
                return

    def _check_left(self, target: Target, error: QwenError) -> None:
        """Raise an error that came when the answer had begun, so that no other target is asked."""
        if isinstance(error, EmptyAnswerError):  # thrown in from above, where it was seen
            self._health.failed(target, error)
        elif self._begun:
            raise error

    def _order(self) -> list[Target]:
        """Return the targets in the order in which they are asked: last those that are left out the longest."""
        return sorted(self.targets, key=self._health.pause)

    def _left_out(self, order: Sequence[Target]) -> Status | None:
        """Say which targets are left out; None where none is, or all have failed and are asked all the same."""
        pauses = {target.name: pause for target in order if (pause := self._health.pause(target))}
        if not pauses or len(pauses) == len(order):
            return None
        text = f"left out for up to {max(pauses.values()):.0f} s after a failure"
        return Status(text, "failover", ", ".join(pauses))

    async def _ask(
        self,
        target: Target,
        others: Sequence[Target],
        session: aiohttp.ClientSession,
        request: Request,
    ) -> AsyncGenerator[Event, None]:
        """Ask one target, and note how it fares."""
        self._begun = False
        async with aclosing(self._rates.place(target.name)) as places:
            async for status in places:
                yield status
        try:
            async with aclosing(self._timed(target, others, session, request)) as answer:
                async for event in answer:
                    yield event
        finally:
            self._rates.leave()

    async def _timed(
        self,
        target: Target,
        others: Sequence[Target],
        session: aiohttp.ClientSession,
        request: Request,
    ) -> AsyncGenerator[Event, None]:
        """Ask one target in its turn, from which on the time counts."""
        sent: list[Sent] = []
        turn = self._rates.turn(
            target.name, lambda: tokens_for(target.name, request), request.parameters.max_tokens, sent
        )
        async with aclosing(turn) as waiting:
            async for status in waiting:
                yield status
        started = time.perf_counter()
        try:
            backend = self._backend(target)
            deadlines = self._deadlines(others)
            request, left = await sendable(backend, target.name, request, session, deadlines)
            if left:
                yield Status(left, "warning", target.name)
            async with aclosing(self._answer(backend, target, deadlines, session, request)) as answer:
                async for event in answer:
                    spent = time.perf_counter() - started
                    if not self._begun and isinstance(event, AnswerEvent):
                        self._begun = True
                        self._health.succeeded(target, spent)
                    yield event
                    if isinstance(event, UsageReport):
                        usage = event.usage
                        self._rates.used(target.name, sent[0], usage.prompt_tokens, usage.completion_tokens)
                    if others and isinstance(event, Status) and event.kind == "queue":
                        self._leave_long_queue(event, spent)
        except QwenError as error:
            error.target = error.target or target.name
            self._health.failed(target, error, begun=self._begun)
            if isinstance(error, ConnectError):
                self._connecting += time.perf_counter() - started
            raise
        except Exception as error:  # noqa: BLE001 - the last resort
            failure = unexpected(error, target.name)
            self._health.failed(target, failure, begun=self._begun)
            raise failure from None

    async def _answer(
        self,
        backend: Backend,
        target: Target,
        deadlines: Deadlines,
        session: aiohttp.ClientSession,
        request: Request,
    ) -> AsyncGenerator[Event, None]:
        """Ask for an answer, or for its continuation in the form that the backend can take."""
        for exact in (True, False) if self._beginning and backend.continues else (False,):
            self.attempt += 1
            self.exact = exact
            sent = continued(request, self._beginning, exact=self.exact) if self._beginning else request
            newest = len(sent.messages) - len(request.messages) + 1
            ask = partial(self._fitted, backend, session, deadlines, newest)
            fitted = ask(sent)
            if request.schema is not None and self._beginning is None:
                fitted = held(self.ladders, backend, sent, ask, partial(self._rates.again, target.name))
            try:
                async with aclosing(fitted) as answer:
                    async for event in answer:
                        yield event
            except ContextError:
                raise  # the other form is longer
            except ServerError as error:
                if self._begun or not self.exact or error.status not in _BAD_REQUEST:
                    raise
            else:
                return

    def _fitted(
        self, backend: Backend, session: aiohttp.ClientSession, deadlines: Deadlines, newest: int, request: Request
    ) -> AsyncGenerator[Event, None]:
        return self._limits.answer(backend, backend.name, session, request, deadlines, newest, self._sending)

    def _sending(self, sent: Fitted) -> None:
        self.sent = sent

    def _leave_long_queue(self, status: Status, spent: float) -> None:
        """Raise where a queue takes so long that it counts as full."""
        limit = self._settings.retry_timeout
        if spent > limit or (status.eta or 0.0) > limit:
            raise BusyError(f"the queue is long ({status.text})", target=status.target, hint="Try another target.")

    def _deadlines(self, others: Sequence[Target]) -> Deadlines:
        """Return how long a target is waited for while these others are left."""
        settings, full = self._settings, self._settings.deadlines
        if len(self.targets) == 1:
            return full
        remote = sum(target.remote for target in others)
        share = max(_LEAST_CONNECT_SECONDS, (CONNECT_SECONDS - self._connecting) / (1 + remote))
        connect = min(full.connect, share)
        if not others:
            return Deadlines(connect, full.retry, full.wake)
        wait = settings.failover_timeout
        return Deadlines(connect, min(full.retry, wait), min(full.wake, wait), settings.first_token_timeout)

    async def _failure(self, failures: dict[str, QwenError]) -> QwenError:
        """Return the error to raise where no target answered; it names a server on this machine that could."""
        error = next(iter(failures.values()))
        if len(failures) > 1:
            what = f"none of {len(failures)} targets answered: {_reasons(failures)}"
            if all(isinstance(failure, UsageError) for failure in failures.values()):
                return UsageError(what, hint=error.hint)  # what was asked has to be another
            error = ChainError(what, hint=_hint(failures))
            error.errors = tuple(failures.values())
        if isinstance(error, _LOCAL_SERVERS_HELP):
            from ..backends.openai.local_servers import find_local_servers  # noqa: PLC0415 - only where all else failed

            if found := [name for name in await find_local_servers() if name not in failures]:
                error.hint = f"{error.hint} {found[0]} answers on this machine: try that."
        return error


def _reasons(failures: dict[str, QwenError]) -> str:
    """Say why each target failed; those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, error in failures.items():
        # An unreachable server's address adds nothing to its name.
        reason = re.split(r": | to ", error.what)[0] if isinstance(error, ConnectError) else error.what
        by_reason.setdefault(reason[:_REASON_CHARACTERS], []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())


def _hint(failures: dict[str, QwenError]) -> str:
    if all(isinstance(error, ConnectError) for error in failures.values()):
        return "Check the network."
    return "Ask again later, or try another target."
