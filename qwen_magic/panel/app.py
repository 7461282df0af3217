"""A panel that is served to others, as an app: its visitors get the chat, and nothing of the kernel's user.

They get no variables, no commands, no other conversations and no choice of the target, the model or the system prompt;
nothing is kept, and each panel has a session of its own.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..chat.question import Draft
from ..chat.session import ChatSession
from ..chat.settings import PlainSettings
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..backends.target import Target
    from ..client.client import QwenClient
    from .protocol import Action, Op, PageTurn
    from .state import PanelSettings

_FORBIDDEN = frozenset({"set", "code", "export", "models", "find", "rename", "pin", "remove", "refer", "complete"})
_URL = re.compile(r"(?:\b[a-z][\w.-]{0,30}:)?\b[a-z]{2,5}://[^\s,;·…<>\"'`|]+")
_NUMBERS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[?\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}\]?(?::\d+)?", re.IGNORECASE
)
"""An address in numbers, as an operating system's errors have it."""
_FACTS = re.compile(
    r"[■⚠] (?:interrupted|broken off|no answer|cut off).*|cut at .*|no answer.*|[\d.]+ s|thought .*|(?:≈ )?\d+ \w+.*"
)
"""What of the line below an answer says how it went, and not who gave it."""
_MODEL = "the model"
_FAILED = "The model could not be reached, or stopped in the middle. Ask again later."


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
        raise UsageError("that cannot be done here", hint="This chat only takes prompts.")


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


class Hidden:
    """What no visitor's page is told: the system prompt, and where the model is.

    Args:
        targets: the targets that are asked.

    """

    def __init__(self, targets: Iterable[Target]) -> None:
        found = set[str]()
        for target in targets:
            found |= {target.name, target.address, target.address.partition("://")[2]}
            found |= {urlsplit(target.address).netloc, urlsplit(target.address).hostname or ""}
        self._names = sorted((name for name in found if name), key=len, reverse=True)

    def op(self, op: Op) -> Op:
        """Return what a visitor's page is told instead of what a user's is."""
        match op["op"]:
            case "reset":
                return {**op, "turns": [self._turn(turn) for turn in op["turns"]]}
            case "turn":
                return {**op, "turn": self._turn(op["turn"])}
            case "delta" if "status" in op:
                return {**op, "status": self._text(op["status"])}
            case "say":
                return {**op, "text": self._text(op["text"])}
            case _:
                return op

    def _turn(self, turn: PageTurn) -> PageTurn:
        said = [part for line in turn["facts"] for part in line.split(" · ") if _FACTS.fullmatch(part)]
        facts = [" · ".join(said), _FAILED if turn["ending"] == "error" else ""]
        return {**turn, "system": "", "facts": [*filter(None, facts)], "status": self._text(turn["status"])}

    def _text(self, text: str) -> str:
        for name in self._names:
            text = text.replace(name, _MODEL)
        return _NUMBERS.sub(_MODEL, _URL.sub(_MODEL, text))
