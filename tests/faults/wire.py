"""A server that answers as it likes: each fault is a path of it, for each kind of backend, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servers.web import SAVED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
EVENT_ID = "0123456789abcdef" * 2
Part = bytes | float | str
"""Bytes to write, seconds to wait, or one of `CUT`, `RESET`, `HANG`."""
CUT, RESET, HANG = "cut", "reset", "hang"


class Wire:
    """One connection, as a fault sees it.

    Attributes:
        kind: which backend asks: "openai" or "gradio".
        host: the server's own address, for redirects.

    """

    def __init__(self, writer: asyncio.StreamWriter, kind: str, host: str) -> None:
        self._writer = writer
        self.kind = kind
        self.host = host

    async def send(self, *parts: Part) -> None:
        """Write bytes, wait, cut the connection."""
        for part in parts:
            if isinstance(part, bytes):
                self._writer.write(part)
                await self._writer.drain()
            elif isinstance(part, float):
                await asyncio.sleep(part)
            elif part == CUT:
                self._writer.close()
            elif part == RESET:
                self._writer.transport.abort()
            else:
                await asyncio.sleep(60)

    async def repeat(self, *parts: Part, times: int = 1000) -> None:
        """Write the same for ever, or nearly so."""
        for _ in range(times):
            await self.send(*parts)

    def delta(self, text: str, finish: str | None = None) -> bytes:
        """Make a message with more of the answer, in the form of the kind that asks."""
        if self.kind == "openai":
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
            return event({"choices": [choice], "model": "tiny"})
        return message("process_generating", output={"data": ["", [["hi", text]], "sys"]}, success=True)

    def end(self, text: str = "Hello.") -> bytes:
        """Make the messages that end an answer."""
        if self.kind == "openai":
            return event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n"
        done = message("process_completed", output={"data": ["", [["hi", text]], "sys"]}, success=True)
        return done + message("close_stream", event_id=None)

    def error(self, words: Any) -> bytes:
        """Make the message by which a server says in a stream that it failed."""
        if self.kind == "openai":
            return event({"error": {"message": words, "code": 500}})
        return message("process_completed", output={"error": words}, success=False)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: its name, which is its path.
        do: what the server does after it has read the request.
        ends: names of the classes of errors that are right, or "answer".
        words: what the error's line holds.
        partial: the text that is kept.
        kinds: the kinds of backends that it is for.
        at: the stages at which it strikes: "ask" (the question, or the join), "config", "stream".
        times: how often it strikes; then all is well.
        seconds: the longest time that it may take, beyond all limits that the settings have.
        stall: the stall timeout, in seconds; without it a short one where a stall is right, else a long one, so that
            a busy machine is not taken for a silent server.

    """

    name: str
    do: Any
    ends: str = "error"
    words: str = ""
    partial: str = ""
    kinds: tuple[str, ...] = ("openai", "gradio")
    at: tuple[str, ...] = ("ask",)
    times: int = 1000
    seconds: float = 6.0
    stall: float = 0.0


@dataclass
class FaultServer:
    """Serves all faults; ``/STAGE/FAULT/RUN/...`` strikes at a stage, and elsewhere answers well.

    Attributes:
        faults: the faults by their names.
        url: its address.
        open: the connections that are open.
        struck: how often each run was struck.

    """

    faults: dict[str, Fault]
    url: str = ""
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    struck: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FaultServer]:
        """Serve."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for writer in list(self.open):
                writer.transport.abort()
            await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        working: asyncio.Task[bool] | None = None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode("latin-1")
                headers = head.lower().split(b"\r\n")
                length = next((int(line[15:]) for line in headers if line.startswith(b"content-length:")), 0)
                await reader.readexactly(length)
                working = asyncio.ensure_future(self._answer(path, writer))
                gone = asyncio.ensure_future(_gone(reader))
                await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    return
                gone.cancel()
                if not await working or writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            if working is not None:
                working.cancel()
            self.open.discard(writer)
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection may be kept."""
        _, stage, name, run, rest = path.partition("?")[0].split("/", 4)
        fault = self.faults.get(name)
        here = _stage(rest)
        kind = "openai" if rest.startswith("v1/") else "gradio"
        key = f"{stage}/{name}/{run}"
        if here == "ask":
            self.asked[key] = self.asked.get(key, 0) + 1
        wire = Wire(writer, kind, self.url)
        if fault is not None and here == stage and self.struck.get(key, 0) < fault.times:
            self.struck[key] = self.struck.get(key, 0) + 1
            with contextlib.suppress(ConnectionError):
                await fault.do(wire)
            return False
        writer.write(_good(rest, wire))
        await writer.drain()
        return True


async def _gone(reader: asyncio.StreamReader) -> None:
    """Wait until the client has gone; it sends nothing before the answer."""
    while not reader.at_eof():
        await asyncio.sleep(0.02)
        if reader._buffer:  # type: ignore[attr-defined] # the next request
            await asyncio.sleep(60)


def _stage(rest: str) -> str:
    if rest == "v1/chat/completions" or rest.endswith("queue/join"):
        return "ask"
    return "config" if rest == "config" else "stream" if rest.endswith("queue/data") else "other"


def _good(rest: str, wire: Wire) -> bytes:
    if rest.endswith(("chat/completions", "queue/data")):
        return STREAM + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(wire.delta("Hello."), wire.end()) + b"0\r\n\r\n"
    if rest == "config":
        return whole(200, json.dumps(SAVED["config"]))
    if rest.endswith("/info") or rest == "info":
        return whole(200, json.dumps(SAVED["info"]))
    if rest.endswith("join"):
        return whole(200, json.dumps({"event_id": EVENT_ID}))
    return whole(404, '{"detail":"Not Found"}') if not rest.endswith("cancel") else whole(200, "{}")


def whole(status: int, body: str | bytes, *lines: str, kind: str = "application/json") -> bytes:
    """Make a response with its length."""
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} Some", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *lines, "", ""]
    return "\r\n".join(head).encode() + data


def chunks(*parts: bytes) -> bytes:
    """Write parts as chunks of a chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part)


def event(value: Any) -> bytes:
    """Write JSON as a server-sent event; halves of surrogate pairs as escapes."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def message(msg: str, **fields: Any) -> bytes:
    """Write a message of Gradio's queue."""
    return event({"msg": msg, "event_id": EVENT_ID, **fields})


def sends(*parts: Part) -> Any:
    """Make a fault that only sends bytes and waits."""

    async def do(wire: Wire) -> None:
        await wire.send(*parts)

    return do


def streams(make: Callable[..., Sequence[Part]], *given: Any) -> Any:
    """Make a fault of a stream whose head is good: each of its parts is a chunk of its own."""

    async def do(wire: Wire) -> None:
        await wire.send(STREAM + b"Transfer-Encoding: chunked\r\n\r\n")
        for part in make(wire, *given):
            await wire.send(chunks(part) if isinstance(part, bytes) else part)
        await wire.send(b"0\r\n\r\n")

    return do
