"""What a session can be set to, whoever holds the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..client.client import QwenClient


class SessionSettings(Protocol):
    """The settings of a session, by the names that a user sets them by; the sampling parameters are among them.

    Attributes:
        target: a target, or targets with commas between them; "" for the usual chain.
        system: the system prompt where nothing else names one.
        history: whether conversations are kept on disk.
        replay: what is done with recorded answers; "" for what the environment says.
        redact: whether what looks like a secret is replaced in all prompts.

    """

    target: str
    system: str
    history: bool
    replay: str
    redact: bool

    @property
    def client(self) -> QwenClient:
        """The client of the session."""
        ...
