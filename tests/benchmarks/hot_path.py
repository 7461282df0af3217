"""What a delta costs a client in CPU: ours beside a bare loop of aiohttp and json.loads, openai-python and gradio_client.

Each client runs in a process of its own against one server process; they take turns, and the medians are compared, so
that a machine's noise falls on all. openai and gradio_client are measured where they are installed.

    python tests/benchmarks/hot_path.py [--deltas 25000] [--rounds 3] [--streams 500] [--only burst,slow,growth]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

TOKEN = " word"
SLOW_DELTAS, SLOW_SECONDS = 200, 0.05
LONG = {"burst": 25_000, "short": 12_500, "long": 100_000}  # deltas of about 4 characters
CHUNK = 1 << 16


def openai_events(count: int) -> bytes:
    """Give a streamed chat completion."""
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "f"}
    delta = {"index": 0, "delta": {"content": TOKEN}, "logprobs": None, "finish_reason": None}
    one = b"data: " + json.dumps({**head, "choices": [delta]}).encode() + b"\n\n"
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return one * count + b"data: " + json.dumps({**head, "choices": [end]}).encode() + b"\n\ndata: [DONE]\n\n"


async def serve() -> None:
    """Serve both protocols, and print the address."""
    from aiohttp import web
    from servers.web import ScriptedSpace

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        kind, count = body["messages"][-1]["content"].split()[-2:]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        data = openai_events(int(count))
        if kind == "slow":
            for part in data.split(b"\n\n")[:-1]:
                await response.write(part + b"\n\n")
                await asyncio.sleep(SLOW_SECONDS)
        else:
            for place in range(0, len(data), CHUNK):
                await response.write(data[place : place + CHUNK])
        return response

    async with ScriptedSpace() as space:

        async def stream(request: web.Request) -> web.StreamResponse:
            count = int(
                next(seen for seen in reversed(space.requests) if "join" in seen.path).body["data"][0].split()[-1]
            )
            data = b"".join(part for part in space.answer([TOKEN] * count) if isinstance(part, bytes))
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
            await response.prepare(request)
            for place in range(0, len(data), CHUNK):
                await response.write(data[place : place + CHUNK])
            space.requests.clear()
            return response

        space._data = stream  # type: ignore[method-assign]
        await space._runner.cleanup() if space._runner else None
        async with space:
            app = web.Application()
            app.router.add_post("/v1/chat/completions", complete)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            print(
                json.dumps({"openai": f"http://127.0.0.1:{runner.addresses[0][1]}/v1", "gradio": space.url}), flush=True
            )
            await asyncio.Event().wait()


async def bare_openai(url: str, prompt: str, session: Any) -> int:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    text, rest = [], b""
    async with session.post(f"{url}/chat/completions", json=body) as response:
        async for chunk in response.content.iter_any():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    text.append(json.loads(block[6:])["choices"][0]["delta"].get("content") or "")
    return len("".join(text))


async def bare_gradio(url: str, prompt: str, session: Any) -> int:
    body = {"data": [prompt, [], "sys"], "fn_index": 0, "session_hash": "s"}
    async with session.post(f"{url}/queue/join", json=body) as response:
        await response.json()
    text, rest = "", b""
    parts: list[str] = []
    async with session.get(f"{url}/queue/data", params={"session_hash": "s"}) as response:
        async for chunk in response.content.iter_any():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                message = json.loads(block[6:])
                if message["msg"] == "process_generating":
                    rows = message["output"]["data"][1]
                    parts.append(rows[0][2] if rows and rows[0][0] == "append" else rows[0][1])
    text = "".join(parts)
    return len(text)


async def ours(target: str, prompts: list[str]) -> int:
    from qwen_magic import QwenClient

    async with QwenClient(target, stall_timeout=600) as client:

        async def one(prompt: str) -> int:
            stream, length = client.stream(prompt), 0
            async for text in stream:
                length += len(text)
            return length

        return sum(await asyncio.gather(*map(one, prompts)))


async def bare(kind: str, url: str, prompts: list[str]) -> int:
    import aiohttp

    ask = bare_openai if kind == "openai" else bare_gradio
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return sum(await asyncio.gather(*(ask(url, prompt, session) for prompt in prompts)))


async def openai_python(url: str, prompts: list[str]) -> int:
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="none", timeout=600, max_retries=0)

    async def one(prompt: str) -> int:
        length = 0
        messages: Any = [{"role": "user", "content": prompt}]
        async for part in await client.chat.completions.create(model="m", messages=messages, stream=True):
            length += len(part.choices[0].delta.content or "") if part.choices else 0
        return length

    return sum(await asyncio.gather(*map(one, prompts)))


def gradio_client(url: str, prompts: list[str]) -> int:
    from gradio_client import Client

    client, length = Client(url, verbose=False), 0
    for prompt in prompts:
        for value in client.submit(prompt, [], "sys", fn_index=0):
            length = len(value[1][0][1])
    return length


def child(name: str, urls: dict[str, str], kind: str, count: int, streams: int) -> None:
    """Run one client; print its CPU seconds, characters and memory."""
    prompts = [f"{kind} {count}"] * streams
    one = [f"{kind} 1"] * 1
    runs = {
        "ours openai": lambda which: asyncio.run(ours(f"openai:{urls['openai']}#m", which)),
        "bare openai": lambda which: asyncio.run(bare("openai", urls["openai"], which)),
        "openai-python": lambda which: asyncio.run(openai_python(urls["openai"], which)),
        "ours gradio": lambda which: asyncio.run(ours(f"space:{urls['gradio']}", which)),
        "bare gradio": lambda which: asyncio.run(bare("gradio", urls["gradio"], which)),
        "gradio_client": lambda which: gradio_client(urls["gradio"], which),
    }
    runs[name](one)  # imports and the discovery of an app are not the stream's
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before, begun = time.process_time(), time.perf_counter()
    characters = runs[name](prompts)
    print(
        json.dumps(
            {
                "cpu": time.process_time() - before,
                "seconds": time.perf_counter() - begun,
                "characters": characters,
                "kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory,
            }
        )
    )


def measured(name: str, urls: dict[str, str], kind: str, count: int, streams: int = 1) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", name, json.dumps(urls), kind, str(count), str(streams)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    wanted = len(TOKEN) * count * (1 if name == "gradio_client" else streams)
    assert found["characters"] == wanted, (name, found, wanted)
    return dict(found)


def medians(
    names: list[str], urls: dict[str, str], rounds: int, kind: str, count: int, streams: int = 1
) -> dict[str, float]:
    """Let the clients take turns; give the median of each one's CPU seconds."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            found[name].append(measured(name, urls, kind, count, streams))
    for name in names:
        cpu = statistics.median(one["cpu"] for one in found[name])
        kib = statistics.median(one["kib"] for one in found[name])
        print(f"  {name:14} {cpu / count / streams * 1e6:8.1f} us a delta   {kib / streams:8.1f} KiB a stream")
    return {name: statistics.median(one["cpu"] for one in found[name]) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deltas", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--only", default="burst,slow,growth")
    options = parser.parse_args()
    there = importlib.util.find_spec
    openai = ["ours openai", "bare openai", *(["openai-python"] if there("openai") else [])]
    gradio = ["ours gradio", "bare gradio", *(["gradio_client"] if there("gradio_client") else [])]
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        urls = json.loads(server.stdout.readline())
        if "burst" in options.only:
            for names in (openai, gradio):
                print(f"bursts of {options.deltas:,} deltas")
                cpu = medians(names, urls, options.rounds, "burst", options.deltas)
                print(f"  ours over bare: {cpu[names[0]] / cpu[names[1]]:.2f}")
        if "slow" in options.only:
            print(f"{options.streams} streams at once, {SLOW_DELTAS} deltas each, {SLOW_SECONDS * 1000:.0f} ms apart")
            cpu = medians(openai[:2], urls, 1, "slow", SLOW_DELTAS, options.streams)
            print(f"  ours over bare: {cpu['ours openai'] / cpu['bare openai']:.2f}")
        if "growth" in options.only:
            for name in ("ours openai", "ours gradio"):
                short, long = (
                    statistics.median(
                        measured(name, urls, "burst", count)["cpu"] / count for _ in range(options.rounds)
                    )
                    for count in (10_000, 80_000)  # of five characters
                )
                print(f"{name}: a delta at 400,000 characters over one at 50,000: {long / short:.2f}")
    finally:
        server.kill()


if sys.argv[1:2] == ["--serve"]:
    asyncio.run(serve())
elif sys.argv[1:2] == ["--child"]:
    child(sys.argv[2], json.loads(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
else:
    main()
