"""A panel that is served to others, such as by Voila: they have its conversation, and nothing else of the kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..chat.session import ChatSession
from ..chat.settings import PlainSettings
from ..chat.workspace import PlainWorkspace
from ..errors import UsageError

if TYPE_CHECKING:
    from ..chat.settings import SessionSettings
    from ..client.client import QwenClient
    from .protocol import Action

_REFUSED = ("set", "code")


def is_served() -> bool:
    """Tell whether this kernel runs for visitors: Voila says so in the kernel's environment."""
    return os.environ.get("SERVER_SOFTWARE", "").lower().startswith("voila")


def visitors_session(session: ChatSession) -> ChatSession:
    """Make a visitor's session: no variables and no notebook, conversations in memory, nothing recorded.

    Args:
        session: the author's, whose target, system prompt and parameters are asked with.

    """
    return ChatSession(_Settings(session.settings), PlainWorkspace())


def check_offered(action: Action) -> None:
    """Refuse what only the author may do.

    Raises:
        UsageError: it is no visitor's to do.

    """
    if action["action"] in _REFUSED:
        raise UsageError("that cannot be changed here", hint="Who made this page has chosen it.")


class _Settings(PlainSettings):
    """The author's settings, as far as they hold for a visitor, and the author's client."""

    def __init__(self, author: SessionSettings) -> None:
        super().__init__(
            author.target, author.system, history=False, replay="off", redact=author.redact, turns=author.turns
        )
        self.parameters = author.sampling()
        self._asks = author.client

    @property
    def client(self) -> QwenClient:
        return self._asks
