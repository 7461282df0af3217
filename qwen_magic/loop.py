"""The one background event loop, and how synchronous code waits on it.

Nothing of a kernel's own loop is re-entered: a stream runs here, on a daemon thread, and the main thread only waits on
a queue, so that an interrupt is at once an interrupt.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import queue
import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator

T = TypeVar("T")

_JOIN_SECONDS = 2.0
_POLL_SECONDS = 0.05
"""How often a waiting thread looks up: on Windows an interrupt does not wake a wait without a limit."""


class BackgroundLoop:
    """An event loop on a daemon thread, started on first use.

    A daemon, because any other kind would hang a kernel's shutdown.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    @property
    def running(self) -> bool:
        """Whether the thread runs; after a fork it does not."""
        return self._thread is not None and self._thread.is_alive() and self._pid == os.getpid()

    def is_here(self) -> bool:
        """Whether the caller runs on the loop's own thread."""
        return self._thread is threading.current_thread()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop; start it where there is none."""
        with self._lock:
            if not self.running or self._loop is None:
                self._start()
            assert self._loop is not None  # noqa: S101 - just started
            return self._loop

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, in the caller's context."""
        loop = self.loop()
        if loop is _running_loop():
            coroutine.close()
            raise RuntimeError("a synchronous wait inside the background loop would never end; use await")
        return asyncio.run_coroutine_threadsafe(coroutine, loop)

    def submit_from_anywhere(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, also from the loop itself; nobody may wait for it there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for its result; an interrupt cancels it and is raised at once."""
        future = self.submit(coroutine)
        try:
            while not future.done():
                wait({future}, timeout=_POLL_SECONDS)
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, source: AsyncGenerator[T, None], tick: float | None = None) -> Generator[T | None, None, None]:
        """Iterate an asynchronous generator from synchronous code.

        Args:
            source: what is iterated, on the loop.
            tick: seconds after which None is yielded while nothing comes, or None for never.

        Yields:
            The items, and None at each tick without one. Closing the generator cancels the source and does not wait
            for it.

        """
        items: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        future = self.submit(_forward(source, items))
        step = _POLL_SECONDS if tick is None else min(tick, _POLL_SECONDS)
        waited = 0.0
        try:
            while True:
                try:
                    kind, item = items.get(timeout=step)
                except queue.Empty:
                    waited += step
                    if tick is not None and waited >= tick:
                        waited = 0.0
                        yield None
                    continue
                waited = 0.0
                if kind == "end":
                    return
                if kind == "error":
                    raise item
                yield item
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what runs, end the thread, wait for it no longer than two seconds."""
        with self._lock:
            thread, loop, running = self._thread, self._loop, self.running
            self._thread = self._loop = None
        if not running or loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):  # closed in the meantime
            loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)

    def _start(self) -> None:
        import _asyncio  # noqa: PLC0415 - imported before asyncio itself it would be set up twice

        loop = asyncio.new_event_loop()
        # nest_asyncio replaces asyncio.Task for the whole process, which breaks asyncio.timeout: use the real one.
        loop.set_task_factory(lambda loop, coro, **kwargs: _asyncio.Task(coro, loop=loop, **kwargs))
        ready = threading.Event()
        loop.call_soon(ready.set)
        self._loop, self._pid = loop, os.getpid()
        self._thread = threading.Thread(target=_serve, args=(loop,), name="qwen_magic", daemon=True)
        self._thread.start()
        ready.wait(_JOIN_SECONDS)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=_JOIN_SECONDS / 2))
        loop.run_until_complete(loop.shutdown_asyncgens())
        # Executor threads are daemons of the process's exit; do not wait for a download here.
    finally:
        asyncio.set_event_loop(None)
        with contextlib.suppress(RuntimeError):
            loop.close()


async def _forward(source: AsyncGenerator[T, None], items: queue.SimpleQueue[tuple[str, Any]]) -> None:
    try:
        async with contextlib.aclosing(source):
            async for item in source:
                items.put(("item", item))
        items.put(("end", None))
    except asyncio.CancelledError:
        items.put(("end", None))
        raise
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        items.put(("error", error))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_shared = BackgroundLoop()
atexit.register(_shared.close)


def background_loop() -> BackgroundLoop:
    """Return the one background loop of this process."""
    return _shared
