"""Show a chain at work: one target refuses, the queue of the next is full, the third breaks off, the second goes on.

Run: python tests/benchmarks/failover.py
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from servers.chat import ChatServer, Said
from servers.gradio_server import GradioServer

from qwen_magic import QwenClient, QwenError, Stream
from qwen_magic.events import Responder, Status

VERSION = "5.50.0"


def refusing() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"openai:http://127.0.0.1:{sock.getsockname()[1]}/v1#none"


async def show(title: str, stream: Stream) -> None:
    """Print what happens, with its time, and who answered."""
    print(f"\n{title}")
    started = time.perf_counter()
    try:
        async for event in stream.events():
            if isinstance(event, (Status, Responder)):
                text = event.text if isinstance(event, Status) else "is asked"
                print(f"  {time.perf_counter() - started:5.2f} s  {event.target}: {text}")
    except QwenError as error:
        print(f"  {time.perf_counter() - started:5.2f} s  {error}")
    reply = stream.reply
    by = ", continued by ".join((*reply.earlier_targets, reply.target))
    print(f"  {time.perf_counter() - started:5.2f} s  {reply.finish_reason} by {by}: {reply.text!r}")


async def main() -> None:
    with GradioServer(VERSION, "qwenlike", QWEN_TEST_QUEUE_MAX="1") as full:
        async with ChatServer(
            Said(["The cat walked ", "along the road"], cut=True), Said(["the road ", "home."])
        ) as last:
            second = f"space:{full.url}"
            async with QwenClient(second) as others, QwenClient([refusing(), second, last.target]) as client:
                running = [asyncio.ensure_future(others.ask("count 300 0.05")) for _ in range(2)]
                await asyncio.sleep(2)
                stream = client.stream("tell me of the cat")
                await show("one refuses, one is full, the third breaks off", stream)
                await show("continued", stream.resume())
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)


asyncio.run(main())
