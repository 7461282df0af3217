"""Ask each kind of backend against each fault, and judge what came of it."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.catalogue import KEY, bomb_bytes
from faults.wire import FaultServer

from qwen_magic import QwenClient
from qwen_magic.backends.local.backend import LocalBackend
from qwen_magic.backends.local.engine import Address
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import QwenError
from qwen_magic.events import Status, TextDelta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.wire import Fault

BACKENDS = ("openai", "gradio", "local")
SHORT_STALL, LONG_STALL = 1.5, 15.0
_AT_ONCE = 15
_MARGIN = 20.0
"""Seconds that a busy machine may add: a hang takes for ever."""
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_runs = itertools.count()


class HurriedClock:
    """The machine's time, in which pauses before a further try are left out."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self._skipped

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._skipped += max(seconds, 0.0)

    def jitter(self) -> float:
        return 0.0


class FakeEngine:
    """An engine whose server is another one."""

    running = True

    def __init__(self, url: str) -> None:
        self._url = url

    def start(self) -> Address:
        return Address(self._url, KEY)

    def death(self, wait: float = 0.0) -> str:
        return ""

    def close(self) -> None:
        pass


@dataclass
class Result:
    """What came of one case.

    Attributes:
        wrong: what is not as it should be.

    """

    backend: str
    stage: str
    fault: Fault
    ended: str = ""
    line: str = ""
    text: str = ""
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def cases(faults: Sequence[Fault], backend: str) -> list[tuple[Fault, str]]:
    """List the faults of a backend, each with the stage at which it strikes."""
    kind = "gradio" if backend == "gradio" else "openai"
    found = [(fault, stage) for fault in faults if kind in fault.kinds for stage in fault.at]
    return found if kind == "gradio" else [(fault, stage) for fault, stage in found if stage == "ask"]


async def run_all(faults: Sequence[Fault], backend: str) -> list[Result]:
    """Run all cases of a backend, and look for what they left behind."""
    await asyncio.to_thread(bomb_bytes)
    by_key = {f"f{number}": fault for number, fault in enumerate(faults)}
    places = asyncio.Semaphore(_AT_ONCE)
    threads, files, tasks = threading.active_count(), _open_files(), len(asyncio.all_tasks())
    results: list[Result] = []
    async with FaultServer(by_key).running() as server:
        keys = {id(fault): key for key, fault in by_key.items()}

        async def one(fault: Fault, stage: str) -> None:
            async with places:
                results.append(await ask(server, backend, stage, fault, keys[id(fault)]))

        await asyncio.gather(*(one(fault, stage) for fault, stage in cases(faults, backend)))
        left = await _settled(server)
    found = {
        "connections": left,
        "tasks": len(asyncio.all_tasks()) - tasks,
        "threads": threading.active_count() - threads - _POOL,
        "files": _open_files() - files - _POOL,
    }
    if leaked := {name: count for name, count in found.items() if count > 0}:
        results[0].wrong.append(f"left behind by all of them: {leaked}")
    return sorted(results, key=lambda result: (result.fault.name, result.stage))


_POOL = 24
"""Threads of asyncio's own pool, which it keeps; far fewer than there are cases."""


