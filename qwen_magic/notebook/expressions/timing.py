"""Time limits: what only reads runs in a thread that is left behind, what is run on request in the user's own."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from ..interrupts import interrupt_main

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_TICK = 0.05


class TooLongError(Exception):
    """It took longer than it may."""


class _StoppedError(SystemExit):
    """Raised in a thread that nobody waits for any more; a thread that exits so is silent."""


def in_thread(work: Callable[[], T], seconds: float) -> T:
    """Do something that only reads, in a thread of its own, and wait for it; an interrupt ends the wait at once.

    Args:
        work: what is done.
        seconds: the longest wait.

    Returns:
        What it gives.

    Raises:
        TooLongError: it took longer; the thread is told to stop.
        KeyboardInterrupt: the user did not wait.
        BaseException: what it raises.

    """
    done: list[tuple[bool, Any]] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            done.append((True, context.run(work)))
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.append((False, error))

    thread = threading.Thread(target=run, name="qwen_magic expression", daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    try:
        while thread.is_alive() and time.monotonic() < end:
            thread.join(_TICK)
    finally:
        if not done and thread.ident is not None:
            _raise_in(thread.ident, _StoppedError)
    if not done:
        raise TooLongError
    ((good, found),) = done
    if not good:
        raise found
    return found  # type: ignore[no-any-return]


def in_this_thread(work: Callable[[], T], seconds: float) -> T:
    """Do what the user asked to be run, where the user's code runs; an interrupt reaches it.

    Raises:
        TooLongError: it took longer.
        BaseException: what it raises.

    """
    watch = _Watch(seconds)
    watch.start()
    try:
        found = work()
    except (_StoppedError, KeyboardInterrupt):
        if watch.over():
            raise TooLongError from None
        raise
    finally:
        watch.end()
    return found


class _Watch:
    """Stops the thread that made it, once its time is up."""

    def __init__(self, seconds: float) -> None:
        self._ident = threading.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._ended = self._fired = self._seen = False

    def start(self) -> None:
        self._timer.start()

    def over(self) -> bool:
        """Tell whether it was this watch that stopped what ran."""
        with self._lock:
            self._seen = self._seen or self._fired
            return self._fired

    def end(self) -> None:
        """Stop nothing any more; what is under way is caught here."""
        self._timer.cancel()
        with self._lock:
            self._ended = True
            late = self._fired and not self._seen
        if late:
            with contextlib.suppress(_StoppedError, KeyboardInterrupt):
                time.sleep(1)  # the interrupt is on its way

    def _stop(self) -> None:
        with self._lock:
            if self._ended:
                return
            self._fired = True
        if not self._is_main:
            _raise_in(self._ident, _StoppedError)
        else:
            interrupt_main()


def _raise_in(ident: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(error))
