"""A GGUF model on this machine: weights fetched on first use, run by llama.cpp in a child process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import Future
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

import aiohttp

from .. import events
from ..errors import ConnectError, DisconnectError, EngineError, QwenError
from ..events import Event, Status
from ..targets import Target
from . import weights
from .engine import Address, Engine
from .openai import OpenAIBackend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from ..messages import Message
    from ..parameters import Parameters
    from . import Settings

T = TypeVar("T")

_STATUS_SECONDS = 0.25
_DEATH_SECONDS = 1.0
_MIB = 1 << 20


class LocalBackend:
    """Run one model on this machine.

    Args:
        target: a known model's short name, or a GGUF file's path.
        settings: the client's settings; its proxy and headers are not for this machine.

    """

    def __init__(self, target: Target, settings: Settings) -> None:
        self.name = target.name
        self.model = weights.model_title(target.address)
        self.settings = settings
        self._address = target.address
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"LocalBackend({self.name!r})"

    @property
    def engine(self) -> Engine | None:
        """The engine, once the weights were found."""
        return self._engine

    async def stream(
        self,
        session: aiohttp.ClientSession,  # noqa: ARG002 - its proxy is not for loopback
        messages: tuple[Message, ...],
        parameters: Parameters,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        yield events.Target(self.name, self.model)
        try:
            found: list[Address] = []
            async with aclosing(self._start(found)) as waiting:
                async for status in waiting:
                    yield status
            async with aclosing(self._answer(found[0], messages, parameters)) as answer:
                async for event in answer:
                    yield event
        except QwenError as error:
            error.target = error.target or self.name
            raise

    async def close(self) -> None:
        """End the engine's process."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            await _in_thread(engine.close)

    async def _start(self, found: list[Address]) -> AsyncGenerator[Status, None]:
        """Bring the weights here and the engine up; put its address into the list."""
        engine = self._engine
        if engine is not None and engine.running:
            found.append(await _in_thread(engine.start))
            return
        paths: list[Path] = []
        async with aclosing(self._fetch(paths)) as waiting:
            async for status in waiting:
                yield status
        yield Status(f"loading {self.model}", "loading", self.name)
        # Where we are cancelled here, the loading goes on, and the next answer has use of it.
        found.append(await _in_thread(self._engine_for(paths[0]).start))

    async def _fetch(self, found: list[Path]) -> AsyncGenerator[Status, None]:
        """Bring the weights here, in a thread, which stops when we are cancelled."""
        stop, queue, loop = threading.Event(), asyncio.Queue[Status | None](), asyncio.get_running_loop()
        last = 0.0

        def progress(done: int, total: int, what: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _STATUS_SECONDS:
                last = now
                _tell(loop, queue, self._progress(done, total, what))

        task = asyncio.ensure_future(_in_thread(lambda: weights.ensure(self._address, progress, stop)))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (status := await queue.get()) is not None:
                yield status
            found.append(await task)
        finally:
            stop.set()
            task.cancel()

    def _progress(self, done: int, total: int, what: str) -> Status:
        text = f"{what} {self.model}: {done / _MIB:.0f} of {total / _MIB:.0f} MiB"
        return Status(text, "download" if what == "downloading" else "loading", self.name, done / total)

    def _engine_for(self, path: Path) -> Engine:
        with self._lock:
            if self._engine is None or self._engine.model != path:
                self._engine = Engine(path)
            return self._engine

    async def _answer(
        self, address: Address, messages: tuple[Message, ...], parameters: Parameters
    ) -> AsyncGenerator[Event, None]:
        place = Target(self.name, "openai", f"{address.url}/v1", self.model)
        # Without word of its progress the engine would not see, while it reads a prompt, that nobody listens.
        server = OpenAIBackend(place, self.settings, address.key, {"return_progress": True})
        engine = self._engine
        try:
            # No proxy, no headers and no cookies: this is our own process, on loopback.
            async with (
                aiohttp.ClientSession(trust_env=False) as session,
                aclosing(server.stream(session, messages, parameters)) as answer,
            ):
                async for event in answer:
                    if not isinstance(event, events.Target):
                        yield event
        except (ConnectError, DisconnectError) as error:
            death = await _in_thread(lambda: engine.death(_DEATH_SECONDS)) if engine else ""
            if not death:
                raise
            raise EngineError(
                f"the engine died ({death})",
                hint="Ask again: it is started anew. It may have run out of memory.",
            ) from error


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a daemon thread, which nothing waits for at a loop's or the interpreter's end."""
    future: Future[T] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="qwen_magic local", daemon=True).start()
    return await asyncio.wrap_future(future)


def _tell(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Status | None], status: Status) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
        loop.call_soon_threadsafe(queue.put_nowait, status)
