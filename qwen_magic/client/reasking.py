"""Answers that are to have a shape: their parts as they come, and a value that does not fit, asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import SchemaError
from ..events import Event, PartialValue, Reset, Status, TextDelta, Usage, UsageReport
from ..messages import Message
from ..schema.answers import holds_value, value_of
from ..schema.asking import again
from ..schema.growing import GrowingValue
from ..text.json_values import find_json
from .laddering import WORDS

if TYPE_CHECKING:
    from ..events import FinishReason
    from ..reply import Reply
    from ..request import Request
    from ..schema import Shape
    from .answer import Answer
    from .laddering import Ladders

_MOST_CHARACTERS = 4000
"""Characters of an answer that does not fit which are sent back."""


class Shaping:
    """Follows one answer that is to have a shape.

    Args:
        request: what is asked.
        retries: how often a value that does not fit is asked for again.
        ladders: where it is noted whether a target keeps to what it takes.

    """

    def __init__(self, request: Request, retries: int, ladders: Ladders) -> None:
        assert request.schema is not None  # noqa: S101 - who has none is not followed
        self._first = request
        self._shape: Shape = request.schema
        self._left = retries
        self._ladders = ladders
        self._growing = GrowingValue(self._shape)
        self._used = Usage(0, 0)
        self._last: Usage | None = None

    def follow(self, event: Event) -> list[Event]:
        """Return an event, with the parts of the value that it completes, and costs that count all that was asked."""
        match event:
            case TextDelta(text):
                return [event, *self._parts(text)]
            case Reset(text):
                self._growing = GrowingValue(self._shape)
                return [event, *self._parts(text)]
            case UsageReport(usage):
                self._last = usage
                return [UsageReport(_sum(self._used, usage))]
        return [event]

    def judge(self, answer: Answer, finish_reason: FinishReason) -> tuple[Request, list[Event]] | None:
        """Check an answer that has come to its end.

        Args:
            answer: what has come.
            finish_reason: why it ended.

        Returns:
            Where it is to be asked for again, the request, and what is to be told; None where its value fits.

        Raises:
            SchemaError: it does not fit, and is not asked for again.

        """
        reply = answer.reply()
        try:
            value_of(self._shape, reply.text, reply.thinking, finish_reason)
        except SchemaError as error:
            error.target = error.target or reply.target
            if finish_reason != "stop" or self._left <= 0:
                if reply.asks > 1 and not error.hint:
                    error.hint = f"It was asked {reply.asks} times; .reply.text has the last answer."
                raise
            self._left -= 1
            return self._again(reply, error, answer)
        self._ladders.keep(reply.target, reply.rung)
        return None

    def moved(self, reply: Reply) -> Reset | None:
        """Return what makes the thinking the answer, where a server put the value there and no text came."""
        if reply.text.strip() or not holds_value(self._shape, reply.thinking):
            return None
        return Reset(reply.thinking)

    def _again(self, reply: Reply, error: SchemaError, answer: Answer) -> tuple[Request, list[Event]]:
        said = reply.text.strip()[:_MOST_CHARACTERS] or "null"
        repair = again(error)
        answer.step(Message("assistant", reply.text or said), Message("user", repair))
        if self._last is not None:
            self._used, self._last = _sum(self._used, self._last), None
        messages = (*self._first.messages, Message("assistant", said), Message("user", repair))
        request = replace(self._first, messages=messages, asks=reply.asks + 1)
        told = f"it does not fit: {error.what}; asked again"
        if find_json(reply.text) is None and self._ladders.ignore(reply.target, reply.rung):
            told += f", and no longer by {WORDS.get(reply.rung, reply.rung)}, which it ignores"
        return request, [Status(told, "retry", reply.target), *self.follow(Reset(""))]

    def _parts(self, text: str) -> list[Event]:
        return [PartialValue(key, value) for key, value in self._growing.feed(text)]


def _sum(one: Usage, other: Usage) -> Usage:
    def added(left: int | None, right: int | None) -> int | None:
        return None if right is None else (left or 0) + right

    return Usage(
        added(one.prompt_tokens, other.prompt_tokens),
        added(one.completion_tokens, other.completion_tokens),
        one.estimated or other.estimated,
    )
