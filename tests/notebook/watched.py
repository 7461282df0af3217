"""A kernel of which all is kept that it says, but for the copies of the cells that it was sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kernels import Kernel

if TYPE_CHECKING:
    from kernels import Message


class Watched(Kernel):
    """A kernel of which all is kept that it says, but for the copies of the cells that it was sent."""

    def __init__(self, **env: str) -> None:
        super().__init__(**env)
        self.heard: list[tuple[str, str]] = []
        self.hearers.append(self._keep)

    def _keep(self, message: Message) -> None:
        if message.kind != "execute_input":
            self.heard.append((message.kind, json.dumps(message.content, default=str, ensure_ascii=False)))

    @property
    def folder(self) -> Path:
        return Path(self._folder)
