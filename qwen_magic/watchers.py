"""Who wants to know that something has changed."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Watchers:
    """Callbacks that are called, in any thread, when something has changed.

    It needs no lock: a single operation of a dict is whole. A forked process calls none that its parent added: what
    they belong to, such as a thread or a page, stays with the parent.
    """

    def __init__(self) -> None:
        self._callbacks: dict[Callable[[], None], int] = {}

    def add(self, callback: Callable[[], None]) -> None:
        """Call a callback from here on; once a time, however often it is added."""
        self._callbacks[callback] = os.getpid()

    def remove(self, callback: Callable[[], None]) -> None:
        """Call it no more, but for a call that another thread is about to make."""
        self._callbacks.pop(callback, None)

    def clear(self) -> None:
        """Call nothing any more."""
        self._callbacks.clear()

    def tell(self) -> None:
        """Call all callbacks, in this thread; one that fails is logged and harms nobody."""
        for callback, process in self._callbacks.copy().items():
            if process != os.getpid():
                continue
            try:
                callback()
            except Exception:
                logging.getLogger(__name__).exception("a callback for changes failed")
