"""The worst minute of a limiter over its limit: on a clock that takes no time, and against a real server.

python tests/benchmarks/rate_limits.py
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from aiohttp import web  # noqa: E402 - the path comes first
from support.clock import FakeClock  # noqa: E402 - the path comes first

from qwen_magic import QwenClient  # noqa: E402 - the path comes first
from qwen_magic.client.rate_limits import RateLimits  # noqa: E402 - the path comes first

ANSWER = b'data: {"choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def report(what: str, times: list[float], limit: int) -> None:
    worst = max(sum(start <= at < start + 60 for at in times) for start in times)
    idle = max((later - sooner for sooner, later in itertools.pairwise(times)), default=0.0)
    print(
        f"{what}: {len(times)} requests in {times[-1] - times[0]:.1f} s, worst minute {worst} of {limit} "
        f"({worst / limit:.2f}), longest pause {idle:.2f} s"
    )


async def on_a_fake_clock() -> None:
    clock, times = FakeClock(longest=1e9), []
    limits = RateLimits(clock, requests=600)

    async def ask() -> None:
        async for _ in limits.turn("T", lambda: 1, None, []):
            pass
        times.append(clock.now())

    await asyncio.gather(*(ask() for _ in range(1000)))
    report("600 a minute, fake clock", times, 600)


async def on_a_server() -> None:
    times: list[float] = []

    async def chat(request: web.Request) -> web.Response:
        times.append(time.monotonic())
        await request.read()
        return web.Response(body=ANSWER, content_type="text/event-stream")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target = f"openai:http://127.0.0.1:{runner.addresses[0][1]}/v1#m"
    async with QwenClient(target, requests_per_minute=1200) as client:
        await asyncio.gather(*(client.ask("hi") for _ in range(200)))
    await runner.cleanup()
    report("1,200 a minute, real server", sorted(times), 1200)


asyncio.run(on_a_fake_clock())
asyncio.run(on_a_server())
