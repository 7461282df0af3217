"""A scripted Space on aiohttp, for what real Gradio servers cannot be made to show on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

# /config and /info of `apps/qwenlike.py` on Gradio 4.44.1.
SAVED: dict[str, Any] = json.loads((Path(__file__).parent / "saved_space.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Answer:
    """An answer that is no Gradio server's own."""

    status: int
    body: str = ""
    content_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Make it new, as aiohttp's responses are sent once."""
        return web.Response(
            status=self.status, text=self.body, content_type=self.content_type, headers=dict(self.headers)
        )


def page(status: int, words: str, **headers: str) -> Answer:
    """Give an HTML page such as the Hub's proxy shows."""
    body = f"<!DOCTYPE html>\n<html><head><title>{words}</title><style>p {{}}</style></head><body><p>{words}</p></body></html>\n"
    return Answer(status, body, headers=headers)


IN_ERROR = Answer(503, "Your space is in error, check its status on hf.co", "text/plain")
UNKNOWN = page(404, "Sorry, we can't find the page you are looking for.")
UNAUTHORIZED = Answer(401, "Invalid username or password.", "text/plain")
QUEUE_FULL = Answer(503, '{"detail":"Queue is full. Max size is 1 and size is 1."}', "application/json")
# As a join for an unknown function ends.
INTERNAL = Answer(500, "Internal Server Error", "text/plain")


def asleep(status: int = 503) -> Answer:
    """Give the proxy's page for a Space that is asleep, building or starting (502, 503, 504)."""
    return page(status, "Bad Gateway" if status == 502 else "The Space is waking up")


def too_many(retry_after: str = "1") -> Answer:
    """Give a 429; `retry_after` may be seconds or a date."""
    return Answer(429, "Too many requests", "text/plain", {"Retry-After": retry_after})


class Step:
    """A step of a stream that is neither bytes nor a pause."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


HEARTBEATS = Step("HEARTBEATS")  # a heartbeat each `heartbeat_seconds`, for ever
STALL = Step("STALL")  # no byte any more, the connection stays open
CUT = Step("CUT")  # the connection is aborted


def message(msg: str, **fields: Any) -> bytes:
    """Give a message as Gradio writes it: orjson's bytes, U+2028 raw."""
    text = json.dumps({"msg": msg, **fields}, ensure_ascii=False, separators=(",", ":"))
    return b"data: " + text.encode() + b"\n\n"


SESSION_NOT_FOUND = message(
    "unexpected_error", event_id=None, message="Session not found", success=False, session_not_found=True
)
CLOSE = message("close_stream", event_id=None)


