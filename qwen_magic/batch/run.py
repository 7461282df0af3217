"""One run over what is open: the first row alone, then the rest, as many at once as the pace allows."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..client.whole import reply_of
from ..errors import BusyError, QwenError, SchemaError
from ..schema.answers import value_of
from .kept_answer import KeptAnswer
from .lane import is_of_target, is_sure, retry_after
from .state import DONE, RECORDED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..clock import Clock
    from ..events import Event
    from ..reply import Reply
    from ..schema import Shape
    from .bounds import Bounds
    from .keeping import Keeping
    from .lane import Lane
    from .pace import Pace
    from .prices import Price
    from .state import State
    from .work import Work

_FINISHED = ("stop", "length")
_SURE_FAILURES = 3
_FAILURES = 5
"""Failures of the target in a row, without an answer between them, after which no further row is asked; or as many as
are asked at once."""
_ALIKE = 20
"""Rows that fail in the same words, while none was answered, after which no further one is asked."""


class Run:
    """Ask rows until none is left, or there is a reason to stop.

    Args:
        work: all different requests.
        state: what has become of them.
        numbers: those that are to be asked, in order.
        lane: how one is asked.
        pace: how many at once.
        keeping: where answers are kept.
        bounds: where it stops by itself.
        price: what tokens cost, or None.
        clock: the time.
        patience: seconds for which a server may refuse all that it is asked.
        with_thinking: whether the thinking stays in memory.
        told: called with each number that is over.

    Attributes:
        stopped: why it ended before all were asked, or "".
        cause: the failure that stopped it before any row was answered, or None.
        waiting: why nothing is asked at this moment, or "".
        begun: when it began, or None.
        ended: when it ended, or None.
        asked: how many requests are over.

    """

    def __init__(
        self,
        work: Work,
        state: State,
        numbers: Sequence[int],
        *,
        lane: Lane,
        pace: Pace,
        keeping: Keeping,
        bounds: Bounds,
        price: Price | None,
        clock: Clock,
        patience: float,
        with_thinking: bool = False,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._work, self._state, self._lane, self._pace = work, state, lane, pace
        self._keeping, self._bounds, self._price, self._clock = keeping, bounds, price, clock
        self._patience, self._with_thinking, self._told = patience, with_thinking, told
        self._open = deque(numbers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = self._hopeless = self._alike = 0
        self._words = ""
        self._answered = False
        self._refused_since: float | None = None
        self._names: dict[str, str] = {}
        self._dated = float("-inf"), ""
        self.stopped = self.waiting = ""
        self.cause: QwenError | None = None
        self.begun: float | None = None
        self.ended: float | None = None
        self.asked = 0

    @property
    def at_once(self) -> int:
        """How many requests are on their way."""
        return self._in_flight

    def seconds(self) -> float:
        """Tell how long it has run."""
        if self.begun is None:
            return 0.0
        return (self._clock.now() if self.ended is None else self.ended) - self.begun

    async def run(self, *, alone: bool = True) -> None:
        """Ask all: the first alone, so that a wrong prompt costs one row and a server has read what all begin with.

        Args:
            alone: whether the first goes alone; not where that was done before.

        """
        self.begun = self._clock.now() if self.begun is None else self.begun
        try:
            if alone:
                await self.first()
            self._start()
            while self._tasks:
                done, _ = await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)
                self._tasks -= done
                for task in done:
                    task.result()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks.clear()
            self.waiting, self.ended = "", self._clock.now()

    async def first(self) -> bool:
        """Ask the first alone, and the next where it fails; tell whether one was answered."""
        while self._open and not self.stopped and not self._answered and self.asked < _SURE_FAILURES:
            await self._one(self._open.popleft())
        return self._answered

    @property
    def knows_an_answer(self) -> bool:
        """Whether any row was ever answered, so that the prompt is not wrong for all."""
        return bool(self._state.rows(DONE) + self._state.rows(RECORDED))

    def is_open(self, number: int) -> bool:
        """Tell whether a request has neither an answer nor a failure."""
        return self._state.is_open(number)

    def left(self) -> list[int]:
        """List the requests that were not asked yet."""
        return list(self._open)

    def over_time(self) -> bool:
        """Tell whether it is time to stop, and note why."""
        self.stopped = self.stopped or self._bounds.reached(self._state, self._price, self.seconds(), 0)
        return bool(self.stopped)

    def take_kept(self, number: int, answer: KeptAnswer) -> None:
        """Take an answer that came in another way and is kept already."""
        shape = self._work.shape
        try:
            value = () if shape is None else (value_of(shape, answer.text, answer.thinking, answer.finish_reason),)
        except SchemaError as error:
            self._over(number, error.what, answer)
            return
        self._state.done(number, answer if self._with_thinking else answer.without_thinking(), *value)
        self._end(number)

    def take_failure(self, number: int, words: str, partial: KeptAnswer | None = None) -> None:
        """Take the reason why there is no answer, and what had arrived of it."""
        self._over(number, words, partial)

    def keep_open(self) -> None:
        """Ask no more of what was asked elsewhere: only what is still open."""
        self._open = deque(number for number in self._open if self._state.is_open(number))

    async def take(self, number: int, events: Sequence[Event], error: str, target: str) -> None:
        """Take an answer that came in another way, or the reason why there is none.

        Args:
            number: the request.
            events: the answer as events.
            error: why there is none, or "".
            target: who gave it.

        """
        if error:
            self._over(number, error, None)
            return
        try:
            reply = reply_of(self._work.request(number), events, target)
        except QwenError as failure:
            self._failed(number, failure)
        else:
            await self._came(number, reply, 0.0)

    def _start(self) -> None:
        """Let as many ask at once as the pace allows."""
        while self._open and not self.stopped and len(self._tasks) < min(self._pace.limit, self._most()):
            self._tasks.add(asyncio.get_running_loop().create_task(self._ask_on()))
            if len(self._tasks) >= len(self._open):
                break

    def _most(self) -> int:
        return self._lane.most or len(self._work.keys)

    async def _ask_on(self) -> None:
        """Ask one row after the other, until there are too many who do."""
        while self._open and not self.stopped and self._within(len(self._tasks)):
            await self._one(self._open.popleft())
            if len(self._tasks) < self._pace.limit:
                self._start()

    def _within(self, number: int) -> bool:
        if number <= self._pace.limit:
            return True
        self._tasks.discard(asyncio.current_task())
        return False

    async def _one(self, number: int) -> None:
        """Ask one row, unless it is time to stop; note what comes of it."""
        await self._rest()
        if reason := self._bounds.reached(self._state, self._price, self.seconds(), self._in_flight + 1):
            self.stopped = self.stopped or reason
        if self.stopped:
            self._open.appendleft(number)
            return
        sent: list[float] = []
        self._in_flight += 1
        try:
            reply = await self._lane.ask(self._work.request(number), sent)
        except BusyError as error:
            self._refused(number, error, sent)
        except QwenError as error:
            self._failed(number, error)
        else:
            await self._came(number, reply, self._clock.now() - sent[-1] if sent else reply.seconds)
        finally:
            self._in_flight -= 1

    async def _rest(self) -> None:
        """Leave a server alone that asked for it."""
        while (delay := self._pace.delay(self._clock.now())) > 0 and not self.stopped:
            self.waiting = f"the server asked for fewer requests: waiting {delay:.0f} s" if delay >= 1 else ""
            await self._clock.sleep(delay)
        self.waiting = ""

    def _refused(self, number: int, error: BusyError, sent: list[float]) -> None:
        """Ask it again later, and all others less; give up where nothing else comes for too long."""
        now, asked_for = self._clock.now(), retry_after(error)
        self._open.appendleft(number)
        self._pace.refused(now, sent[-1] if sent else now, asked_for)
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now - self._refused_since + (asked_for or 0.0) > self._patience + (asked_for or 0.0) / 2:
            self._stop(error, f"{error.what}; run it again later to continue")

    async def _came(self, number: int, reply: Reply, seconds: float) -> None:
        """Keep an answer, and only then go on to the next row."""
        self._pace.answered(seconds)
        self._answered, self._hopeless, self._refused_since = True, 0, None
        answer = self._kept(reply)
        if reply.finish_reason not in _FINISHED:
            self._over(number, "the answer was broken off", answer)
            return
        shape = self._work.shape
        try:
            value = () if shape is None else (_value(shape, reply),)
        except SchemaError as error:
            self._over(number, error.what, answer)
            return
        writing = self._keeping.keep(self._work.keys[number], answer)
        self._state.done(number, answer if self._with_thinking else answer.without_thinking(), *value)
        self._end(number)
        await writing

    def _failed(self, number: int, error: QwenError) -> None:
        partial = error.reply
        kept = self._kept(partial) if partial is not None and partial.text else None  # type: ignore[arg-type] # a Reply
        self._over(number, error.what, kept)
        if is_of_target(error):
            self._hopeless += 1
            enough = _SURE_FAILURES if is_sure(error) else max(_FAILURES, self._pace.limit)
            alone = not self._answered and self.asked == 1
            if self._hopeless >= enough or alone:
                self._stop(error, _stopped(error))
        elif not self._answered:
            self._alike = self._alike + 1 if error.what == self._words else 1
            self._words = error.what
            if self._alike >= _ALIKE:
                self._stop(error, f"the first {self._alike} rows failed in the same way: {error.what}")

    def _stop(self, error: QwenError, words: str) -> None:
        """Ask no more rows because of a failure; note it where it is all that came."""
        if not self.stopped:
            self.stopped, self.cause = words, None if self._answered else error

    def _over(self, number: int, words: str, partial: KeptAnswer | None) -> None:
        self._state.fail(number, words, partial)
        self._end(number)

    def _end(self, number: int) -> None:
        self.asked += 1
        self._told(number)

    def _kept(self, reply: Reply) -> KeptAnswer:
        """Take what is kept out of a reply; names that all rows have are one text."""
        now = self._clock.now()
        if now - self._dated[0] >= 1:
            self._dated = now, datetime.now(timezone.utc).isoformat(timespec="seconds")
        return KeptAnswer.of(reply, self._dated[1], self._names)


def _value(shape: Shape, reply: Reply) -> object:
    if reply.schema is not None:
        return reply.value
    return value_of(shape, reply.text, reply.thinking, reply.finish_reason)


def _stopped(error: QwenError) -> str:
    """Say why no further row is asked, and what to do."""
    where = f"{error.target}: " if error.target else ""
    return f"{where}{error.what}. {error.hint}".rstrip(". ") + "; run it again to continue"
