"""The exchange: one question, from what is sent to what is kept, whoever asks it."""

from __future__ import annotations

from contextlib import ExitStack, aclosing, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import in_words
from ..loop import background_loop
from ..messages import Message
from ..reply import Reply
from .question import with_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..client.client import QwenClient
    from ..client.stream import Stream
    from ..events import Event
    from ..replay import ReplayedStream
    from ..request import Request
    from .memory import Memory
    from .observers import Audience, Observer
    from .position import OpenTurn
    from .question import Question
    from .recorder import Recorder

TICK = 0.1
"""Seconds after which `Exchange.run_here` looks up while nothing comes."""


class Exchange:
    """One question, from what is sent to what is kept.

    Its life: made; begun, when its answer was found among the recorded ones or a stream was made for it, and its turn
    is written down; running, while its observers hear each event; ended, when what had arrived is kept in any case,
    and its observers have heard that.

    Run it once: by `run` on an event loop, or by `run_here` in a thread that only waits, such as a kernel's.

    Args:
        question: what is asked.
        request: all that is sent for it.
        client: who asks.
        memory: the conversations.
        target: the target or chain that was named for it alone, or None.
        chosen: the target or chain that was set for the session, or "".
        recorder: what answers it from a recorded answer and records it, or None.
        audience: who may want to follow it, or None.
        ended: called when it has ended, before its observers.
        beginning: the answer that it goes on with, or None.
        turn: the turn that it goes on with, or None for a new one.

    Attributes:
        question: what is asked.
        request: all that is sent for it.
        target: the target or chain that was named for it alone, or None.
        chosen: the target or chain that was set for the session, or "".
        turn: its turn in the conversation; None before it has begun, and where it leaves no trace.
        reply: the answer; while it runs, what it goes on with or nothing.
        error: what went wrong, or None.
        remarks: what is to be said of it below the answer, once it has ended.
        observers: who follows it; nobody once it has ended.

    """

    def __init__(
        self,
        question: Question,
        request: Request,
        *,
        client: QwenClient,
        memory: Memory,
        target: str | None = None,
        chosen: str = "",
        recorder: Recorder | None = None,
        audience: Audience[Exchange] | None = None,
        ended: Callable[[Exchange], Iterable[str]] = lambda _: (),
        beginning: Reply | None = None,
        turn: OpenTurn | None = None,
    ) -> None:
        self.question = question
        self.request = request
        self.target = target
        self.chosen = chosen
        self.turn = turn
        self.reply = beginning or Reply(messages=request.messages)
        self.error: Exception | None = None
        self.remarks: list[str] = []
        self.observers: list[Observer[Exchange]] = [recorder] if recorder else []
        self._recorder = recorder
        self._audience = audience
        self._client = client
        self._memory = memory
        self._when_ended = ended
        self._beginning = beginning
        self._stream: Stream | ReplayedStream | None = None
        self._over = self._kept = self._running = self._cancelled = False

    @property
    def steps(self) -> tuple[Message, ...]:
        """What was said after the prompt: one answer, or several with the tools' results between them."""
        if self.reply.steps or not self.reply.text:
            return self.reply.steps
        return (Message("assistant", self.reply.text),)

    @property
    def problem(self) -> str:
        """What went wrong, in one line, or ""."""
        return in_words(self.error) if self.error else ""

    @property
    def has_recorder(self) -> bool:
        """Whether recorded answers are looked at for it."""
        return self._recorder is not None

    @property
    def replayed(self) -> bool:
        """Whether its answer is a recorded one."""
        return bool(self._stream and self._stream.reply.recorded)

    def begin(self) -> None:
        """Find the recorded answer or make the stream, and write the turn down; nothing is sent yet.

        Raises:
            QwenError: it cannot be asked, or only recorded answers may be given and there is none. No trace is left.

        """
        if self._stream is not None:
            return
        stream: Stream | ReplayedStream | None = self._recorder.recorded() if self._recorder else None
        self._stream = stream or self._made_stream()
        if self.turn is None:
            from ..store import Turn  # noqa: PLC0415 - the database is opened on first use

            asked = self.question
            turn = Turn(asked.prompt, system=asked.system, source=asked.source, parts=asked.parts)
            self.turn = self._memory.begin(asked.position, turn)
            if self.turn and asked.keeps_system:
                self._memory.keep_system(self.turn, asked.system)

    async def run(self, *observers: Observer[Exchange]) -> None:
        """Stream the answer on the running loop, and keep what has come however it ends.

        Args:
            observers: who else follows it; all are called on this loop.

        Raises:
            QwenError: what went wrong; what had arrived is kept.

        """
        with _Ending(self):
            stream = self._begun(observers)
            if self._cancelled:
                await stream.cancel()
            events = stream.events()
            async with aclosing(events):
                async for event in events:
                    self._tell(event)

    def run_here(self, *observers: Observer[Exchange], tick: Callable[[], None] = lambda: None) -> None:
        """Stream the answer on the background loop, and wait for it in this thread, in which all observers are called.

        Args:
            observers: who else follows it.
            tick: called while nothing comes, some ten times a second.

        Raises:
            QwenError: what went wrong; what had arrived is kept.
            KeyboardInterrupt: the user stopped it; what had arrived is kept.

        """
        with _Ending(self):
            stream = self._begun(observers)
            if self._cancelled:
                background_loop().run(stream.cancel())
            with closing(background_loop().iterate(stream.events(), TICK)) as happenings:
                for event in happenings:
                    if event is None:
                        tick()
                    else:
                        self._tell(event)

    @property
    def is_running(self) -> bool:
        """Whether it was begun by `run` or `run_here`."""
        return self._running

    async def cancel(self) -> None:
        """Stop the answer and tell the server; may be called from any loop, and before it is run.

        What had come is kept. One that was begun and is not run has ended then.
        """
        self._cancelled = True
        if self._stream is not None:
            await self._stream.cancel()
            if not self._running:
                self.end()

    def _made_stream(self) -> Stream:
        if self._beginning is None:
            return self._client.stream(self.request, target=self.target)
        return self._client.continue_(self._beginning, target=self.target, parameters=self.request.parameters)

    def _begun(self, observers: Iterable[Observer[Exchange]]) -> Stream | ReplayedStream:
        self.begin()
        self._running = True
        follower = self._audience.observe(self) if self._audience else None
        self.observers += (follower, *observers) if follower else observers
        assert self._stream is not None  # noqa: S101 - just begun
        return self._stream

    def _tell(self, event: Event) -> None:
        for observer in self.observers:
            observer.on_event(event)

    def end(self, error: Exception | None = None) -> None:
        """Keep what has come, and tell the observers; once."""
        if self._over or self._stream is None:
            return
        self._over, self.error = True, error
        try:
            with ExitStack() as stack:  # whatever is raised here, all observers are told
                for observer in reversed(self.observers):
                    stack.callback(observer.on_end, self)
                self.observers = []  # they may hold it, and together they would stay until garbage is collected
                self._keep(self._stream)
                self.remarks += self._when_ended(self)
        except KeyboardInterrupt:  # it came as all was over
            self._keep(self._stream)
            raise

    def _keep(self, stream: Stream | ReplayedStream) -> None:
        if not self._kept:
            self.reply = _with_steps(stream.reply, self._beginning)
            self._memory.finish(self.turn, self.reply)
            self._kept = True


def _with_steps(reply: Reply, beginning: Reply | None) -> Reply:
    """Put what a continued answer had said before its last text before what came."""
    if beginning is None or not beginning.steps or reply.steps:
        return reply
    *before, last = beginning.steps
    if last.role != "assistant":
        return replace(reply, steps=(*beginning.steps, Message("assistant", reply.text)))
    return replace(reply, steps=(*before, Message(last.role, parts=with_text(last.parts, reply.text))))


class _Ending:
    """Ends an exchange when its events are over, or who waits for them goes; one that was refused never began."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._exchange.is_running or not isinstance(error, Exception):
            self._exchange.end(error if isinstance(error, Exception) else None)
