"""What is known of a target's context, and an answer to as much of a conversation as it takes."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..backends.too_long import counts
from ..errors import ContextError
from ..events import AnswerEvent, Event, Responder, Status
from .fitting import MARGIN, Fitted, answer_room, fit, reaches
from .past_pictures import pictures_were
from .picture_size import made_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import aiohttp

    from ..backends.base import Backend, Deadlines
    from ..messages import Message
    from ..request import Request

ASKED_FROM = 1000
"""Tokens from which a target is asked for its context: fewer fit everywhere, and cost no further request."""
_ASK_SECONDS = 2.0
_LEARNT_SECONDS = 600.0
"""How long a limit counts that a refusal taught: the server may be started anew with a larger one."""
_TRIES = 5
_SURE = 0.55
"""The part of an estimate that is surely there: for some languages it was up to four fifths too high."""
_MEASURABLE = 500
"""Tokens from which a count tells how far off our estimate is."""


@dataclass(frozen=True)
class Limit:
    """What a target takes.

    Attributes:
        context: tokens of a conversation with its answer, as the target counts them.
        scale: how many tokens we estimate where the target counts one.
        stated: whether the target stated it; else it was found out.

    """

    context: int
    scale: float = 1.0
    stated: bool = True
    since: float = field(default_factory=time.monotonic, compare=False)

    def __str__(self) -> str:
        return f"{'' if self.stated else 'about '}{self.context:,} tokens"

    def fitted(self, request: Request, newest: int) -> Fitted:
        """Fit a conversation to this limit."""
        answer = answer_room(request.parameters, self.context)
        return fit(request, int(self.context * self.scale), int(answer * self.scale), newest=newest)


class ContextLimits:
    """What a client knows of its targets' contexts."""

    def __init__(self) -> None:
        self._learnt: dict[str, Limit] = {}

    async def answer(
        self,
        backend: Backend,
        name: str,
        session: aiohttp.ClientSession,
        request: Request,
        deadlines: Deadlines,
        newest: int = 1,
        sending: Callable[[Fitted], None] = lambda _: None,
    ) -> AsyncGenerator[Event, None]:
        """Stream an answer to a conversation of which the oldest turns are left out where it is too long.

        Where the target's context is known, that happens at once; else as soon as the target refuses, with what its
        words tell. After each Responder comes a warning where turns were left out.

        Args:
            backend: who is asked.
            name: the target's name.
            session: an HTTP session of the running loop.
            request: the conversation and the parameters.
            deadlines: how long the backend may keep us waiting.
            newest: how many messages at the end belong to the newest prompt.
            sending: called with what is sent, each time before it is.

        Raises:
            ContextError: the newest prompt alone is too long.
            QwenError: what the backend raises.

        """
        limit = await self._limit(backend, name, session, request.messages, deadlines)
        for left in reversed(range(_TRIES)):
            fitted = _fitted(limit, request, newest, name)
            notes = _notes(fitted, limit, name) if limit else []
            begun = False
            sending(fitted)
            try:
                async with aclosing(
                    backend.stream(session, request.with_messages(fitted.messages), deadlines)
                ) as answer:
                    async for event in answer:
                        begun = begun or isinstance(event, AnswerEvent)
                        yield event
                        if isinstance(event, Responder):
                            for note in notes:
                                yield Status(note, "warning", name)
            except ContextError as error:
                if begun:
                    raise
                limit = self._learnt[name] = lower(error.server_message, fitted.tokens)
                again = _fitted(limit, request, newest, name)
                if not left or (again.left_out <= fitted.left_out and again.pictures <= fitted.pictures):
                    raise
            else:
                return

    async def preview(
        self,
        backend: Backend,
        name: str,
        session: aiohttp.ClientSession,
        request: Request,
        deadlines: Deadlines,
    ) -> tuple[Fitted, list[str]]:
        """Tell what of a conversation would be sent, and what would be said of it; only the context is asked for.

        Raises:
            ContextError: the newest prompt alone is too long.

        """
        limit = await self._limit(backend, name, session, request.messages, deadlines)
        if limit is None:
            return Fitted(request.messages), []
        fitted = _fitted(limit, request, 1, name)
        return fitted, _notes(fitted, limit, name)

    async def _limit(
        self,
        backend: Backend,
        name: str,
        session: aiohttp.ClientSession,
        messages: tuple[Message, ...],
        deadlines: Deadlines,
    ) -> Limit | None:
        """Return a target's limit; it is asked only where the conversation is long, and not waited for."""
        learnt = self._learnt.get(name)
        if learnt is not None and time.monotonic() - learnt.since < _LEARNT_SECONDS:
            return learnt
        if not reaches(messages, ASKED_FROM):
            return None
        asking = asyncio.ensure_future(backend.context(session, deadlines))
        try:
            await asyncio.wait({asking}, timeout=_ASK_SECONDS)
            # Whatever went wrong, the answer is asked for all the same, and its failure says more.
            context = (
                asking.result() if asking.done() and not asking.cancelled() and asking.exception() is None else None
            )
        finally:
            asking.cancel()
        return Limit(context) if context else None


def lower(said: str, sent: int) -> Limit:
    """Tell the limit that a refusal teaches.

    Args:
        said: the server's words.
        sent: the tokens that were refused, as we estimated them.

    Returns:
        What the words tell; where they tell nothing, half of what was sent.

    """
    told = counts(said)
    if told.context and told.needed:
        # Of a short one, which only the tokens asked for its answer made too long, most are the chat template's.
        measured = told.needed >= min(told.context, _MEASURABLE)
        return Limit(told.context, sent / told.needed if measured else 1.0)
    if told.context:
        # Where we had thought that it just fits, our estimate is wrong; nobody says by how much.
        wrong = told.context // 3 < sent <= told.context
        return Limit(told.context, sent / 2 / told.context if wrong else 1.0)
    return Limit(max(1, sent // 2), stated=False)


def _fitted(limit: Limit | None, request: Request, newest: int, name: str) -> Fitted:
    """Fit a conversation to a target, whose model counts the pictures; without a limit all of it."""
    if limit is None:
        return Fitted(request.messages)
    with made_for(name, request.parameters):
        return limit.fitted(request, newest)


def _notes(fitted: Fitted, limit: Limit, name: str) -> list[str]:
    """Say what was left out, and whether what is left may be too long.

    Raises:
        ContextError: it surely is.

    """
    tokens = int(fitted.tokens / limit.scale)
    if limit.stated and tokens * _SURE > limit.context:
        raise ContextError(
            f"the prompt is too long: it has about {tokens:,} tokens, and {limit} fit, including the answer",
            target=name,
            hint="Shorten it, or ask another target with -t.",
        )
    notes = [f"{_left_out(fitted)} left out: {name} takes {limit}"] if fitted.left_out else []
    if fitted.pictures:
        said = pictures_were(fitted.pictures).replace(" w", " of earlier turns w", 1)
        notes.insert(0, f"{said} left out: {name} takes {limit}")
    if fitted.left_out == fitted.turns and tokens > limit.context * (1 - MARGIN):
        notes.append(f"the prompt has about {tokens:,} tokens, {name} takes {limit}: the target may cut it")
    return notes


def _left_out(fitted: Fitted) -> str:
    left_out, turns = fitted.left_out, fitted.turns
    if left_out == turns:
        return "the earlier turn was" if turns == 1 else f"all {turns} earlier turns were"
    oldest = "oldest of" if left_out == 1 else f"{left_out} oldest of"
    return f"the {oldest} {turns} earlier turns {'was' if left_out == 1 else 'were'}"
