"""One event in a Gradio app's queue: how it is joined, read and left; the protocols from ``sse_v1`` on."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from contextlib import aclosing
from typing import TYPE_CHECKING

import aiohttp

from ...errors import DisconnectError, NotFoundError, ProtocolError, QwenError
from ...events import End, Event
from ...text.sse import EventTooLong, SSEDecoder
from ..http import read_chunks
from ..patience import Limit, Watch
from .answer_files import AppFile, fetch_files, files_in
from .answers import find_answer
from .protocol import EventReader, event_id_of
from .shown import ShownText

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .app_http import AppHttp
    from .endpoints import Endpoint, Payload

LEAVE_SECONDS = 2.0
"""The longest wait for a server that is told to stop."""
_QUEUE_PATIENCE = 3


class Run(ABC):
    """One event in the queue, from the join to the end; a subclass speaks its protocol.

    Args:
        http: the app over one session.
        endpoint: which function is called.
        payload: what it is given.
        session_hash: the session that the event belongs to.

    """

    def __init__(self, http: AppHttp, endpoint: Endpoint, payload: Payload, session_hash: str) -> None:
        self.http = http
        self.endpoint = endpoint
        self.payload = payload
        self.session_hash = session_hash
        self.reader = EventReader("", endpoint.output, payload.prompt, payload.rows, http.name, endpoint.diffs)
        self.reader.shown = ShownText(payload.prompt, html=endpoint.html or None)
        if before := find_answer(payload.history, payload.prompt, 0):
            self.reader.old = before.text

    def patience(self) -> Limit:
        """Tell how long the app may go without progress.

        A place in a queue may stand still for longer, where heartbeats tell that the app lives: an answer before ours
        may take that long.
        """
        if self.reader.progress.answers:
            return Limit(self.http.site.settings.stall_timeout)
        limit = self.http.limit
        queued = not self.reader.started and self.reader.progress.beats and limit.setting == "stall_timeout"
        return Limit(limit.seconds * _QUEUE_PATIENCE) if queued else limit

    @abstractmethod
    async def join(self) -> None:
        """Join the queue; may be tried again after a BusyError or an AsleepError."""

    @abstractmethod
    def messages(self) -> AsyncGenerator[list[str], None]:
        """Yield the queue's messages, each a JSON text, as they come together."""

    @abstractmethod
    async def withdraw(self) -> None:
        """Let go of the event, and have the server stop where it still works for us."""

    async def read(self) -> AsyncGenerator[Event, None]:
        """Read the messages to the event's end."""
        async with aclosing(self.messages()) as messages:
            async for together in messages:
                for event in self.reader.read(*together):
                    if isinstance(event, End) and (files := self._files()):
                        async with aclosing(fetch_files(self.http, self.endpoint.prefix, files)) as fetched:
                            async for file in fetched:
                                yield file
                    yield event
                    if isinstance(event, End):
                        return
                self.reader.check()
        raise DisconnectError(
            "the server ended the stream before the answer was complete", target=self.http.name, hint="Ask again."
        )

    def _files(self) -> list[AppFile]:
        """Find the files in what the answer's boxes show at the end."""
        data, output = self.reader.data or [], self.endpoint.output
        shown = [data[place] for place in self.reader.shows or (output,) if place < len(data)]
        return [file for value in shown for file in files_in(value)]

    async def leave(self) -> None:
        """Tell the server that nobody listens any more; a server that does not answer is not waited for."""
        task = asyncio.ensure_future(self._withdraw())
        leaving = self.http.site.leaving
        leaving.add(task)  # the loop itself keeps tasks only weakly
        task.add_done_callback(leaving.discard)
        await asyncio.wait({task}, timeout=LEAVE_SECONDS)

    async def _withdraw(self) -> None:
        with contextlib.suppress(QwenError, aiohttp.ClientError, OSError, asyncio.TimeoutError, RuntimeError):
            await asyncio.wait_for(self.withdraw(), LEAVE_SECONDS)

    def path(self, name: str) -> str:
        """Return the path of one of the queue's routes."""
        return self.endpoint.prefix + name

    async def sse_messages(self, response: aiohttp.ClientResponse) -> AsyncGenerator[list[str], None]:
        """Yield the messages of a response of server-sent events, as they come together."""
        if response.status != 200:  # noqa: PLR2004
            raise await self.http.failure(response)
        decoder = SSEDecoder()
        watch = Watch(response, self.patience(), self.http.site.settings.clock)
        async with aclosing(read_chunks(response, watch)) as chunks:
            async for chunk in chunks:
                self.reader.progress.moved = False
                if messages := self._decoded(decoder, chunk):
                    yield messages
                if self.reader.progress.moved:
                    watch.alive()
                else:
                    watch.hear(decoder.held)
                watch.change(self.patience())
        if messages := [event.data for event in decoder.close()]:
            yield messages

    def _decoded(self, decoder: SSEDecoder, chunk: bytes) -> list[str]:
        try:
            return [event.data for event in decoder.feed(chunk)]
        except EventTooLong:
            raise too_long(self.http.name) from None


class QueueRun(Run):
    """Join with a POST, then read the session's stream (``sse_v1`` to ``sse_v3``)."""

    _joining: asyncio.Task[str] | None = None

    async def join(self) -> None:
        """Join the queue.

        The request is shielded: if we are cancelled in its midst, `leave` still learns the event's id.
        """
        self._joining = asyncio.ensure_future(self._join())
        self.reader.event_id = await asyncio.shield(self._joining)

    async def _join(self) -> str:
        body = {
            "data": self.payload.data,
            "event_data": None,
            "fn_index": self.endpoint.fn_index,
            "trigger_id": self.endpoint.trigger_id,
            "session_hash": self.session_hash,
        }
        path = self.path("/queue/join")
        return event_id_of(await self.http.post_json(path, body), self.http.name)

    async def messages(self) -> AsyncGenerator[list[str], None]:
        """Yield the messages of the session's stream."""
        url = self.http.url(self.path(f"/queue/data?session_hash={self.session_hash}"))
        async with (
            self.http.get(url, Accept="text/event-stream") as response,
            aclosing(self.sse_messages(response)) as messages,
        ):
            async for together in messages:
                yield together

    async def withdraw(self) -> None:
        """Cancel the event, unless it is over.

        Before Gradio 4.31 there is no ``/cancel``. Up to 4.16 the closed stream is enough; after it only ``/reset``
        stops a generator, and none before its first value or in the queue: there the server works on alone.
        """
        if self._joining is None or self.reader.ended:
            return
        event_id = await self._joining
        body = {"session_hash": self.session_hash, "fn_index": self.endpoint.fn_index, "event_id": event_id}
        if self.endpoint.protocol == "sse_v3":
            with contextlib.suppress(NotFoundError):
                await self.http.post_json(self.path("/cancel"), body)
                return
        if self.reader.values:
            await self.http.post_json(self.path("/reset"), body)


def too_long(target: str) -> ProtocolError:
    """Say that a message is beyond what we hold in memory."""
    return ProtocolError(
        "a message is too long: it has more than 64 MB", target=target, hint="Start a new conversation."
    )
