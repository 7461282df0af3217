"""nest-asyncio for those who want it: ``asyncio.run`` inside a cell, switched on and off for the session."""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.futures
import asyncio.tasks
import sys
from typing import Any

_MISSING = object()


class Nest:
    """Switch the nested event loop of nest-asyncio2 on and off.

    The package has no way back of its own, so what it changed is noted when it is applied, and put back.
    """

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any]] | None = None

    @property
    def active(self) -> bool:
        """Whether asyncio is patched, by us or by the user."""
        return hasattr(asyncio, "_nest_patched")

    def on(self) -> None:
        """Let ``asyncio.run`` and ``run_until_complete`` work inside a cell."""
        if self.active:
            return
        import nest_asyncio2  # noqa: PLC0415 - only for those who want it

        places = _places()
        before = [dict(vars(place)) for place in places]
        nest_asyncio2.apply()
        self._undo = [
            (place, name, old.get(name, _MISSING))
            for place, old in zip(places, before, strict=True)
            for name, value in vars(place).items()
            if old.get(name, _MISSING) is not value
        ]

    def off(self) -> bool:
        """Put asyncio back as it was; return False where somebody else had patched it."""
        undo, self._undo = self._undo, None
        for place, name, value in undo or ():
            if value is _MISSING:
                delattr(place, name)
            else:
                setattr(place, name, value)
        return not self.active


def _places() -> list[Any]:
    places: list[Any] = [asyncio, asyncio.tasks, asyncio.futures, asyncio.events]
    try:
        places.append(type(asyncio.get_running_loop()))
    except RuntimeError:
        places.append(type(_fresh_loop()))
    if sys.version_info < (3, 14):
        places.append(type(asyncio.get_event_loop_policy()))
    if "tornado.concurrent" in sys.modules:
        places.append(sys.modules["tornado.concurrent"])
    return _with_bases(places)


def _with_bases(places: list[Any]) -> list[Any]:
    """Add the classes that a loop or policy inherits from: one of them may be what is patched."""
    found: list[Any] = []
    for place in places:
        for item in place.__mro__[:-1] if isinstance(place, type) else (place,):
            if item not in found:
                found.append(item)
    return found


def _fresh_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.close()
    return loop
