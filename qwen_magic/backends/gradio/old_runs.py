"""Events in the queues of old Gradios: over a websocket (3.x), as ``sse`` (4.0 to 4.8), or without a queue (3.x)."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import WSMsgType

from ...errors import DisconnectError, ProtocolError, ServerError
from ..patience import Limit, StalledError
from .failures import http_error
from .protocol import question_of
from .runs import LEAVE_SECONDS, Run, too_long

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from types import SimpleNamespace
    from typing import TypeAlias

    from ...clock import Clock
    from .endpoints import Endpoint

    Socket: TypeAlias = aiohttp.ClientWebSocketResponse[bool]

_MAX_MESSAGE = 64 << 20
_TURN = -1
"""The place in a queue of one whose turn it is."""
_GRADIO = "Is it a Gradio app?"


def queued_or_not(config: Mapping[str, Any], endpoint: Endpoint) -> Endpoint:
    """Give an endpoint of Gradio 3 that is not reached through the queue a protocol of its own, ``post``."""
    if endpoint.protocol != "ws":
        return endpoint
    functions = config["dependencies"]
    numbers = [dep.get("id", place) for place, dep in enumerate(functions)]
    queued = functions[numbers.index(endpoint.fn_index)].get("queue")
    if config.get("enable_queue") if queued is None else queued:
        return endpoint
    conversation = endpoint.conversation and replace(endpoint.conversation, protocol="post")
    return replace(endpoint, protocol="post", conversation=conversation)


class _OldRun(Run):
    """A run whose server asks for the data when the event's turn comes."""

    @property
    def address(self) -> dict[str, Any]:
        """Return what names the event."""
        return {"fn_index": self.endpoint.fn_index, "session_hash": self.session_hash}

    @property
    def body(self) -> dict[str, Any]:
        """Return the data, addressed."""
        return {"data": self.payload.data, "event_data": None, **self.address}


