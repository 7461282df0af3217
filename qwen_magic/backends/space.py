"""A Gradio Space over aiohttp: join the queue, read the stream, tell the server when nobody listens any more."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import secrets
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

import aiohttp

from .. import events
from ..errors import (
    AsleepError,
    AuthError,
    BusyError,
    DisconnectError,
    NotFoundError,
    ProtocolError,
    QwenError,
    ServerError,
)
from ..events import End, Event, Reset, Status, TextDelta, ThinkingDelta
from ..targets import Target, space_host
from ..text.sse import EventTooLong, SSEDecoder
from .discovery import discover
from .endpoints import KNOWN, Endpoint, Request, build
from .failures import WAKING_STAGES, http_error, stage_error
from .gradio import EventReader, event_id_of, find_answer, is_heartbeat
from .http import Watch, error_body, read_chunks, translated
from .web import Web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

    from ..messages import Message
    from ..parameters import Parameters
    from . import Settings

T = TypeVar("T")

_CANCEL_SECONDS = 2.0
_HEARTBEAT_BYTES = 200


class SpaceBackend:
    """Speak to one Gradio app.

    Args:
        target: a Space's id, or an app's URL.
        settings: the client's settings.
        base_url: where the app is served, if not where the target says.

    """

    def __init__(self, target: Target, settings: Settings, *, base_url: str | None = None) -> None:
        self.name = target.name
        self.settings = settings
        self.space_id = "" if "://" in target.address else target.address
        self.login = target.login or settings.auth
        self.base_url = base_url or (space_host(self.space_id) if self.space_id else target.address)
        self._known = KNOWN.get(self.space_id.lower()) if settings.endpoint is None else None
        self._endpoint: Endpoint | None = None
        self.leaving: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"SpaceBackend({self.name!r})"

    async def stream(
        self, session: aiohttp.ClientSession, messages: tuple[Message, ...], parameters: Parameters
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        web = Web(self, session)
        async with translated(self.name, self.settings):
            if known := self._endpoint or self._known:
                begun = False
                try:
                    async with aclosing(self._answer(web, known, messages, parameters)) as answer:
                        async for event in answer:
                            begun = begun or isinstance(event, (TextDelta, ThinkingDelta, Reset))
                            yield event
                except (NotFoundError, ProtocolError, AuthError) as error:
                    if begun or (isinstance(error, AuthError) and not self.login):
                        raise
                    # The app is no longer what it was, or this session has not signed in yet: look again.
                    self._endpoint = self._known = None
                else:
                    return
            found: list[Endpoint] = []
            async with aclosing(self._patiently(web, lambda: self._discover(web), found)) as waiting:
                async for event in waiting:
                    yield event
            self._endpoint = found[0]
            async with aclosing(self._answer(web, found[0], messages, parameters)) as answer:
                async for event in answer:
                    yield event

    async def close(self) -> None:
        """Do nothing: no connection outlives an answer but the session's own."""

    async def _answer(
        self, web: Web, endpoint: Endpoint, messages: tuple[Message, ...], parameters: Parameters
    ) -> AsyncGenerator[Event, None]:
        plain, inputs = endpoint, self.settings.inputs
        if endpoint.conversation and sum(message.role == "user" for message in messages) > 1:
            endpoint = endpoint.conversation
        request = build(endpoint, messages, parameters, inputs, self.name)
        # A fresh session for each answer: the history is ours to send, never what the server happens to remember.
        session_hash = secrets.token_hex(6)
        yield events.Target(self.name, endpoint.model or self.space_id.rpartition("/")[2])
        if endpoint.before and request.history:
            given: list[bool] = []
            giving = functools.partial(self._give_history, web, endpoint, request, session_hash)
            async with aclosing(self._patiently(web, giving, given)) as waiting:
                async for status in waiting:
                    yield status
            if not given[0]:
                endpoint = replace(plain, history=None, before=())
                request = build(endpoint, messages, parameters, inputs, self.name)
        for warning in request.warnings:
            yield Status(warning, "warning", self.name)
        run = _Run(web, endpoint, request, session_hash)
        try:
            async with aclosing(self._patiently(web, run.join, [])) as waiting:
                async for status in waiting:
                    yield status
            async with aclosing(run.read()) as answer:
                async for event in answer:
                    yield event
        finally:
            await run.leave()

    async def _give_history(self, web: Web, endpoint: Endpoint, request: Request, session_hash: str) -> bool:
        """Have the page's own functions put our history, or our prompt, into the session; tell whether they did."""
        values = {"history": request.history, "prompt": request.prompt}
        try:
            for call in endpoint.before:
                step = replace(endpoint, fn_index=call.fn_index, inputs=(), trigger_id=None, output=0)
                run = _Run(web, step, Request([values[call.sends]], ""), session_hash)
                try:
                    await run.join()
                    async with aclosing(run.read()) as answer:
                        async for _ in answer:
                            pass
                finally:
                    await run.leave()
        except (BusyError, AsleepError):
            raise
        except ServerError:
            return False
        return True

    async def _discover(self, web: Web) -> Endpoint:
        if self.login:
            await web.sign_in(*self.login)
        config = await web.config()
        prefix = str(config.get("api_prefix") or "")
        info = None
        with contextlib.suppress(QwenError):
            info = await web.get_json(f"{prefix}/info")
        return discover(config, info, self.name, self.settings.endpoint)

    async def _patiently(
        self, web: Web, attempt: Callable[[], Awaitable[T]], result: list[T]
    ) -> AsyncGenerator[Status, None]:
        """Try until it works: while a queue is full, with growing pauses; while a Space wakes up, by polling."""
        started, pause = time.monotonic(), 1.0
        while True:
            try:
                result.append(await attempt())
            except BusyError as error:
                failure: QwenError = error
                kind: Literal["retry", "waking"] = "retry"
                limit = self.settings.retry_timeout
                asked = error.retry_after or 0.0  # "at once" would only make a full queue fuller
                wait = asked if asked >= 1 else pause * random.uniform(1, 1.25)  # noqa: S311
                text = f"{error.what}; trying again in {wait:.0f} s"
            except AsleepError as error:
                failure = error
                limit, kind, wait = self.settings.wake_timeout, "waking", pause
                text = await self._state(web) or f"{error.what}; waiting until it is"
            else:
                return
            spent = time.monotonic() - started
            if spent + wait > limit:
                failure.what += f", after {spent:.0f} s of trying" if spent >= 1 else ""
                raise failure
            yield Status(text, kind, self.name)
            await asyncio.sleep(wait)
            pause = min(pause * 2, 15.0)

    async def _state(self, web: Web) -> str:
        """Ask the Hub for the Space's stage; raise where waiting would not help."""
        if not self.space_id:
            return ""
        hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        try:
            answer = await web.get_json(f"/api/spaces/{self.space_id}/runtime", base=hub)
        except (QwenError, aiohttp.ClientError, OSError, asyncio.TimeoutError):
            return ""
        stage = str(answer.get("stage", "")) if isinstance(answer, dict) else ""
        if error := stage_error(stage, self.name):
            raise error
        return f"the Space is {WAKING_STAGES[stage]}" if stage in WAKING_STAGES else ""


