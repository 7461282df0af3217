"""The running answer: a stream of events that can be iterated once, and cancelled."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from . import events
from .errors import QwenError, UsageError
from .events import End, Event, FinishReason, Reset, Status, TextDelta, ThinkingDelta, UsageReport
from .messages import Message, Reply, with_answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from .backends import Backend
    from .parameters import Parameters
    from .sessions import Sessions


class Stream:
    """One answer as it comes.

    Its life: made (nothing is sent yet), iterated (a task of its own reads the backend), then over: it ended,
    was cancelled, or failed. Iterate it once, for text (``async for text in stream``) or for all that happens
    (``async for event in stream.events()``). If the iterating task is cancelled or stops, so does the
    stream, and the server is told.

    Attributes:
        messages: what is asked.

    """

    def __init__(
        self,
        chain: Callable[[], Sequence[Backend]],
        names: Sequence[str],
        sessions: Sessions,
        messages: tuple[Message, ...],
        parameters: Parameters,
        open_streams: set[Stream],
    ) -> None:
        self.messages = messages
        self._chain = chain
        self._names = tuple(names)
        self._sessions = sessions
        self._parameters = parameters
        self._open = open_streams
        self._pump: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancelled = False
        self._stopping = False
        self._answer = _Answer(messages)

    def __repr__(self) -> str:
        return f"<Stream from {self.reply.target or ', '.join(self._names)}: {self._answer.finish_reason or 'open'}>"

    @property
    def reply(self) -> Reply:
        """The answer so far; until the end has come its ``finish_reason`` is "interrupted"."""
        return self._answer.reply()

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """Yield the answer's text as it comes.

        What was yielded cannot be taken back: where the server rewrites its answer, what follows is the new
        text from the first difference on, and ``reply.text`` is right.
        """
        shown = ""
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
        """Yield everything that happens; the last event is an End, also after `cancel`.

        Raises:
            QwenError: what went wrong; its ``reply`` is the partial answer.
            UsageError: the stream was iterated before.

        """
        if self._loop is not None:
            raise UsageError("a stream can be iterated once", hint="Ask again for another.")
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        self._answer.begin()
        if self._cancelled:
            yield self._answer.end("interrupted")
            return
        self._open.add(self)  # held, so that a client can stop what nobody else holds any more
        self._pump = self._loop.create_task(self._run(queue))
        try:
            while True:
                item = await queue.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
                if isinstance(item, End):
                    return
        finally:
            self._answer.end("interrupted")
            await self._stop(self._pump)
            self._open.discard(self)

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

    async def _stop(self, pump: asyncio.Task[None]) -> None:
        """Cancel the task and wait for its end; once, for a second time would cut short its word to the server."""
        if not self._stopping:
            self._stopping = True
            pump.cancel()
        await asyncio.wait({pump})

    async def _run(self, queue: asyncio.Queue[Event | BaseException]) -> None:
        """Read the backends of the chain, one after the other, until one has begun to answer."""
        try:
            chain = self._chain()
            for place, backend in enumerate(chain):
                try:
                    await self._read(backend, queue)
                except QwenError as error:
                    if self._answer.begun or place + 1 == len(chain):
                        raise
                    queue.put_nowait(Status(f"{error.what}; trying {self._names[place + 1]}", "failover", error.target))
                else:
                    return
        except asyncio.CancelledError:
            queue.put_nowait(self._answer.end("interrupted"))
            raise
        except QwenError as error:
            self._answer.end("error")
            error.reply = self.reply
            queue.put_nowait(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours belongs to the one who iterates
            self._answer.end("error")
            queue.put_nowait(error)

    async def _read(self, backend: Backend, queue: asyncio.Queue[Event | BaseException]) -> None:
        session = await self._sessions.get()
        async with aclosing(backend.stream(session, self.messages, self._parameters)) as happenings:
            async for event in happenings:
                if isinstance(event, End):
                    queue.put_nowait(self._answer.end(event.finish_reason))
                    return
                self._answer.take(event)
                queue.put_nowait(event)
        queue.put_nowait(self._answer.end("stop"))


class _Answer:
    """What has come so far."""

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self._reply = Reply(messages=messages, finish_reason="interrupted")
        self._parts: list[str] = []
        self._thoughts: list[str] = []
        self._started = 0.0
        self._first: float | None = None
        self._seconds: float | None = None
        self.finish_reason: FinishReason | None = None

    @property
    def begun(self) -> bool:
        return self._first is not None

    def begin(self) -> None:
        self._started = time.perf_counter()

    def take(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._parts.append(text)
            case ThinkingDelta(text):
                self._thoughts.append(text)
            case Reset(text, thinking):
                self._parts, self._thoughts = [text], [thinking]
            case UsageReport(usage):
                self._reply = replace(self._reply, usage=usage)
            case events.Target(target, model):
                self._reply = replace(self._reply, target=target, model=model)
        if self._first is None and isinstance(event, (TextDelta, ThinkingDelta, Reset)):
            self._first = time.perf_counter() - self._started

    def end(self, finish_reason: FinishReason) -> End:
        """Note the end; the first one counts."""
        if self.finish_reason is None:
            self.finish_reason = finish_reason
            self._seconds = time.perf_counter() - self._started
        return End(self.finish_reason)

    def reply(self) -> Reply:
        seconds = self._seconds
        if seconds is None:
            seconds = time.perf_counter() - self._started if self._started else 0.0
        return with_answer(
            replace(
                self._reply,
                text="".join(self._parts),
                thinking="".join(self._thoughts),
                finish_reason=self.finish_reason or "interrupted",
                seconds=seconds,
                first_token_seconds=self._first,
            )
        )


def _common(one: str, other: str) -> int:
    """Count the characters that two texts begin with alike."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
