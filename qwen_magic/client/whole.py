"""One answer at once, from one target, without a stream: what many rows are asked with."""

# ruff: noqa: SLF001 - the client is of this room

from __future__ import annotations

import re
import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..backends.last_resort import unexpected
from ..backends.openai.batch_service import may_have_batches
from ..errors import QwenError
from ..events import AnswerEvent, End, Responder, TextDelta, UsageReport
from ..reply import Reply
from .answer import Answer
from .context_limits import ASKED_FROM
from .filters import Filters
from .fitting import Fitted, reaches
from .laddering import _with_form
from .picture_size import tokens_for
from .unsendable import check_sendable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ..backends.openai.batch_service import BatchService
    from ..backends.target import Target
    from ..backends.whole import WholeBackend
    from ..events import Event, FinishReason
    from ..request import Request
    from .client import QwenClient
    from .rate_limits import Sent


_FILTERED = re.compile("[<\\[\u25c1\ud800-\udfff]")
"""What a text has that a filter may change: tags of thinking, tokens at its end, halves of characters."""


def whole_backend(client: QwenClient, target: Target) -> WholeBackend | None:
    """Return a target's backend where it can be asked for whole answers, else None."""
    backend: Any = client._backend(target)
    return backend if hasattr(backend, "whole") else None


def has_batches(client: QwenClient, target: Target) -> bool:
    """Tell whether a target may have a batch service."""
    backend: Any = client._backend(target)
    return hasattr(backend, "batches") and may_have_batches(backend.server)


@asynccontextmanager
async def batch_service(client: QwenClient, target: Target) -> AsyncIterator[BatchService]:
    """Yield a target's batch service; see `has_batches`."""
    backend: Any = client._backend(target)
    async with backend.batches(await client._sessions.get(), client.settings.deadlines) as service:
        yield service


def is_short(request: Request) -> bool:
    """Tell whether a request surely fits a context, so that nothing has to be left out of it."""
    size = sum(len(message.text) for message in request.messages)
    return 4 * size < ASKED_FROM or not reaches(request.messages, ASKED_FROM)  # a character has four tokens at most


async def take_turn(client: QwenClient, target: Target, request: Request) -> Sent:
    """Wait until the client's limits let a request through to a target."""
    sent: list[Sent] = []
    rates, parameters = client._rates, request.parameters
    if not rates.at_once(target.name, sent):
        turn = rates.turn(target.name, lambda: tokens_for(target.name, request), parameters.max_tokens, sent)
        async with aclosing(turn) as waiting:
            async for _ in waiting:
                pass
    return sent[0]


async def ask_streamed(client: QwenClient, targets: Sequence[Target], request: Request) -> Reply:
    """Ask a chain of targets as a single prompt is asked, with all that the client does for one.

    Raises:
        QwenError: see `QwenClient.ask`.

    """
    stream = client._stream(tuple(targets), request)
    async for _ in stream.events():
        pass
    return stream.reply


def with_schema(request: Request, backend: WholeBackend) -> Request:
    """Return a request that is held to its shape by the server's own decoder, on the wire and in the prompt."""
    return _with_form(request, backend, "json_schema")  # type: ignore[arg-type] # what sends is a Backend, too


def held_to(client: QwenClient, names: Sequence[str], requests: int | None, tokens: int | None) -> Any:
    """Hold targets to further limits a minute while the returned context lasts.

    Raises:
        UsageError: a limit is no whole number from 1 on.

    """
    return client._rates.at_most(names, requests, tokens)


async def ask_whole(client: QwenClient, target: Target, backend: WholeBackend, request: Request, sent: Sent) -> Reply:
    """Ask one target once and return the whole answer.

    Nothing is told of it while it comes, and nothing is tried again: who asks for many rows decides that for all.

    Args:
        client: whose limits, sessions and usage count.
        target: the target.
        backend: its backend.
        request: what is asked; it has to fit, see `is_short`.
        sent: its turn, as `take_turn` gave it.

    Raises:
        QwenError: what went wrong; its ``reply`` is what had arrived.

    """
    started = time.perf_counter()
    try:
        check_sendable(backend, target.name, request)  # type: ignore[arg-type] # what sends is a Backend, too
        events = await backend.whole(await client._sessions.get(), request, client.settings.deadlines)
        seconds = time.perf_counter() - started
        reply = _plain_reply(request, events, seconds) or reply_of(request, events, target.name)
        usage = reply.usage
        if not usage.estimated:
            client._rates.used(target.name, sent, usage.prompt_tokens, usage.completion_tokens)
        client._health.succeeded(target.name, seconds)
        client.usage.add(reply)
    except QwenError as error:
        error.target = error.target or target.name
        client._health.failed(target.name, error)
        raise
    except Exception as error:  # noqa: BLE001 - the last resort
        raise unexpected(error, target.name) from None
    return reply


def _plain_reply(request: Request, events: Sequence[Event], seconds: float) -> Reply | None:
    """Make the reply of an answer that is one plain text with its usage, as most are; None for any other."""
    text = target = model = ""
    usage, ended = None, None
    for event in events:
        match event:
            case TextDelta():
                text += event.text
            case Responder():
                target, model = event.target, event.model
            case UsageReport():
                usage = event.usage
            case End():
                ended = event.finish_reason
            case _:
                return None
    counted = usage is not None and usage.prompt_tokens is not None and usage.completion_tokens is not None
    if ended is None or usage is None or not counted or not text or text[0].isspace() or _FILTERED.search(text):
        return None
    return Reply(text, "", usage, target, model, ended, seconds, None, request.messages)


def reply_of(request: Request, events: Sequence[Event], target: str) -> Reply:
    """Make the reply of any answer, as a stream's filters let it through.

    Args:
        request: what was asked.
        events: all events of the answer.
        target: who gave it.

    Raises:
        EmptyAnswerError: there is nothing in it.

    """
    answer = Answer(request, None, lambda: Fitted(request.messages))
    answer.begin()
    filters = Filters()
    ended: FinishReason = "stop"
    for event in events:
        if isinstance(event, End):
            ended = event.finish_reason
        elif isinstance(event, AnswerEvent):
            for found in filters.feed(event):
                answer.add(found)
        else:
            answer.add(event)
    for found in filters.close():
        answer.add(found)
    if nothing := answer.nothing(ended):
        raise nothing
    answer.end(ended, target)
    return answer.reply()
