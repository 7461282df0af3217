"""The running answer: a stream of events that can be iterated once, cancelled, and continued."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..backends.last_resort import unexpected
from ..errors import QwenError, SchemaError, UsageError
from ..events import End, Event, Reset, TextDelta
from ..text.terminal import safe_line
from .answer import Answer
from .continuation import check_continuable
from .filters import Filters
from .handed import Handed
from .reasking import Shaping
from .thinking_notes import ThinkingNotes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    import aiohttp

    from ..events import FinishReason
    from ..messages import Message
    from ..parameters import Parameters
    from ..reply import Reply
    from ..request import Request
    from .chain import Chain
    from .sessions import Sessions

    Targets = str | Sequence[str] | None


class Stream:
    """One answer while it arrives.

    Nothing is sent before it is iterated. Iterate it once, for text (``async for text in stream``) or for all that
    happens (``async for event in stream.events()``); a task of its own reads the backend. If the iterating task is
    cancelled or stops, so does the stream, and the server is told. `continue_` continues an answer that did not come
    to its end.

    Attributes:
        request: what is asked.

    """

    def __init__(
        self,
        chain: Chain,
        sessions: Sessions,
        request: Request,
        open_streams: set[Stream],
        *,
        over: Callable[[Reply], None],
        continued: Callable[[Stream, Targets], Stream],
        beginning: Reply | None = None,
        schema_retries: int = 2,
    ) -> None:
        self.request = request
        self.chain = chain
        self._sessions = sessions
        self._open = open_streams
        self._over = over
        self._continued = continued
        self._beginning = beginning
        self._pump: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancelled = False
        self._stopping = False
        self._ended: FinishReason = "stop"
        self._shaping = (
            Shaping(request, schema_retries, chain.ladders)
            if request.schema is not None and beginning is None
            else None
        )
        self._answer = Answer(request, beginning, lambda: chain.sent)

    def __repr__(self) -> str:
        names = self.reply.target or ", ".join(self.chain.names)
        return safe_line(f"<Stream from {names}: {self._answer.finish_reason or 'open'}>")

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of what is asked."""
        return self.request.messages

    @property
    def parameters(self) -> Parameters:
        """The sampling parameters of what is asked."""
        return self.request.parameters

    @property
    def reply(self) -> Reply:
        """The answer so far; until it ends, its ``finish_reason`` is "interrupted"."""
        return self._answer.reply()

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """Yield the answer's text as it comes; of a continued one, what is new.

        What was yielded cannot be taken back: where the server rewrites its answer, what follows is the new
        text from the first difference on, and ``reply.text`` is right.
        """
        shown = self._beginning.text if self._beginning else ""
        async with aclosing(self.events()) as happenings:
            async for event in happenings:
                if isinstance(event, TextDelta):
                    shown += event.text
                    yield event.text
                elif isinstance(event, Reset):
                    rest = event.text[_common(shown, event.text) :]
                    shown = event.text
                    if rest:
                        yield rest

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield everything that happens; the last event is an End, even after `cancel`.

        The first event of a continued answer is a Reset with the earlier part.

        Raises:
            QwenError: what went wrong; its ``reply`` is the partial answer.
            UsageError: the stream was iterated before.

        """
        if self._loop is not None:
            raise UsageError("a stream can be iterated only once", hint="Ask again to get another one.")
        self._loop = asyncio.get_running_loop()
        handed = Handed()
        self._answer.begin()
        if self._cancelled:
            yield self._answer.end("interrupted")
            return
        self._open.add(self)  # held, so that a client can stop what nobody else holds any more
        self._pump = self._loop.create_task(self._run(handed))
        try:
            if self._beginning:
                yield Reset(self._beginning.text, self._beginning.thinking)
            while True:
                for item in await handed.take():
                    if isinstance(item, BaseException):
                        raise item
                    yield item
                    if isinstance(item, End):
                        return
        finally:
            self._answer.end("interrupted")
            await self._stop(self._pump)
            self._open.discard(self)
            self._over(self._answer.part())

    async def cancel(self) -> None:
        """Stop the answer and tell the server; may be called from any loop. The iteration ends with an End."""
        self._cancelled = True
        loop = self._loop
        if loop is None or self._pump is None or self._pump.done() or loop.is_closed():
            return
        if loop is asyncio.get_running_loop():
            await self._stop(self._pump)
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._stop(self._pump), loop))

    def continue_(self, target: Targets = None) -> Stream:
        """Make a stream that continues this answer from where it stopped.

        Args:
            target: another target, or chain, to continue it; without one the same chain, in which a target that
                has just failed comes last.

        Returns:
            The stream, whose reply is the whole answer.

        Raises:
            UsageError: the answer is complete or still running, or none of it had arrived.

        """
        if self._answer.finish_reason is None:
            raise UsageError("the answer is not finished", hint="Iterate or cancel the stream first.")
        check_continuable(self.reply)
        return self._continued(self, target)

    resume = continue_
    """The earlier name of `continue_`."""

    async def _stop(self, pump: asyncio.Task[None]) -> None:
        """Cancel the task and wait for its end; once, for a second time would cut short its word to the server."""
        if not self._stopping:
            self._stopping = True
            pump.cancel()
        await asyncio.wait({pump})

    async def _run(self, handed: Handed) -> None:
        """Read the chain to its end, and see that nothing is lost however it ends."""
        filters = _AttemptFilters(self.chain, self._beginning, self.request.parameters.thinking)

        def pass_on(happenings: list[Event]) -> None:
            if self._shaping is not None:
                happenings = [event for one in happenings for event in self._shaping.follow(one)]
            for event in happenings:
                self._answer.add(event)
                handed.put(event)

        try:
            session = await self._sessions.get()
            request: Request | None = self.request
            while request is not None:
                request = await self._ask(session, request, filters, pass_on)
            handed.put(self._answer.end(self._ended))
        except asyncio.CancelledError:
            pass_on(filters.close())
            handed.put(self._answer.end("interrupted"))
            raise
        except QwenError as error:
            pass_on(filters.close())
            self._answer.end(self._ended if isinstance(error, SchemaError) else "error", error.target)
            error.reply = self.reply
            handed.put(error)
        except Exception as error:  # noqa: BLE001 - the last resort
            failure = unexpected(error, self._answer.reply().target)
            self._answer.end("error")
            failure.reply = self.reply
            handed.put(failure)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        filters: _AttemptFilters,
        pass_on: Callable[[list[Event]], None],
    ) -> Request | None:
        """Read one answer to its end; return what is asked next, where its value does not fit."""
        async with aclosing(self.chain.events(session, request)) as happenings:
            event = await anext(happenings, None)
            while event is not None:
                if not isinstance(event, End):
                    pass_on(filters.feed(event))
                    event = await anext(happenings, None)
                    continue
                pass_on(filters.close())
                self._ended = event.finish_reason
                nothing = self._answer.nothing(event.finish_reason)
                event = await happenings.athrow(nothing) if nothing else None
        pass_on(filters.close())
        if self._shaping is None:
            return None
        if moved := self._shaping.moved(self._answer.reply()):
            pass_on([moved])
        if (judged := self._shaping.judge(self._answer, self._ended)) is None:
            return None
        following, told = judged
        for happening in told:
            pass_on([happening])
        return following


class _AttemptFilters:
    """The filters of the attempt that is going on; each attempt of the chain has new ones."""

    def __init__(self, chain: Chain, beginning: Reply | None, thinking: bool | None) -> None:  # noqa: FBT001 - one of three
        self._chain = chain
        self._beginning = beginning
        self._thinking = thinking
        self._notes = ThinkingNotes(thinking)
        self._attempt = 0
        self._filters: Filters | None = None

    def feed(self, event: Event) -> list[Event]:
        if self._filters is None or self._attempt != self._chain.attempt:
            self._attempt = self._chain.attempt
            self._filters = Filters(self._beginning, exact=self._chain.exact)
            self._notes = ThinkingNotes(self._thinking)
        return self._noted(self._filters.feed(event))

    def close(self) -> list[Event]:
        filters, self._filters = self._filters, None
        return [*self._noted(filters.close() if filters else []), *self._notes.close()]

    def _noted(self, events: list[Event]) -> list[Event]:
        return [found for event in events for found in self._notes.feed(event)]


def _common(one: str, other: str) -> int:
    """Count the characters that two texts begin with alike."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
