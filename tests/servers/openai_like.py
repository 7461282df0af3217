"""OpenAI-compatible servers in FastAPI, whose failures have the shapes that vLLM, Ollama, DashScope and others send."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

Answer = Callable[[dict[str, Any], Request], Awaitable[Response] | Response]


class Script:
    """What the server does: how it answers the questions in turn, which models it lists, and what it was asked.

    Attributes:
        answers: the answers, the last one again and again.
        models: the ids in ``/v1/models``, or None where there is no such page.
        bodies: the requests' bodies.
        keys: the ``Authorization`` of each request.
        beside: what is told at other paths.

    """

    def __init__(self, *answers: Answer, models: list[str] | None = None, prefix: str = "/v1") -> None:
        self.answers = answers or (streamed(chunk("hello")),)
        self.models = models
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.beside: dict[str, Any] = {}
        self.prefix = prefix

    def app(self) -> FastAPI:
        """Make the application."""
        app = FastAPI()

        @app.post(f"{self.prefix}/chat/completions")
        async def complete(request: Request) -> Response:
            body = await request.json()
            self.keys.append(request.headers.get("authorization"))
            self.bodies.append(body)
            made = self.answers[min(len(self.bodies), len(self.answers)) - 1](body, request)
            return await made if isinstance(made, Awaitable) else made

        @app.get("/{path:path}")
        async def anything(path: str, request: Request) -> Response:
            self.keys.append(request.headers.get("authorization"))
            if f"/{path}" == f"{self.prefix}/models" and self.models is not None:
                return JSONResponse(
                    {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
                )
            if f"/{path}" in self.beside:
                return JSONResponse(self.beside[f"/{path}"])
            return JSONResponse({"detail": "Not Found"}, 404)

        return app


class Strict(BaseModel):
    """A body of which FastAPI itself refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")
    model: str
    messages: list[dict[str, str]]
    stream: bool = False
    temperature: float = 1.0


def strict_app() -> FastAPI:
    """Make a server that validates its bodies as FastAPI does."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(body: Strict) -> Response:
        return streamed(chunk(f"{body.temperature:g}"))({}, None)  # type: ignore[arg-type, return-value]

    return app


def chunk(text: str | None = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """Make one message of a stream."""
    delta = {"content": text} if text is not None else {}
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **fields,
    }


def streamed(*chunks: dict[str, Any] | float) -> Answer:
    """Answer with a stream; a number is a pause. Without a finish reason among the chunks it is "stop"."""
    ended = any(choice.get("finish_reason") for item in chunks if isinstance(item, dict) for choice in _choices(item))

    async def lines() -> AsyncIterator[str]:
        for item in chunks:
            if isinstance(item, dict):
                yield f"data: {json.dumps(item)}\n\n"
            else:
                await asyncio.sleep(item)
        if not ended:
            yield f"data: {json.dumps(chunk(finish='stop'))}\n\n"
        yield "data: [DONE]\n\n"

    return lambda _body, _request: StreamingResponse(lines(), media_type="text/event-stream")


def _choices(item: dict[str, Any]) -> list[dict[str, Any]]:
    found = item.get("choices")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def refused(status: int, body: Any, **headers: str) -> Answer:
    """Answer with a failure: JSON, or a text as it is."""
    if isinstance(body, str):
        return lambda _body, _request: Response(body, status, headers, media_type="text/plain")
    return lambda _body, _request: JSONResponse(body, status, headers)


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on loopback; give its address, without ``/v1``."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
