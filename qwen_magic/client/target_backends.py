"""The backends of one client: one for each target, made when it is first asked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..backends.registry import make_backend

if TYPE_CHECKING:
    from ..backends.base import Backend, Settings
    from ..backends.target import Target


class TargetBackends(dict[object, "Backend"]):
    """Backends by the keys of their targets; several threads may ask for them."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def of(self, target: Target, settings: Settings) -> Backend:
        """Return a target's backend, a new one where it has none.

        Args:
            target: the target.
            settings: how a new one speaks to its server.

        """
        with self._lock:
            if target.key not in self:
                self[target.key] = make_backend(target, settings)
            return self[target.key]

    async def close(self) -> None:
        """Let go of all of them; who asks for one afterwards has a new one."""
        with self._lock:
            backends = list(self.values())
            self.clear()
        for backend in backends:
            await backend.close()
