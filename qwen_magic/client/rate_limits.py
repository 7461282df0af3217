"""How many requests and tokens a minute a target is sent, and how many answers come at once. No HTTP is spoken here.

A limit holds for every span of a minute, not for each minute of a clock. Who waits is served in the order of arrival.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..backends.rate_headers import pause_told
from ..errors import UsageError
from ..events import Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

    from ..clock import Clock

_MINUTE = 60.0
_MARGIN = 0.5
"""Seconds by which a span is longer than a minute: the first of it may arrive so late, over new connections."""
_NOTHING = 1e-6
"""Seconds that are no wait: a clock may not even tell them apart."""
_BURST_PART, _SMALL_BURST = 20, 5
"""Requests that may go at once: one in so many of a minute's, or so many; the others go evenly."""
_UNKNOWN_ANSWER = 500
"""Tokens that an answer counts before one has come, where nobody limits it."""
_LONGEST_PAUSE = 60.0
"""Seconds for which a server's wish to be left alone is heeded; whoever asks later is told by the server itself."""


@dataclass(eq=False)
class Cap:
    """A limit for some time.

    Attributes:
        requests: the requests of a minute, or None.
        tokens: the tokens of a minute, or None.

    """

    requests: int | None
    tokens: int | None


@dataclass
class Sent:
    """A request that was let through.

    Attributes:
        at: when.
        tokens: how many tokens it counts, its answer's with them.

    """

    at: float
    tokens: int


