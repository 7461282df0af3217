"""What a session can be set to, whoever holds the settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..client.client import QwenClient


class SessionSettings(Protocol):
    """The settings of a session, by the names that a user sets them by.

    Attributes:
        target: a target, or targets with commas between them; "" for the usual chain.
        system: the system prompt where nothing else names one.
        history: whether conversations are kept on disk.
        replay: what is done with recorded answers; "" for what the environment says.
        redact: whether what looks like a secret is replaced in all prompts.
        turns: how many of the earlier turns go along with a prompt; None for all.

    """

    target: str
    system: str
    history: bool
    replay: str
    redact: bool
    turns: int | None

    @property
    def client(self) -> QwenClient:
        """The client of the session."""
        ...

    def sampling(self) -> Mapping[str, Any]:
        """Return the sampling parameters by their names; None is not set."""
        ...

    def close(self) -> None:
        """Close the client, where one was made."""
        ...


@dataclass
class PlainSettings:
    """The settings of a session in plain Python.

    Attributes:
        target: a target, or targets with commas between them; "" for the usual chain.
        system: the system prompt where nothing else names one.
        history: whether conversations are kept on disk, where the workspace has a place for them.
        replay: what is done with recorded answers; "" for what the environment says.
        redact: whether what looks like a secret is replaced in all prompts.
        turns: how many of the earlier turns go along with a prompt; None for all.
        parameters: the sampling parameters by their names.

    """

    target: str = field(default="", repr=False)
    system: str = field(default="", repr=False)
    history: bool = True
    replay: str = ""
    redact: bool = False
    turns: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _client: tuple[str, QwenClient] | None = field(default=None, init=False, repr=False)

    @property
    def client(self) -> QwenClient:
        """The client of the session, made on first use, and anew after a change of the target."""
        with self._lock:
            before = self._client
            if before is not None and before[0] == self.target:
                return before[1]
            from ..client.client import QwenClient  # noqa: PLC0415 - loaded where something is asked

            client = QwenClient(self.target or None)
            self._client = self.target, client
        if before is not None:
            client.inherit(before[1])
            from ..loop import background_loop  # noqa: PLC0415

            # Not waited for: the background loop itself may be asking.
            background_loop().submit_from_anywhere(before[1].retire())
        return client

    def sampling(self) -> Mapping[str, Any]:
        """Return the sampling parameters by their names."""
        return self.parameters

    def close(self) -> None:
        """Close the client, where one was made; another is made where something is asked after all."""
        with self._lock:
            before, self._client = self._client, None
        if before is not None:
            before[1].close()