async def ask(server: FaultServer, backend: str, stage: str, fault: Fault, key: str) -> Result:
    """Ask once against a fault, and once more where all is well."""
    run = next(_runs)
    place = f"{server.url}/{stage}/{key}/{run}"
    result = Result(backend, stage, fault)
    stall = fault.stall or (SHORT_STALL if fault.ends == "StallError" else LONG_STALL)
    client = QwenClient(_target(backend, place), clock=HurriedClock(), stall_timeout=stall, **_SETTINGS)
    client.settings.keys.set(server.url.partition("//")[2], KEY, keep=False)
    if backend == "local":
        _have_engine(client, place)
    async with client:
        begin = time.monotonic()
        stream = client.stream("hi")
        events = stream.events()

        async def read() -> None:
            async for event in events:
                if isinstance(event, Status):
                    result.said.append(event.text)
                elif isinstance(event, TextDelta):
                    result.text += event.text

        reading = asyncio.ensure_future(read())
        await asyncio.wait({reading}, timeout=fault.seconds + _MARGIN)
        result.seconds = time.monotonic() - begin
        if not reading.done():
            result.ended = "still going on"
            reading.cancel()
            await asyncio.wait({reading})
        elif error := reading.exception():
            result.ended, result.line = type(error).__name__, str(error)
            _judge_error(result, error, _target(backend, place))
        else:
            result.ended = "answer"
        result.text = stream.reply.text
        _judge(result)
        await events.aclose()
        good = f"{server.url}/{stage}/none/{run}"
        if backend == "local":
            _have_engine(client, good)
        again = ""
        for _ in range(3):  # a short stall may be one of this machine
            try:
                again = (await asyncio.wait_for(client.ask("hi", target=_target(backend, good)), _MARGIN)).text
            except (QwenError, asyncio.TimeoutError) as error:
                again = repr(error)
            if not again.startswith("StallError"):
                break
        if again != "Hello.":
            result.wrong.append(f"the next answer was {again!r}")
    return result


_SETTINGS: dict[str, Any] = {
    "headers": {"X-Canary": KEY},
    "connect_timeout": 10.0,
    "retry_timeout": 10.0,
    "wake_timeout": 8.0,
}


def _target(backend: str, place: str) -> str:
    return {"openai": f"openai:{place}/v1#tiny", "gradio": f"space:{place}", "local": "local"}[backend]


def _have_engine(client: QwenClient, place: str) -> None:
    local = LocalBackend(parse_target("local"), client.settings)
    local._engine = FakeEngine(place)  # type: ignore[assignment]
    client._backends["local"] = local


def _judge_error(result: Result, error: BaseException, target: str) -> None:
    if not isinstance(error, QwenError):
        result.wrong.append("no error of ours")
        return
    line = str(error)
    if _FORBIDDEN.search(line) or len(line) > 2000:
        result.wrong.append("not one clean line")
    if not line.startswith(target):
        result.wrong.append("the target is not named")
    if not error.hint:
        result.wrong.append("nothing is said of what to do")
    if KEY in line or KEY in repr(error):
        result.wrong.append("a key is shown")
    if type(error).__name__ == "UnexpectedError":
        result.wrong.append("unforeseen")
    text = stream_text(error)
    if text != result.fault.partial and result.fault.ends != "any":
        result.wrong.append(f"kept {text!r}, not {result.fault.partial!r}")


def stream_text(error: QwenError) -> str:
    """Return the text that an error keeps."""
    return error.reply.text if error.reply else ""


def _judge(result: Result) -> None:
    fault = result.fault
    allowed = fault.ends.split()
    failed = result.ended not in ("answer", "still going on")
    right = (
        result.ended in allowed
        or (allowed == ["any"] and result.ended != "still going on")
        or (allowed == ["error"] and failed)
    )
    if not right:
        result.wrong.append(f"{result.ended or 'nothing'}, not {fault.ends}")
    if failed and fault.words not in result.line:
        result.wrong.append(f"{fault.words!r} is not said")
    if result.ended == "answer" and fault.ends == "answer" and result.text != (fault.partial or "Hello."):
        result.wrong.append(f"the answer is {result.text!r}")
    if any(_FORBIDDEN.search(text) or KEY in text for text in result.said):
        result.wrong.append("a status is not clean")
    # Of the description, which costs nothing, aiohttp itself asks again on a kept connection.
    if (
        fault.ends == "answer"
        and fault.times < 100
        and result.stage == "ask"
        and not any("asking again" in s or "waiting" in s or "trying" in s for s in result.said)
    ):
        result.wrong.append("that it is asked again is not said")


async def _settled(server: FaultServer) -> int:
    """Wait for a moment until the connections are gone; return how many are not."""
    for _ in range(100):
        if not server.open:
            break
        await asyncio.sleep(0.05)
    return len(server.open)


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
