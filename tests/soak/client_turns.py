"""A program that asks turns of one conversation, all messages given as mappings each time, in a process of its own.

Run with "ours" or "bare" and a target, it reads from each line how many turns to ask, and answers with the seconds of
CPU that they took, and those that it takes to look at all mappings as often: one may have been changed in its place, so
who takes them has to. "bare" is what the HTTP library alone costs: it posts the same messages, and reads the stream.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER = "".join(f"word **bold** {number} " for number in range(12))


def ours(target: str) -> Callable[[list[dict[str, str]]], str]:
    """Ask with a client."""
    from qwen_magic import QwenClient

    client = QwenClient(target)
    return lambda said: client.ask_sync(said).text


def bare(target: str) -> Callable[[list[dict[str, str]]], str]:
    """Ask with aiohttp alone."""
    import aiohttp

    loop, sessions = asyncio.new_event_loop(), list[Any]()
    url = f"{target.removeprefix('openai:').partition('#')[0]}/chat/completions"

    async def post(said: list[dict[str, str]]) -> str:
        if not sessions:
            sessions.append(aiohttp.ClientSession())
        async with sessions[0].post(url, json={"model": "m", "messages": said, "stream": True}) as response:
            async for _ in response.content.iter_any():
                pass
        return ANSWER

    return lambda said: loop.run_until_complete(post(said))


def main(kind: str, target: str) -> None:
    """Ask as many turns as each line says."""
    ask = {"ours": ours, "bare": bare}[kind](target)
    said: list[dict[str, str]] = []
    copies: list[dict[str, str]] = []
    for line in sys.stdin:
        asking = looking = 0.0
        for _ in range(int(line)):
            began = time.process_time()
            said.append({"role": "user", "content": f"question {len(said)}"})
            said.append({"role": "assistant", "content": ask(said)})
            asked = time.process_time()
            assert said[: len(copies)] == copies
            asking, looking = asking + asked - began, looking + time.process_time() - asked
            copies += [one.copy() for one in said[len(copies) :]]
        print(asking, looking, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
