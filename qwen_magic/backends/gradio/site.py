"""Where a Gradio app is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ..base import Settings


@dataclass
class Site:
    """Where an app is, and how it is spoken to.

    Attributes:
        name: the target's name, for errors.
        settings: the client's settings.
        base_url: where the app is served; a redirect of ``/config`` moves it.
        home: the address that the user named, which no redirect moves.
        space_id: the id of a Space of the Hub, or "".
        places: the servers to which it has led, once that was said.
        query: what the user's address had behind its path, a key perhaps; it goes to that server alone.
        leaving: what is still telling a server that nobody listens; the loop itself keeps tasks only weakly.

    """

    name: str
    settings: Settings
    base_url: str
    home: str
    space_id: str = ""
    places: set[str] = field(default_factory=set)
    query: str = field(default="", repr=False)
    leaving: set[asyncio.Task[None]] = field(default_factory=set)
