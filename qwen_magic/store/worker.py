"""The store's own thread: it does one job after the other, and who waits for one can be interrupted at any moment.

A lock that an interrupted thread held would stay held. So no lock is taken by those who wait: they put a call into a
queue, and wait for a latch that the thread opens.
"""

from __future__ import annotations

import os
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar, cast

from ..clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock

T = TypeVar("T")

_POLL_SECONDS = 0.05
"""How often a waiting thread looks up: on Windows an interrupt does not wake a wait without a limit."""
_HURRIED_PATIENCE = 0.05
"""How long a call waits for others' locks from a thread that must not stand still."""

_THREAD = threading.local()
"""On a worker's thread, the queue that it serves."""


class Call:
    """A job that somebody waits for.

    Attributes:
        deadline: when the job must not wait any more for what others hold, by the clock.
        abandoned: whether nobody waits any more: an interrupt came.

    """

    def __init__(self, job: Callable[[Call], object], deadline: float) -> None:
        self.deadline = deadline
        self.abandoned = False
        self._job = job
        self._result: object = None
        self._error: BaseException | None = None
        self._latch = threading.Lock()
        self._latch.acquire()

    def do(self) -> None:
        """Do the job, and let go who waits."""
        try:
            self._result = self._job(self)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        self._latch.release()

    def wait(self) -> object:
        """Wait until it is done; return its result or raise its error."""
        while not self._latch.acquire(timeout=_POLL_SECONDS):
            pass
        if self._error is not None:
            raise self._error
        return self._result


class Worker:
    """A daemon thread that does calls in their order, started with the first one, also in a forked process.

    Args:
        between: called between calls; it returns after how many seconds it wants to be called again, or None.
        patience: seconds that a call waits for what others hold.
        hurried: tells whether the calling thread must not stand still, as an event loop's.
        clock: what tells the time.

    """

    def __init__(
        self,
        between: Callable[[], float | None],
        patience: float,
        hurried: Callable[[], bool],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._between = between
        self._patience = patience
        self._hurried = hurried
        self._clock = clock
        self._pausing = threading.Lock()
        self._starting = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._waiting: dict[Call, None] = {}
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def run(self, job: Callable[[Call], T]) -> T:
        """Do a job on the thread, and wait for it; an interrupt is raised at once, and the job goes on."""
        patience = _HURRIED_PATIENCE if self._hurried() else self._patience
        call = Call(job, self._clock.now() + patience)
        if getattr(_THREAD, "calls", None) is self._calls:
            call.do()
            return cast("T", call.wait())
        self._waiting[call] = None
        try:
            self._calls.put(call)
            self._start()
            return cast("T", call.wait())
        except BaseException:
            call.abandoned = True
            raise
        finally:
            self._waiting.pop(call, None)

    def post(self, job: Callable[[Call], object]) -> None:
        """Do a job on the thread, behind those that are there; nobody waits for it."""
        self._calls.put(Call(job, self._clock.now() + self._patience))
        self._start()

    def in_time(self, call: Call) -> bool:
        """Whether a call, and all that wait behind it, can wait longer for what others hold."""
        return self._clock.now() < min([call.deadline, *(other.deadline for other in self._waiting.copy())])

    def stop(self) -> None:
        """End the thread behind the calls that are there."""
        self._thread = None
        self._calls.put(None)

    def pause(self) -> None:
        """Wait for what is being done, and begin nothing more until `resume`, in this process or a forked one."""
        self._pausing.acquire()

    def resume(self) -> None:
        """Go on; in a forked process with a thread of its own, without the calls of the threads that stayed behind."""
        if self._process != os.getpid():
            self._begin()
        self._pausing.release()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=_serve,
                    args=(self._calls, self._pausing, self._between),
                    name="qwen_magic store",
                    daemon=True,
                )
                self._thread.start()


def _serve(calls: SimpleQueue[Call | None], pausing: threading.Lock, between: Callable[[], float | None]) -> None:
    _THREAD.calls = calls
    again: float | None = None
    while True:
        try:
            call = calls.get(timeout=again)
        except Empty:
            call = None
        else:
            if call is None:
                return
        with pausing:
            if call is not None:
                call.do()
                call = None  # what it returned is held no longer than it is needed
            again = between()
