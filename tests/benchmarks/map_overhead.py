"""What asking many rows costs: ours beside bare aiohttp, openai-python, chatlas and litellm, each in a process of its own.

One server process answers all: JSON, or a stream to who asks for one. Each rival runs where it is installed, in an
environment of this benchmark's cache (``~/.cache/qwen_magic/benchmarks/NAME``), which --install makes.

    python tests/benchmarks/map_overhead.py [--install] [--rows 2000] [--rounds 3] [--only bare,qwen_magic]

Printed are requests a second and CPU for each row (2,000 rows at no latency, 32 at once), wall time and peak memory
(10,000 rows at 50 ms), the time of 10,000 known rows, the worst window over a limit of requests, how many requests
a row costs at a server that refuses more than 100 in 10 s (ours and chatlas), and what planning a million rows costs:
CPU, the longest time for which the event loop did not turn, memory a row.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("QWEN_MAGIC_BENCHMARKS", "~/.cache/qwen_magic/benchmarks")).expanduser()
RIVALS = {"openai": ["openai"], "chatlas": ["chatlas", "openai"], "litellm": ["litellm"]}
AT_ONCE = 32
ANSWER = "positive"
USAGE = {"prompt_tokens": 17, "completion_tokens": 1, "total_tokens": 18}
HEAD = {"id": "c", "created": 1, "model": "m"}


def pages() -> dict[bool, bytes]:
    """Make the two answers: as JSON, and as a stream."""
    message = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    whole = json.dumps({**HEAD, "object": "chat.completion", "choices": [message], "usage": USAGE}).encode()
    head = {**HEAD, "object": "chat.completion.chunk"}
    deltas: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**head, "choices": [], "usage": USAGE},
    ]
    stream = "".join(f"data: {json.dumps(delta)}\n\n" for delta in deltas) + "data: [DONE]\n\n"
    return {False: page("application/json", whole), True: page("text/event-stream", stream.encode())}


def page(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


REFUSAL = page("application/json", b'{"error": {"message": "too many requests"}}').replace(
    b"200 OK", b"429 Too Many", 1
)


class Answering(asyncio.Protocol):
    """One connection: it answers each request after so many seconds, and notes when it came."""

    made = pages()
    times: list[float] = []  # noqa: RUF012 - of the process
    seconds = 0.0
    most: int | None = None
    """How many are answered in any 10 s; the others are refused."""
    taken: list[float] = []  # noqa: RUF012 - of the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, rest = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(
            (int(one.partition(b":")[2]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")),
            0,
        )
        if len(rest) < length:
            return
        self._read = b""
        if head.startswith(b"GET"):
            self._transport.write(page("application/json", json.dumps(self.times).encode()))
            self.times.clear()
            return
        self.times.append(time.monotonic())
        answer = self.made[b'"stream": true' in rest or b'"stream":true' in rest] if self._takes() else REFUSAL
        if self.seconds:
            asyncio.get_running_loop().call_later(self.seconds, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _takes(self) -> bool:
        if self.most is None:
            return True
        now = self.times[-1]
        self.taken[:] = [at for at in self.taken if at > now - 10]
        free = len(self.taken) < self.most
        self.taken.extend([now] * free)
        return free


async def serve(seconds: float, most: int | None) -> None:
    Answering.seconds, Answering.most = seconds, most
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def pooled(ask: Any, prompts: list[str], at_once: int) -> int:
    """Ask all, so many at once, as one writes it by hand; return how many were answered: all, or it raises."""
    left = iter(prompts)

    async def worker() -> None:
        for prompt in left:
            await ask(prompt)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return len(prompts)


async def run_bare(url: str, prompts: list[str], at_once: int) -> int:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(prompt: str) -> str:
            body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                return str((await response.json())["choices"][0]["message"]["content"])

        return await pooled(ask, prompts, at_once)


async def run_openai(url: str, prompts: list[str], at_once: int) -> int:
    from openai import AsyncOpenAI

    client, places = AsyncOpenAI(base_url=url, api_key="k"), asyncio.Semaphore(at_once)

    async def ask(prompt: str) -> Any:
        async with places:
            return await client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])

    return len(await asyncio.gather(*map(ask, prompts)))


async def run_litellm(url: str, prompts: list[str], at_once: int) -> int:
    litellm: Any = importlib.import_module("litellm")

    async def ask(prompt: str) -> Any:
        messages = [{"role": "user", "content": prompt}]
        return await litellm.acompletion(model="openai/m", api_base=url, api_key="k", messages=messages)

    return await pooled(ask, prompts, at_once)


async def run_chatlas(url: str, prompts: list[str], at_once: int) -> int:
    chatlas: Any = importlib.import_module("chatlas")

    chat = chatlas.ChatOpenAICompletions(model="m", base_url=url, api_key="k")
    rpm = int(os.environ.get("BENCHMARK_RPM", "10000000"))
    answers = await chatlas.parallel_chat_text(chat, list(prompts), max_active=at_once, rpm=rpm)
    return sum(isinstance(answer, str) for answer in answers)  # what failed, or was not asked, is no text


async def run_qwen_magic(url: str, prompts: list[str], at_once: int) -> int:
    from qwen_magic import QwenClient

    options: dict[str, Any] = {"keep": os.environ["BENCHMARK_KEEP"], "concurrency": at_once}
    if "BENCHMARK_RPM" in os.environ:
        options["rpm"] = int(os.environ["BENCHMARK_RPM"])
    async with QwenClient(f"openai:{url}#m") as client:
        out = await client.map("{item}", prompts, **options)
    assert len(out.frame) == len(prompts)
    return sum(status in ("done", "recorded") for status in out.columns()["status"])


def measure(name: str, url: str, rows: int, at_once: int) -> None:
    """Run one of them in this process; print what it took."""
    prompts = [f"Sentiment of this review, in one word: it was number {number} of many" for number in range(rows)]
    asyncio.run(globals()[f"run_{name}"](url, prompts[:8] + ["warm"] * 8, at_once))  # connections and imports apart
    before, began = cpu(), time.perf_counter()
    answered = asyncio.run(globals()[f"run_{name}"](url, [f"{prompt}." for prompt in prompts], at_once))
    wall, spent = time.perf_counter() - began, cpu() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"rate": rows / wall, "cpu_ms": spent / rows * 1000, "wall": wall, "peak_mb": peak, "answered": answered}
    print(json.dumps(told))


async def plan_rows(rows: int) -> dict[str, float]:
    """Plan so many different rows of two columns, while another task counts how often the loop turns."""
    from qwen_magic import QwenClient

    turns, longest, busiest, most, over = 0, 0.0, 0.0, 0.0, False

    async def turn() -> None:
        nonlocal turns, longest, busiest, most
        before, spent_before = time.perf_counter(), time.thread_time()
        while not over:
            await asyncio.sleep(0)
            now, spent = time.perf_counter(), time.thread_time()
            longest, busiest = max(longest, now - before), max(busiest, spent - spent_before)
            turns, before, spent_before = turns + 1, now, spent
            most = max(most, resident_mb()) if turns % 200 == 0 else most

    given = [{"text": f"it was number {number} of many", "stars": number % 5} for number in range(rows)]
    async with QwenClient("openai:http://127.0.0.1:9/v1#m") as client:
        await client.map("{text} {stars}", given[:8], keep=False).plan()  # imports apart
        turning, begun = asyncio.create_task(turn()), resident_mb()
        await asyncio.sleep(0)
        wall, spent = time.perf_counter(), cpu()
        plan = await client.map("Sentiment of: {text} ({stars})", given, keep=os.environ["BENCHMARK_KEEP"]).plan()
        wall, spent, over = time.perf_counter() - wall, cpu() - spent, True
        await turning
    assert plan.to_ask == rows
    held = {"longest": longest, "busiest": busiest, "turns": turns}
    return {"wall": wall, "cpu": spent, **held, "kb": (most - begun) * 1024 / rows}


def resident_mb() -> float:
    """Tell how much memory this process has now; the most that it had where the system does not say."""
    try:
        pages_held = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages_held * resource.getpagesize() / 2**20


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def python_of(name: str) -> str | None:
    """Return the interpreter that has a rival, or None."""
    if name in ("bare", "qwen_magic"):
        return sys.executable
    path = CACHE / name / "bin" / "python"
    done = path.exists() and subprocess.run([path, "-c", f"import {name}"], capture_output=True, check=False)
    return str(path) if done and done.returncode == 0 else None


class Server:
    """The server in a process of its own."""

    def __init__(self, seconds: float, most: int | None = None) -> None:
        command = [sys.executable, __file__, "--serve", str(seconds), *([] if most is None else [str(most)])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"

    def __enter__(self) -> Server:  # noqa: PYI034 - one class, run by several Pythons
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def times(self) -> list[float]:
        from urllib.request import urlopen

        with urlopen(self.url) as response:
            return list(json.load(response))


def run(name: str, url: str, rows: int, at_once: int, keep: Path, **env: str) -> dict[str, float]:
    """Run one in a process of its own."""
    command = [python_of(name) or "", __file__, "--measure", name, url, str(rows), str(at_once)]
    paths = {"PYTHONPATH": str(ROOT)} if name == "qwen_magic" else {}
    done = subprocess.run(
        command,
        env={**os.environ, "BENCHMARK_KEEP": str(keep), **paths, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-600:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def install() -> None:
    for name, packages in RIVALS.items():
        subprocess.run([sys.executable, "-m", "venv", CACHE / name], check=True)
        subprocess.run([CACHE / name / "bin" / "pip", "install", "-q", *packages], check=False)


def overhead(names: list[str], rows: int, rounds: int, folder: Path) -> None:
    print(f"{rows:,} rows, no latency, {AT_ONCE} at once; medians of {rounds}")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with Server(0.0) as server:
        for number in range(rounds):
            for name in names:
                found[name].append(run(name, server.url, rows, AT_ONCE, folder / f"{name}-{number}"))
    middle = {
        name: {key: statistics.median(one[key] for one in many) for key in many[0]} for name, many in found.items()
    }
    for name, one in middle.items():
        beside = [f"{one['rate'] / middle['openai']['rate']:.1f} times openai's rate"] if "openai" in middle else []
        beside += [f"{one['cpu_ms'] / middle['bare']['cpu_ms']:.2f} times bare's CPU"] if "bare" in middle else []
        print(f"  {name:12} {one['rate']:7.0f} rows/s  {one['cpu_ms']:6.3f} ms CPU a row  {', '.join(beside)}")


def large(names: list[str], rows: int, folder: Path) -> None:
    print(f"{rows:,} rows at 50 ms, 64 at once")
    with Server(0.05) as server:
        for name in names:
            one = run(name, server.url, rows, 64, folder / f"{name}-large")
            print(f"  {name:12} {one['wall']:6.1f} s  peak {one['peak_mb']:6.0f} MB  {one['cpu_ms']:6.3f} ms CPU a row")
    with Server(0.05) as server:  # another port is another target
        keep = folder / "known"
        run("qwen_magic", server.url, rows, 256, keep)
        print(f"{rows:,} known rows: {run('qwen_magic', server.url, rows, 64, keep)['wall']:.2f} s with their frame")


def limited(names: list[str], folder: Path) -> None:
    """Ask more than 600 rows at 600 a minute, 32 at once; told are the worst minute, and the worst 10 s beside 100."""
    for name in [one for one in ("qwen_magic", "chatlas") if one in names]:
        with Server(0.05) as server:
            run(name, server.url, 700, AT_ONCE, folder / f"{name}-limited", BENCHMARK_RPM="600")
            times = sorted(server.times())[-700:]  # those before were of the warming-up
        for span in (10.0, 60.0):
            worst = max(sum(start <= at < start + span for at in times) for start in times)
            print(f"  {name:12} worst {span:.0f} s over the limit: {worst / (10 * span):.2f} ({len(times)} requests)")


def storm(names: list[str], folder: Path) -> None:
    """Ask 500 rows of a server that refuses more than 100 in 10 s, and does not say for how long."""
    for name in [one for one in ("qwen_magic", "chatlas") if one in names]:
        with Server(0.05, 100) as server:
            one = run(name, server.url, 500, AT_ONCE, folder / f"{name}-storm")
            times = server.times()
        asked = sum(at > max(times) - one["wall"] - 1 for at in times)
        print(f"  {name:12} {one['answered']:.0f} of 500 rows answered in {one['wall']:.0f} s with {asked} requests")


def planned(rows: int, folder: Path) -> None:
    """Plan rows in a process of its own."""
    command = [sys.executable, __file__, "--plan", str(rows)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "BENCHMARK_KEEP": str(folder / "planned")}
    told = json.loads(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)
    print(
        f"  {rows:,} rows planned in {told['wall']:.1f} s ({told['cpu']:.1f} s CPU); the loop turned {told['turns']:,} "
        f"times, and stood still for {told['longest']:.2f} s at most ({told['busiest']:.2f} s CPU); "
        f"{told['kb']:.2f} KB a row"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--large", type=int, default=10_000)
    parser.add_argument("--plan-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="bare,qwen_magic,openai,chatlas,litellm")
    parser.add_argument("--parts", default="overhead,large,limits,storm,plan")
    given = parser.parse_args()
    if given.install:
        install()
    names = [name for name in given.only.split(",") if python_of(name)]
    for absent in sorted(set(given.only.split(",")) - set(names)):
        print(f"  {absent}: not installed (--install)")
    with tempfile.TemporaryDirectory() as folder:
        if "overhead" in given.parts:
            overhead(names, given.rows, given.rounds, Path(folder))
        if "large" in given.parts:
            large(names, given.large, Path(folder))
        if "limits" in given.parts:
            print("600 a minute, 32 at once")
            limited(names, Path(folder))
        if "storm" in given.parts:
            print(f"more than 100 in 10 s are refused, {AT_ONCE} at once")
            storm(names, Path(folder))
        if "plan" in given.parts:
            print("a plan of many rows, beside the rows themselves")
            planned(given.plan_rows, Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(float(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else None))
    elif sys.argv[1:2] == ["--plan"]:
        print(json.dumps(asyncio.run(plan_rows(int(sys.argv[2])))))
    elif sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
