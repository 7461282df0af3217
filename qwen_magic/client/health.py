"""How the targets of a session fare: which to leave out for a while, and what to tell of each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import ContextError, TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ..backends.target import Target
    from ..errors import QwenError

FIRST_PAUSE = 30.0
"""Seconds for which a target is left out after its first failure; each further one in a row doubles them."""
LONGEST_PAUSE = 900.0
_NOT_ITS_FAULT = (UsageError, TargetError, ContextError)


@dataclass(frozen=True)
class TargetState:
    """The state of a target.

    Attributes:
        target: the target string.
        state: "not tried", "ready", "left out for 40 s", or "failed", after which it may be tried again.
        latency: seconds to the first token of its last answer, or to the answer of a check, or None.
        error: its last error in one line, or "".
        models: the models that a check found.

    """

    target: str
    state: str = "not tried"
    latency: float | None = None
    error: str = ""
    models: tuple[str, ...] = ()


@dataclass
class _Record:
    failures: int = 0
    until: float = 0.0
    latency: float | None = None
    error: str = ""
    models: tuple[str, ...] = field(default=())
    tried: bool = False


class Health:
    """A circuit breaker for each target: one that failed is left out for a time that grows.

    Args:
        clock: the time in seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: dict[Hashable, _Record] = {}
        self._lock = threading.Lock()

    def pause(self, target: Target | str) -> float:
        """Return for how many seconds a target is still left out, 0 for none."""
        with self._lock:
            record = self._records.get(_key(target))
            return max(0.0, record.until - self._clock()) if record else 0.0

    def succeeded(self, target: Target | str, latency: float | None, models: tuple[str, ...] = ()) -> None:
        """Note that a target answered.

        Args:
            target: the target, or its name.
            latency: seconds to its first token, or None.
            models: the models that it named.

        """
        with self._lock:
            record = self._records.setdefault(_key(target), _Record())
            record.tried, record.failures, record.until, record.error = True, 0, 0.0, ""
            record.latency = record.latency if latency is None else latency
            record.models = models or record.models

    def failed(self, target: Target | str, error: QwenError, *, begun: bool = False) -> None:
        """Note a failure, unless it lay in what was asked.

        Args:
            target: the target, or its name.
            error: what went wrong.
            begun: whether an answer had begun; then the target is left out for half as long.

        """
        if isinstance(error, _NOT_ITS_FAULT):
            return
        with self._lock:
            record = self._records.setdefault(_key(target), _Record())
            record.tried, record.error = True, error.what
            pause = min(FIRST_PAUSE * 2**record.failures, LONGEST_PAUSE) / (2 if begun else 1)
            record.failures += 1
            record.until = self._clock() + max(pause, getattr(error, "retry_after", None) or 0.0)

    def forgive(self) -> None:
        """Leave no target out any more: what kept them from answering may have been mended."""
        with self._lock:
            for record in self._records.values():
                record.failures, record.until = 0, 0.0

    def state(self, target: Target | str) -> TargetState:
        """Tell how a target fares."""
        pause = self.pause(target)
        with self._lock:
            record = self._records.get(_key(target), _Record())
            state = "not tried" if not record.tried else "failed" if record.error else "ready"
            if pause:
                state = f"left out for {pause:.0f} s"
            return TargetState(str(target), state, record.latency, record.error, record.models)


def _key(target: Target | str) -> Hashable:
    return target if isinstance(target, str) else target.key