class Rate:
    """Let requests to one target through, as many a minute as it takes. Times are handed in.

    Args:
        requests: the requests of a minute, or None.
        tokens: the tokens of a minute, or None.

    Attributes:
        limits: whether anything is limited.

    """

    def __init__(self, requests: int | None = None, tokens: int | None = None) -> None:
        self._caps: list[Cap] = []
        self.add_cap(Cap(requests, tokens))
        self._sent: deque[Sent] = deque()
        self._paused_until = float("-inf")
        self._even = float("-inf")  # when the next one would go if all went evenly
        self._answer = float(_UNKNOWN_ANSWER)

    def add_cap(self, cap: Cap) -> None:
        """Hold to a further limit; of each kind the least one counts."""
        self._caps.append(cap)
        self._note_least()

    def remove_cap(self, cap: Cap) -> None:
        """Hold no longer to a limit."""
        self._caps.remove(cap)
        self._note_least()

    def _note_least(self) -> None:
        self._requests = min((cap.requests for cap in self._caps if cap.requests is not None), default=None)
        self._tokens = min((cap.tokens for cap in self._caps if cap.tokens is not None), default=None)
        self.limits = self._requests is not None or self._tokens is not None

    @property
    def limits_tokens(self) -> bool:
        """Tell whether tokens are limited, so that they have to be counted."""
        return self._tokens is not None

    def delay(self, now: float, tokens: int) -> float:
        """Tell how many seconds a request of so many tokens has to wait."""
        self._forget(now)
        delay = max(0.0, self._paused_until - now)
        if self.limits:
            delay = max(delay, self._request_delay(now), self._token_delay(now, tokens))
        return delay if delay > _NOTHING else 0.0

    def let_through(self, now: float, tokens: int) -> Sent:
        """Note a request that is sent now."""
        sent = Sent(now, tokens)
        self._sent.append(sent)
        if self._requests:
            self._even = max(self._even, now) + _MINUTE / self._requests
        return sent

    def correct(self, sent: Sent, tokens: int, answer: int) -> None:
        """Note what a request really cost: its tokens in all, and those of its answer."""
        sent.tokens = tokens
        self._answer += (answer - self._answer) / 4

    def pause(self, until: float) -> None:
        """Let nothing through before a time; a pause is never made shorter."""
        self._paused_until = max(self._paused_until, until)

    def expected_answer(self) -> int:
        """Tell how many tokens an answer has whose length nobody limits, by those that came."""
        return round(self._answer)

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0].at <= now - _MINUTE - _MARGIN:
            self._sent.popleft()

    def _request_delay(self, now: float) -> float:
        if not self._requests:
            return 0.0
        burst = max(self._requests // _BURST_PART, min(self._requests, _SMALL_BURST))
        evenly = self._even - now - (burst - 1) * _MINUTE / self._requests
        full = len(self._sent) >= self._requests
        return max(evenly, self._sent[-self._requests].at + _MINUTE + _MARGIN - now if full else 0.0)

    def _token_delay(self, now: float, tokens: int) -> float:
        """Wait until enough of the last minute's are past; one larger than the limit goes alone."""
        if not self._tokens:
            return 0.0
        over = sum(sent.tokens for sent in self._sent) + tokens - self._tokens
        wait = 0.0
        for sent in self._sent:
            if over <= 0:
                break
            over -= sent.tokens
            wait = sent.at + _MINUTE + _MARGIN - now
        return wait


@dataclass
class _Waiter:
    loop: asyncio.AbstractEventLoop
    turn: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # its loop is closed
            self.loop.call_soon_threadsafe(self.turn.set)


class _Line:
    """Who waits for something, in the order of arrival, on any loops; the first is woken when it may try again."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()

    @property
    def empty(self) -> bool:
        """Whether nobody waits."""
        return not self._waiters

    async def wait(
        self, clock: Clock, take: Callable[[], float | None], status: Status
    ) -> AsyncGenerator[Status, None]:
        """Wait for one's turn; yield the status once where one has to.

        Args:
            clock: what waits.
            take: takes what is waited for, under the lock, and returns None; else for how long to wait, which may be
                for ever, until one is woken.
            status: what is said.

        """
        waiter = _Waiter(asyncio.get_running_loop())
        with self.lock:
            self._waiters.append(waiter)
        told = False
        try:
            while True:
                waiter.turn.clear()
                with self.lock:
                    first = self._waiters[0] is waiter
                    left = take() if first else float("inf")
                if left is None:
                    return
                if not told:
                    told = True
                    yield status
                await _until(waiter.turn, clock, left)
        finally:
            with self.lock:
                self._waiters.remove(waiter)
            self.wake()

    def wake(self) -> None:
        """Let the first try again."""
        with self.lock:
            first = self._waiters[0] if self._waiters else None
        if first:
            first.wake()


class RateLimits:
    """The limits of one client.

    Args:
        clock: the time.
        requests: requests a minute: for each target, or by the target's name.
        tokens: tokens a minute, likewise.
        connections: answers that may come at once, or None.

    """

    def __init__(
        self,
        clock: Clock,
        requests: int | Mapping[str, int] | None = None,
        tokens: int | Mapping[str, int] | None = None,
        connections: int | None = None,
    ) -> None:
        limits = {"requests_per_minute": requests, "tokens_per_minute": tokens, "max_connections": connections}
        for name, limit in limits.items():
            _check(name, limit)
        self._clock = clock
        self._requests = requests
        self._tokens = tokens
        self._free = connections
        self._places = _Line()
        self._rates: dict[str, tuple[Rate, _Line]] = {}
        self._lock = threading.Lock()

    async def place(self, target: str) -> AsyncGenerator[Status, None]:
        """Wait for a place among the answers that come at once; give it back by `leave`."""

        def take() -> float | None:
            if self._free is not None and self._free <= 0:
                return float("inf")
            self._free = None if self._free is None else self._free - 1
            return None

        if self._free is not None:
            status = Status("waiting for another answer to end", "queue", target)
            async for waiting in self._places.wait(self._clock, take, status):
                yield waiting

    def leave(self) -> None:
        """Give back a place."""
        if self._free is not None:
            with self._places.lock:
                self._free += 1
            self._places.wake()

    async def turn(
        self, target: str, prompt: Callable[[], int], answer: int | None, sent: list[Sent]
    ) -> AsyncGenerator[Status, None]:
        """Wait until a request may be sent.

        Args:
            target: the target's name.
            prompt: counts the tokens that it has; asked only where they are limited.
            answer: tokens that its answer may have, or None where nobody limits them.
            sent: takes what was let through.

        Yields:
            A Status where it has to wait.

        """
        rate, line = self._rate(target)
        read = prompt() if rate.limits_tokens else 0

        def take() -> float | None:
            tokens = read + (rate.expected_answer() if answer is None else answer)
            now = self._clock.now()
            if (left := rate.delay(now, tokens)) > 0:
                return left
            sent.append(rate.let_through(now, tokens))
            return None

        status = Status("waiting, because of the limit on requests or tokens a minute", "queue", target)
        async for waiting in line.wait(self._clock, take, status):
            yield waiting

    def at_once(self, target: str, sent: list[Sent]) -> bool:
        """Let a request through where nobody limits the target and nobody waits; else say that it has to wait.

        Args:
            target: the target's name.
            sent: takes what was let through.

        """
        rate, line = self._rate(target)
        if rate.limits or not line.empty:
            return False
        now = self._clock.now()
        with line.lock:
            if rate.delay(now, 0) > 0:
                return False
            sent.append(rate.let_through(now, 0))
        return True

    @contextlib.contextmanager
    def at_most(self, targets: Sequence[str], requests: int | None, tokens: int | None) -> Iterator[None]:
        """Hold targets to limits of a job's own as well, as long as the block lasts.

        Args:
            targets: the targets' names.
            requests: requests a minute, or None.
            tokens: tokens a minute, or None.

        Raises:
            UsageError: a limit is no whole number from 1 on.

        """
        _check("requests_per_minute", requests)
        _check("tokens_per_minute", tokens)
        cap, rates = Cap(requests, tokens), [self._rate(target)[0] for target in targets]
        for rate in rates:
            rate.add_cap(cap)
        try:
            yield
        finally:
            for rate in rates:
                rate.remove_cap(cap)

    async def again(self, target: str) -> None:
        """Wait until a further request of the same answer may be sent."""
        async for _ in self.turn(target, int, 0, []):
            pass

    def used(self, target: str, sent: Sent, prompt: int | None, answer: int | None) -> None:
        """Note what a request cost, as far as that is known."""
        if prompt is None or answer is None:
            return
        rate, line = self._rate(target)
        with line.lock:
            rate.correct(sent, prompt + answer, answer)
        line.wake()

    def hear(self, target: str, headers: Mapping[str, str]) -> None:
        """Heed what a server tells in the headers of its answer: ``Retry-After`` and ``x-ratelimit-*``."""
        if pause := pause_told(headers):
            rate, line = self._rate(target)
            with line.lock:
                rate.pause(self._clock.now() + min(pause, _LONGEST_PAUSE))

    def _rate(self, target: str) -> tuple[Rate, _Line]:
        with self._lock:
            if target not in self._rates:
                rate = Rate(_of(self._requests, target), _of(self._tokens, target))
                self._rates[target] = rate, _Line()
            return self._rates[target]


def _check(name: str, limit: object) -> None:
    """Refuse a limit that is none.

    Raises:
        UsageError: it is no whole number from 1 on.

    """
    for number in limit.values() if isinstance(limit, dict) else () if limit is None else (limit,):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise UsageError(f"{name} is {number!r}", hint="Take a whole number from 1 on, or None for no limit.")


def _of(limit: int | Mapping[str, int] | None, target: str) -> int | None:
    return limit if limit is None or isinstance(limit, int) else limit.get(target)


async def _until(event: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Wait for an event, but no longer than so many seconds."""
    if seconds == float("inf"):
        await event.wait()
        return
    tasks = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
