"""A server that speaks like OpenAI's and thinks, as slowly as the prompt says."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

from aiohttp import web


def plan(thoughts: list[str], pause: float, answer: str, reason: str = "stop") -> str:
    """Give the prompt that has the server think these thoughts, pause after each, and answer."""
    return json.dumps({"thoughts": thoughts, "pause": pause, "answer": answer, "reason": reason})


class Thinker:
    """A running server; its prompts are made by `plan`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        wanted = json.loads(body["messages"][-1]["content"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)

        async def send(delta: dict[str, str], reason: str | None = None) -> None:
            chunk: dict[str, Any] = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())

        for thought in wanted["thoughts"]:
            await send({"reasoning_content": thought})
            await asyncio.sleep(wanted["pause"])
        if wanted["answer"]:
            await send({"content": wanted["answer"]})
        await send({}, wanted["reason"])
        await response.write(b"data: [DONE]\n\n")
        return response

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
