"""What has come of an answer so far."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import EmptyAnswerError
from ..events import (
    AnswerEvent,
    End,
    Event,
    FileAnswer,
    FinishReason,
    Reset,
    Responder,
    Rung,
    Status,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageReport,
)
from ..messages import File, Image, Message, Text
from ..reply import Reply, with_answer
from ..text.pieces import Pieces
from ..text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..request import Request
    from .fitting import Fitted


class Answer:
    """Gathers a stream's events into a Reply.

    Args:
        request: what was asked.
        beginning: the answer that is continued, or None.
        sent: gives what of the conversation was sent, or None where nothing was yet.

    Attributes:
        finish_reason: how it ended, or None while it has not.

    """

    def __init__(
        self, request: Request, beginning: Reply | None = None, sent: Callable[[], Fitted | None] = lambda: None
    ) -> None:
        self._sent = sent
        self.finish_reason: FinishReason | None = None
        self._beginning = beginning or Reply()
        earlier = (*self._beginning.earlier_targets, self._beginning.target) if beginning else ()
        self._reply = Reply(messages=request.messages, finish_reason="interrupted", earlier_targets=earlier)
        schema = request.schema or self._beginning.schema
        if schema is not None:
            self._reply = replace(self._reply, schema=schema, rung=self._beginning.rung, asks=self._beginning.asks)
        self._steps: tuple[Message, ...] = ()
        self._files: tuple[Image | File, ...] = ()
        self._parts = Pieces(self._beginning.text)
        self._thoughts = Pieces(self._beginning.thinking)
        self._usage = Usage()
        self._warning = ""
        self._started: float | None = None
        self._first: float | None = None
        self._thinking_since: float | None = None
        self._thinking_seconds: float | None = None
        self._seconds: float | None = None
        self._part: Reply | None = None
        self._whole: Reply | None = None

    def begin(self) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def add(self, event: Event) -> None:  # noqa: C901 - a table of events
        """Take one event in."""
        self._part = self._whole = None  # what was held back comes after the end
        now = time.perf_counter()
        match event:
            case TextDelta(text):
                self._parts.append(text)
                self._thought(now)
            case ThinkingDelta(text):
                self._thoughts.append(text)
                self._thinking_since = self._thinking_since or now
            case Reset(text, thinking):
                self._parts, self._thoughts = Pieces(text), Pieces(thinking)
                if thinking and self._thinking_since is None and self._thinking_seconds is None:
                    self._thinking_since = (self._started or now) + (self._first or 0.0)
                if text:
                    self._thought(now)
            case FileAnswer(file):
                self._files += (file,) if file not in self._files else ()
                self._thought(now)
            case UsageReport(usage):
                self._usage = usage
            case Rung(name, asks):
                self._reply = replace(self._reply, rung=name, asks=asks)
            case Status(text, "warning"):
                self._warning = text
            case Responder(target, model):
                self._reply = replace(self._reply, target=target, model=model)
        if self._first is None and self._started and isinstance(event, AnswerEvent):
            self._first = now - self._started

    def step(self, *messages: Message) -> None:
        """Note an answer that does not stand, and how it was asked for again: they go before what comes."""
        self._steps += messages

    def end(self, finish_reason: FinishReason, target: str = "") -> End:
        """Note the end, and the target where none was noted; the first one counts."""
        if self.finish_reason is None:
            self._reply = replace(self._reply, target=self._reply.target or target)
            now = time.perf_counter()
            self.finish_reason = finish_reason
            self._seconds = now - (self._started or now)
            self._thought(now)
        return End(self.finish_reason)

    def nothing(self, finish_reason: FinishReason) -> EmptyAnswerError | None:
        """Return the error of an answer that ends with nothing in it: no text, no thinking; None for any other.

        Args:
            finish_reason: why it ends.

        """
        if self._beginning.target or self._files or "".join(self._parts).strip() or "".join(self._thoughts).strip():
            return None  # one that is continued may have been whole
        hint = "Ask again, or try another target."
        if finish_reason == "length":
            hint = "Raise max_tokens, or ask for a shorter answer."
        elif finish_reason == "filtered":
            hint = "Rephrase the prompt, or try another target."
        read = self._usage.prompt_tokens
        known = [
            "no tokens were left for an answer" if finish_reason == "length" else "",
            self._warning,
            f"{read:,} tokens were read" if read else "",
        ]
        why = ", ".join(filter(None, known))
        self._parts, self._thoughts = Pieces(), Pieces()
        return EmptyAnswerError(
            f"the answer is empty{f' ({why})' if why else ''}", target=self._reply.target, hint=hint
        )

    def reply(self) -> Reply:
        """Return the answer so far; one that was continued is the whole, with the costs of all its parts."""
        if self._whole is not None:
            return self._whole
        whole = self._made()
        self._whole = whole if self.finish_reason else None
        return whole

    def _made(self) -> Reply:
        part, beginning = self.part(), self._beginning
        if not beginning.target:
            return with_answer(part)
        by = part if self._first is not None else beginning  # who was asked and gave nothing is not named
        whole = replace(
            part,
            usage=_sum(beginning.usage, part.usage),
            seconds=beginning.seconds + part.seconds,
            first_token_seconds=beginning.first_token_seconds,
            thinking_seconds=beginning.thinking_seconds or part.thinking_seconds,
            target=by.target,
            model=by.model,
            earlier_targets=tuple(name for name in dict.fromkeys(by.earlier_targets) if name != by.target),
        )
        return with_answer(whole)

    def part(self) -> Reply:
        """Return the reply with the costs of this stream alone; once the answer is over, it is made once."""
        if self._part is not None:
            return self._part
        text = "".join(self._parts)
        parts = (*([Text(text)] if text else []), *self._files)
        said = [Message("assistant", parts=parts)] if parts else []
        part = replace(
            self._reply,
            text=text,
            steps=(*self._steps, *said) if self._steps or self._files else (),
            thinking="".join(self._thoughts),
            usage=self._counted(),
            finish_reason=self.finish_reason or "interrupted",
            seconds=self._time(),
            first_token_seconds=self._first,
            thinking_seconds=self._thinking_seconds,
        )
        self._part = part if self.finish_reason else None
        return part

    def _time(self) -> float:
        if self._seconds is not None:
            return self._seconds
        return time.perf_counter() - self._started if self._started else 0.0

    def _thought(self, now: float) -> None:
        """Note that the thinking, if there was any, is over."""
        if self._thinking_since is not None:
            self._thinking_seconds = (self._thinking_seconds or 0.0) + now - self._thinking_since
            self._thinking_since = None

    def _counted(self) -> Usage:
        """Return the tokens as the server counted them; once the answer is over, what it did not tell is estimated."""
        usage = self._usage
        missing = usage.prompt_tokens is None or usage.completion_tokens is None
        if not missing or self.finish_reason is None or self._first is None:
            return usage
        new = len(self._beginning.text), len(self._beginning.thinking)
        written = "".join(self._parts)[new[0] :], "".join(self._thoughts)[new[1] :]
        completion, sent = sum(map(estimate_tokens, written)), self._sent()
        return Usage(
            (sent.tokens if sent else 0) if usage.prompt_tokens is None else usage.prompt_tokens,
            completion if usage.completion_tokens is None else usage.completion_tokens,
            estimated=True,
        )


def _sum(one: Usage, other: Usage) -> Usage:
    def added(left: int | None, right: int | None) -> int | None:
        return None if left is None and right is None else (left or 0) + (right or 0)

    return Usage(
        added(one.prompt_tokens, other.prompt_tokens),
        added(one.completion_tokens, other.completion_tokens),
        one.estimated or other.estimated,
    )
