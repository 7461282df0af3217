"""An OpenAI-compatible server that answers what a test wrote down for it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass
class Said:
    """One answer.

    Attributes:
        pieces: the text's pieces; of `thoughts`, those of the thinking before it.
        cut: whether the connection is cut after them.
        finish: the finish reason.
        usage: the usage at the end, or None.
        pause: seconds before each piece.
        status: the HTTP status; with another than 200 `body` is all there is.

    """

    pieces: list[str] = field(default_factory=lambda: ["Hel", "lo."])
    thoughts: list[str] = field(default_factory=list)
    cut: bool = False
    finish: str = "stop"
    usage: dict[str, int] | None = None
    pause: float = 0.0
    status: int = 200
    body: str = ""


class ChatServer:
    """The server: give it answers, and see what it was asked. The last answer is given again and again."""

    def __init__(self, *answers: Said) -> None:
        self.answers = list(answers) or [Said()]
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    def target(self) -> str:
        """The target string."""
        return f"openai:{self.url}#tiny"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said.status != 200:
            return web.Response(status=said.status, text=said.body, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        deltas = [{"reasoning_content": text} for text in said.thoughts] + [{"content": text} for text in said.pieces]
        for delta in deltas:
            await asyncio.sleep(said.pause)
            await response.write(_event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
        if said.cut:
            assert request.transport
            request.transport.close()
            return response
        await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": said.finish}]}))
        if said.usage:
            await response.write(_event({"choices": [], "usage": said.usage}))
        await response.write(b"data: [DONE]\n\n")
        return response


def _event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
