"""A panel that is served to others, as an app: its visitors get the chat, and nothing of the kernel's user.

They get no variables, no commands, no other conversations and no choice of the target, the model or the system prompt;
nothing is kept, and each panel has a session of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..chat.question import Draft
from ..chat.session import ChatSession
from ..chat.settings import PlainSettings
from ..errors import UsageError

if TYPE_CHECKING:
    from ..client.client import QwenClient
    from .protocol import Action
    from .state import PanelSettings

_FORBIDDEN = frozenset({"set", "code", "export", "refer", "complete"})


def is_served() -> bool:
    """Tell whether this kernel belongs to a visitor of Voila, which says so in the environment."""
    return any(name.startswith("VOILA_") for name in os.environ)


def app_session(owner: ChatSession | None) -> ChatSession:
    """Make a session that keeps nothing and sees no variables.

    Args:
        owner: the session of the kernel's user, whose system prompt and parameters hold here; None without one.

    """
    if owner is None:
        return ChatSession(PlainSettings(history=False, replay="off"))
    settings = owner.settings
    return ChatSession(
        PlainSettings(
            target=settings.target,
            system=settings.system,
            history=False,
            replay="off",
            redact=settings.redact,
            turns=settings.turns,
            parameters=dict(settings.sampling()),
        )
    )


def app_client(owner: ChatSession | None) -> QwenClient | None:
    """Return the client of the kernel's user, with its time limits; None without one."""
    return owner.client if owner else None


def app_draft(text: str) -> Draft:
    """Take a visitor's prompt as it stands: nothing is filled in, and no line of it is a system prompt.

    Raises:
        UsageError: nothing was asked.

    """
    written = text.strip("\n")
    if not written.strip():
        raise UsageError("nothing was asked", hint="Write a prompt.")
    return Draft(written, written)


def check_visitors(action: Action) -> None:
    """Refuse what visitors may not do.

    Raises:
        UsageError: it is that.

    """
    if action["action"] in _FORBIDDEN:
        raise UsageError("that cannot be done here", hint="This chat is an app: it asks and answers.")


def without_choices(settings: PanelSettings) -> PanelSettings:
    """Return what a visitor's page is told of the settings: nothing that is the owner's."""
    return {
        **settings,
        "conversation": {"id": settings["conversation"]["id"], "name": ""},
        "conversations": [],
        "earlier": None,
        "system": "",
        "target": "",
        "default_target": "",
        "targets": [],
        "model": "",
        "models": [],
        "surroundings": "app",
    }