@dataclass
class Seen:
    """A request that the server got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    cookies: dict[str, str]
    body: Any
    t: float


@dataclass
class _Trouble:
    answer: Answer
    path: str
    requests: int | None
    until: float | None


class ScriptedSpace:
    """A Space that does as it is told; `async with ScriptedSpace() as space`, then set its attributes.

    Attributes:
        url: its address, without a slash at the end.
        prefix: what stands before the queue's paths: set before the start, "" or "/gradio_api".
        config, info: what /config and /info answer.
        stream: the steps of each answer: bytes to write, a float to wait so long, HEARTBEATS, STALL or CUT;
            after the last one the response ends.
        streams: if not empty, its first item is taken off for the next GET, in the place of `stream`.
        event_id: what every join answers, and what the messages of `answer` name.
        stage, stages: the stage that the Hub's runtime answers; `stages` are taken off first.
        requests: all requests seen.

    """

    def __init__(self, *, prefix: str = "") -> None:
        self.prefix = prefix
        self.url = ""
        self.config: dict[str, Any] = copy.deepcopy(SAVED["config"])
        self.config["api_prefix"] = prefix
        self.info: dict[str, Any] = copy.deepcopy(SAVED["info"])
        self.event_id = "0123456789abcdef" * 2
        self.stream: Sequence[bytes | float | Step] = self.answer(["Hel", "lo", "."])
        self.streams: list[Sequence[bytes | float | Step]] = []
        self.heartbeat_seconds = 0.05
        self.cookie = "replica-1"
        self.stage = "RUNNING"
        self.stages: list[str] = []
        self.hardware: dict[str, Any] = {"current": "cpu-basic", "requested": "cpu-basic"}
        self.requests: list[Seen] = []
        self._troubles: list[_Trouble] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/config", self._config)
        app.router.add_get(self.prefix + "/info", self._info)
        app.router.add_post(self.prefix + "/queue/join", self._join)
        app.router.add_get(self.prefix + "/queue/data", self._data)
        app.router.add_post(self.prefix + "/cancel", self._cancel)
        app.router.add_get("/api/spaces/{owner}/{name}/runtime", self._runtime)
        app.router.add_route("*", "/{path:.*}", self._nothing)
        # A stalled stream shall end with its reader, and not hold up the end of the test.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    def fail(
        self, answer: Answer, *, path: str = "", requests: int | None = None, seconds: float | None = None
    ) -> None:
        """Answer so to the paths that end in `path`, for so many requests or seconds (neither: for ever)."""
        until = None if seconds is None else time.monotonic() + seconds
        self._troubles.append(_Trouble(answer, path, requests, until))

    def heal(self) -> None:
        """End all that `fail` began."""
        self._troubles.clear()

    def answer(self, pieces: Sequence[str], *, prompt: str = "hi", delay: float = 0) -> list[bytes | float | Step]:
        """Give the steps of a whole answer of the Qwen2-72B-Instruct layout: full value, diffs, completion, close."""
        steps: list[bytes | float | Step] = [self.message("estimation", rank=0, queue_size=1, rank_eta=None)]
        steps.append(self.message("process_starts", eta=None))
        for i, piece in enumerate(pieces):
            steps += [float(delay)] if delay else []
            data = [[], [["append", [0, 1], piece]], []] if i else ["", [[prompt, piece]], "sys"]
            output = {"data": data, "is_generating": True}
            steps.append(self.message("process_generating", output=output, success=True))
        output = {"data": ["", [[prompt, "".join(pieces)]], "sys"], "is_generating": False}
        return [*steps, self.message("process_completed", output=output, success=True), CLOSE]

    def message(self, msg: str, **fields: Any) -> bytes:
        """Give a message of this Space's event."""
        return message(msg, event_id=self.event_id, **fields)

    def seen(self, path: str) -> list[Seen]:
        """Give the requests to the paths that end so."""
        return [request for request in self.requests if request.path.endswith(path)]

    async def wait_seen(self, path: str, timeout: float = 5) -> Seen:
        """Wait for a request to a path that ends so."""
        end = time.monotonic() + timeout
        while not self.seen(path):
            assert time.monotonic() < end, f"no request to {path} in {timeout:g} s: {self.requests}"
            await asyncio.sleep(0.01)
        return self.seen(path)[0]

    async def _record(self, request: web.Request) -> web.Response | None:
        text = await request.text()
        body: Any = None
        if text:
            with contextlib.suppress(ValueError):
                body = json.loads(text)
        self.requests.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                dict(request.cookies),
                text if body is None else body,
                time.monotonic(),
            )
        )
        for trouble in list(self._troubles):
            if trouble.until is not None and time.monotonic() > trouble.until:
                self._troubles.remove(trouble)
            elif request.path.endswith(trouble.path):
                if trouble.requests is not None:
                    trouble.requests -= 1
                    if not trouble.requests:
                        self._troubles.remove(trouble)
                return trouble.answer.response()
        return None

    async def _config(self, request: web.Request) -> web.StreamResponse:
        if (failure := await self._record(request)) is not None:
            return failure
        response = web.json_response(self.config)
        response.set_cookie("spaces-replica", self.cookie, path="/")
        return response

    async def _info(self, request: web.Request) -> web.StreamResponse:
        failure = await self._record(request)
        return web.json_response(self.info) if failure is None else failure

    async def _join(self, request: web.Request) -> web.StreamResponse:
        failure = await self._record(request)
        return web.json_response({"event_id": self.event_id}) if failure is None else failure

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        failure = await self._record(request)
        return web.json_response({"success": True}) if failure is None else failure

    async def _runtime(self, request: web.Request) -> web.StreamResponse:
        if (failure := await self._record(request)) is not None:
            return failure
        stage = self.stages.pop(0) if self.stages else self.stage
        runtime = {"stage": stage, "hardware": self.hardware, "storage": None, "gcTimeout": 172800}
        if "ERROR" in stage:
            runtime["errorMessage"] = "Exit code: 1. Reason: Traceback (most recent call last)"
        return web.json_response(runtime)

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        failure = await self._record(request)
        return web.json_response({"detail": "Not Found"}, status=404) if failure is None else failure

    async def _data(self, request: web.Request) -> web.StreamResponse:
        if (failure := await self._record(request)) is not None:
            return failure
        steps = self.streams.pop(0) if self.streams else self.stream
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the reader may go at any time
            for step in steps:
                if isinstance(step, bytes):
                    await response.write(step)
                elif not isinstance(step, Step):
                    await asyncio.sleep(step)
                elif step is CUT:
                    if request.transport:
                        await asyncio.sleep(0.02)  # what was written shall arrive
                        request.transport.abort()
                    return response
                else:
                    while True:
                        await asyncio.sleep(self.heartbeat_seconds)
                        if step is HEARTBEATS:
                            await response.write(message("heartbeat"))
        return response
