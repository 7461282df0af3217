"""An OpenAI-compatible server for rows: it answers, refuses or breaks off as its rule says, and notes what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Refusal:
    """An answer that is a failure."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


def completion(text: str) -> dict[str, Any]:
    """Make an answer that comes at once."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {
        "object": "chat.completion",
        "choices": [choice],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }


Rule = "Callable[[str], str | Refusal]"


@dataclass
class RowsServer:
    """What the server does, and what it has seen.

    Attributes:
        rule: gives the answer to a prompt, or a refusal.
        seconds: how long an answer takes.
        prompts: all prompts, in the order in which they came.
        times: when they came.
        most_at_once: the most that were on their way together.
    """

    rule: Callable[[str], str | Refusal] = lambda prompt: f"answer to {prompt}"
    seconds: float = 0.0
    usage: bool = True
    prompts: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""

    @property
    def target(self) -> str:
        return f"openai:{self.url}/v1#m"

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        prompt = body["messages"][-1]["content"]
        self.prompts.append(prompt)
        self.times.append(time.monotonic())
        self.bodies.append(body)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.seconds:
                await asyncio.sleep(self.seconds)
            answer = self.rule(prompt)
        finally:
            self.at_once -= 1
        if isinstance(answer, Refusal):
            return web.json_response(
                {"error": {"message": answer.message}}, status=answer.status, headers=answer.headers
            )
        if not body.get("stream"):
            return web.json_response(completion(answer))
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": answer}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
        if self.usage:
            chunks.append({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        return web.Response(text=text, content_type="text/event-stream")

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_get("/v1/models", self.models)

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})


Server = TypeVar("Server", bound=RowsServer)


@contextlib.contextmanager
def rows_server(**how: Any) -> Iterator[RowsServer]:
    """Serve rows on loopback, on a thread of its own."""
    with serving(RowsServer(**how)) as server:
        yield server


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on loopback, on a thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 26)
        server.add_to(app)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()
        for _ in range(3):  # a turn in which connections that were just closed say goodbye
            await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