class _Run:
    """One event in the queue, from the join to the end."""

    def __init__(self, web: Web, endpoint: Endpoint, request: Request, session_hash: str) -> None:
        self.web = web
        self.endpoint = endpoint
        self.request = request
        self.session_hash = session_hash
        self.joining: asyncio.Task[str] | None = None
        self.reader: EventReader | None = None

    async def join(self) -> None:
        """Join the queue.

        The request is shielded: if we are cancelled in its midst, `leave` still learns the event's id.
        """
        self.joining = asyncio.ensure_future(self._join())
        event_id = await asyncio.shield(self.joining)
        endpoint, request = self.endpoint, self.request
        self.reader = EventReader(
            event_id, endpoint.output, request.prompt, request.rows, self.web.name, endpoint.diffs
        )
        if before := find_answer(request.history, request.prompt, 0):
            self.reader.old = before.text

    async def _join(self) -> str:
        body = {
            "data": self.request.data,
            "event_data": None,
            "fn_index": self.endpoint.fn_index,
            "trigger_id": self.endpoint.trigger_id,
            "session_hash": self.session_hash,
        }
        path = f"{self.endpoint.prefix}/queue/join"
        try:
            answer = await self.web.post_json(path, body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            # A pooled connection that the server had reset: once more, on a new one.
            answer = await self.web.post_json(path, body)
        return event_id_of(answer, self.web.name)

    async def read(self) -> AsyncGenerator[Event, None]:
        """Read the stream to the event's end."""
        assert self.reader is not None  # noqa: S101 - joined before
        url = self.web.url(f"{self.endpoint.prefix}/queue/data?session_hash={self.session_hash}")
        decoder = SSEDecoder()
        async with self.web.get(url, Accept="text/event-stream") as response:
            if response.status != 200:  # noqa: PLR2004
                raise http_error(response.status, response.headers, await error_body(response), self.web.name)
            watch = Watch(response, self.web.backend.settings.stall_timeout)
            async with aclosing(read_chunks(response, watch)) as chunks:
                async for chunk in chunks:
                    messages = self._messages(decoder, chunk)
                    for event in self._events(messages):
                        yield event
                        if isinstance(event, End):
                            return
                    # Heartbeats keep a wait in the queue alive, but not an answer that has begun.
                    lively = [data for data in messages if not is_heartbeat(data)] or len(chunk) > _HEARTBEAT_BYTES
                    if lively or not self.reader.started:
                        watch.alive()
        for event in self._events([message.data for message in decoder.close()]):
            yield event
            if isinstance(event, End):
                return
        raise DisconnectError(
            "the server ended the stream before the answer was complete", target=self.web.name, hint="Ask again."
        )

    def _events(self, messages: list[str]) -> Iterator[Event]:
        assert self.reader is not None  # noqa: S101 - joined before
        for data in messages:
            yield from self.reader.read(data)

    def _messages(self, decoder: SSEDecoder, chunk: bytes) -> list[str]:
        try:
            return [event.data for event in decoder.feed(chunk)]
        except EventTooLong:
            raise ProtocolError(
                "a message longer than 64 MiB", target=self.web.name, hint="Start a new conversation."
            ) from None

    async def leave(self) -> None:
        """Tell the server that nobody listens any more, unless the event is over."""
        if self.joining is None or (self.reader is not None and self.reader.ended):
            return
        task = asyncio.ensure_future(self._cancel())
        leaving = self.web.backend.leaving
        leaving.add(task)  # the loop itself keeps tasks only weakly
        task.add_done_callback(leaving.discard)
        await asyncio.wait({task}, timeout=_CANCEL_SECONDS)

    async def _cancel(self) -> None:
        assert self.joining is not None  # noqa: S101 - asked before
        with contextlib.suppress(QwenError, aiohttp.ClientError, OSError, asyncio.TimeoutError, RuntimeError):
            event_id = await asyncio.wait_for(self.joining, _CANCEL_SECONDS)
            body = {"session_hash": self.session_hash, "fn_index": self.endpoint.fn_index, "event_id": event_id}
            await asyncio.wait_for(self.web.post_json(f"{self.endpoint.prefix}/cancel", body), _CANCEL_SECONDS)
