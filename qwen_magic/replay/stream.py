"""A recorded answer as a stream, with the same events as one that comes from a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..events import End, Responder, Rung, TextDelta, ThinkingDelta, UsageReport
from ..reply import Reply
from ..request import Request
from ..text.terminal import safe_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from ..events import Event
    from ..messages import Message
    from .recorded import RecordedAnswer


class ReplayedStream:
    """A recorded answer, in the form of a stream: iterate it once, for text or for events.

    Args:
        recorded: the answer.
        asked: the request, or its messages.

    Attributes:
        request: what is asked.
        recorded: the answer.

    """

    def __init__(self, recorded: RecordedAnswer, asked: Request | Sequence[Message]) -> None:
        self.request = asked if isinstance(asked, Request) else Request(tuple(asked))
        self.recorded = recorded
        self._reply = Reply(
            messages=self.messages, finish_reason="interrupted", recorded=recorded.date, schema=self.request.schema
        )
        self._begun = False
        self._cancelled = False

    def __repr__(self) -> str:
        return safe_line(f"<ReplayedStream from {self.recorded.target}, recorded {self.recorded.date}>")

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of what is asked."""
        return self.request.messages

    @property
    def reply(self) -> Reply:
        """The answer so far; until the end has come its ``finish_reason`` is "interrupted"."""
        return self._reply

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """Yield the answer's text."""
        async for event in self.events():
            if isinstance(event, TextDelta):
                yield event.text

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield everything that happens; the last event is an End, also after `cancel`.

        Raises:
            UsageError: the stream was iterated before.

        """
        if self._begun:
            raise UsageError("a stream can be iterated only once", hint="Ask again to get another one.")
        self._begun = True
        for event, so_far in self._happenings():
            if self._cancelled:
                yield End("interrupted")
                return
            self._reply = so_far
            yield event

    async def cancel(self) -> None:
        """Stop the answer; may be called from any loop. The iteration ends with an End."""
        self._cancelled = True

    def _happenings(self) -> Iterator[tuple[Event, Reply]]:
        """Yield what happens, and the reply as it is then."""
        recorded = self.recorded
        whole = replace(recorded.reply(self.messages), schema=self.request.schema)
        so_far = replace(self._reply, target=recorded.target, model=recorded.model)
        yield Responder(recorded.target, recorded.model), so_far
        if recorded.rung:
            so_far = replace(so_far, rung=recorded.rung, asks=recorded.asks)
            yield Rung(recorded.rung, recorded.asks), so_far
        if recorded.thinking:
            so_far = replace(so_far, thinking=recorded.thinking)
            yield ThinkingDelta(recorded.thinking), so_far
        if recorded.text:
            so_far = replace(so_far, text=recorded.text, messages=whole.messages, steps=whole.steps)
            yield TextDelta(recorded.text), so_far
        yield UsageReport(recorded.usage), replace(so_far, usage=recorded.usage)
        yield End(recorded.finish_reason), whole
