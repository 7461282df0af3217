"""An interrupt is heard once: what follows at once is the same wish, and falls into what shows and keeps the end."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from IPython.core.interactiveshell import InteractiveShell

_SAME_WISH_SECONDS = 0.5
_LATER_SECONDS = 0.01


@contextmanager
def heard_once(
    shell: InteractiveShell | None, *, is_last: bool = False, now: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Raise KeyboardInterrupt for a kernel's first interrupt, and for later ones only after half a second.

    After an interrupt the handler stays beyond the block, up to the end of the cell: a second interrupt
    that falls into ipykernel itself costs the cell's reply. ipykernel puts its own handler in before each cell and
    after it (`Kernel.pre_handler_hook` and `post_handler_hook`), so that no other cell has ours.

    Does nothing without a kernel, in other threads than the main one, and where somebody else handles interrupts.

    Args:
        shell: the user's shell, or None.
        is_last: whether nothing of the cell runs after this block, so that an interrupt could only cost its reply.
        now: tells the time, in seconds.

    """
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if getattr(shell, "kernel", None) is None or not in_main or before is not signal.default_int_handler:
        yield
        return
    handler = _Once(now)
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if is_last:
            handler.hear()
        elif not handler.has_heard:
            signal.signal(signal.SIGINT, before)


@contextmanager
def heard_later() -> Iterator[None]:
    """Let an interrupt that falls into something of ours stop the user's code that follows, where it belongs."""
    try:
        yield
    except KeyboardInterrupt:
        timer = threading.Timer(_LATER_SECONDS, interrupt_main)
        timer.daemon = True
        timer.start()


def interrupt_main() -> None:
    """Interrupt the main thread as a front end does, a sleep of it too."""
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        _thread.interrupt_main()
    else:
        signal.pthread_kill(main, signal.SIGINT)


class _Once:
    """A handler of SIGINT that takes those of half a second for one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._heard = float("-inf")

    @property
    def has_heard(self) -> bool:
        return self._heard > float("-inf")

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._now() - self._heard >= _SAME_WISH_SECONDS:
            self.hear()
            signal.default_int_handler(number, frame)

    def hear(self) -> None:
        """Take what comes in the next half second for what was heard already."""
        self._heard = self._now()