class WebsocketRun(_OldRun):
    """Gradio 3: one websocket for each event; closing it stops the generator at its next value."""

    _opening: asyncio.Task[Socket] | None = None
    _first = ""
    _alive = 0.0

    async def join(self) -> None:
        """Join the queue; the first message tells whether it is full."""
        await self.withdraw()
        self._opening = asyncio.ensure_future(self._open())
        # asyncio.wait_for may lose a cancellation (up to Python 3.11).
        await asyncio.wait({self._opening}, timeout=self.patience().seconds)
        if not self._opening.done():
            raise StalledError(self.patience())
        self._alive = self._clock.now()
        self._first = await self._next(self._opening.result())

    async def _open(self) -> Socket:
        url = self.http.url(self.path("/queue/join"))
        if _WATCHED not in self.http.session.trace_configs:
            self.http.session.trace_configs.append(_WATCHED)
        try:
            return await self.http.session.ws_connect(
                url,
                headers=self.http.headers(url),
                max_msg_size=_MAX_MESSAGE,
                autoping=False,  # a ping is this protocol's heartbeat
                timeout=aiohttp.ClientWSTimeout(ws_close=LEAVE_SECONDS),
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 101:  # noqa: PLR2004
                raise ProtocolError("no websocket answers there", target=self.http.name, hint=_GRADIO) from None
            raise http_error(error.status, error.headers or {}, "", self.http.name) from None

    @property
    def _clock(self) -> Clock:
        return self.http.site.settings.clock

    async def messages(self) -> AsyncGenerator[list[str], None]:
        """Yield the socket's messages."""
        assert self._opening is not None  # noqa: S101 - joined before
        data = self._first
        while True:
            self.reader.progress.moved = False
            yield [data]
            if self.reader.progress.moved:
                self._alive = self._clock.now()
            data = await self._next(self._opening.result())

    async def _next(self, socket: Socket) -> str:
        """Receive a message, and answer the server's questions on the way to it."""
        while True:
            data = await self._receive(socket)
            question = question_of(data, self.http.name)
            if question is None:
                return data
            if question["msg"] == "send_data":
                self.reader.progress.note_place(_TURN)
                self._alive = self._clock.now() if self.reader.progress.moved else self._alive
            await socket.send_json(self.address if question["msg"] == "send_hash" else self.body)

    async def _receive(self, socket: Socket) -> str:
        heard = False
        while True:
            limit = self.patience()
            left = self._alive + limit.seconds - self._clock.now()
            try:
                message = await socket.receive(timeout=max(left, 0.001))
            except asyncio.TimeoutError:
                raise StalledError(limit, alive=heard) from None
            heard = True
            if message.type is WSMsgType.TEXT:
                return str(message.data)
            if message.type is WSMsgType.PING:
                self.reader.progress.beats = True
                await socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                raise self._broken(message.type, message.data)

    def _broken(self, kind: WSMsgType, error: object) -> ProtocolError | DisconnectError:
        target = self.http.name
        if isinstance(error, aiohttp.WebSocketError):
            if error.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
                return too_long(target)
            return ProtocolError("the server broke the websocket's rules", target=target, hint="Ask again.")
        if kind is WSMsgType.BINARY:
            return ProtocolError("the server sent something that is not a Gradio message", target=target, hint=_GRADIO)
        return DisconnectError(
            "the server closed the websocket before the answer was complete", target=target, hint="Ask again."
        )

    async def withdraw(self) -> None:
        """Close the websocket."""
        if self._opening is None or self._opening.cancel():
            return
        if not self._opening.cancelled() and self._opening.exception() is None:
            await self._opening.result().close()


class FirstSSERun(_OldRun):
    """Gradio 4.0 to 4.8: the stream is the place in the queue, and the data is posted when it asks."""

    _stream: AsyncGenerator[str, None] | None = None
    _first = ""

    async def join(self) -> None:
        """Join the queue; the first message tells whether it is full."""
        await self.withdraw()
        address = "&".join(f"{name}={value}" for name, value in self.address.items())
        url = self.http.url(self.path(f"/queue/join?{address}"))
        self._stream = self._answering(url)
        try:
            self._first = await anext(self._stream)
        except StopAsyncIteration:
            raise DisconnectError(
                "the server ended the stream before the answer began", target=self.http.name, hint="Ask again."
            ) from None

    async def messages(self) -> AsyncGenerator[list[str], None]:
        """Yield the stream's messages."""
        assert self._stream is not None  # noqa: S101 - joined before
        yield [self._first]
        async for data in self._stream:
            yield [data]

    async def _answering(self, url: str) -> AsyncGenerator[str, None]:
        async with (
            self.http.get(url, Accept="text/event-stream") as response,
            aclosing(self.sse_messages(response)) as messages,
        ):
            async for together in messages:
                for data in together:
                    question = question_of(data, self.http.name)
                    if question is None:
                        yield data
                        continue
                    self.reader.progress.note_place(_TURN)
                    self.reader.event_id = str(question.get("event_id") or "")
                    await self.http.post_json(self.path("/queue/data"), {**self.body, "event_id": self.reader.event_id})

    async def withdraw(self) -> None:
        """Close the stream: the server takes the event out of the queue, or stops it at its next value."""
        if self._stream is not None:
            await self._stream.aclose()


class PostRun(_OldRun):
    """Gradio 3 without a queue: one POST, and the whole answer at once; nothing can stop it."""

    _answer = ""

    async def join(self) -> None:
        """Ask, and wait for the answer."""
        try:
            limit = Limit(self.http.site.settings.stall_timeout)  # the answer comes whole
            output, success = await self.http.post_json(self.path("/run/predict"), self.body, limit), True
        except ServerError as error:
            if error.status != 500:  # noqa: PLR2004
                raise
            output, success = {"error": error.server_message}, False  # the app's own failure
        self._answer = json.dumps({"msg": "process_completed", "output": output, "success": success})

    async def messages(self) -> AsyncGenerator[list[str], None]:
        """Yield the answer as the queue would say it."""
        yield [self._answer]

    async def withdraw(self) -> None:
        """Do nothing."""


async def _refuse(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestRedirectParams
) -> None:
    raise aiohttp.WSServerHandshakeError(
        params.response.request_info, params.response.history, status=params.response.status
    )


# aiohttp follows redirects of a websocket's handshake unless it is kept from it: what is the user's shall not go along.
_WATCHED = aiohttp.TraceConfig()
_WATCHED.on_request_redirect.append(_refuse)
_WATCHED.freeze()
