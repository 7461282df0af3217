"""A backend that says what it was told: all that another package needs to offer one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_magic.backends.capabilities import TEXT_ALONE, Capabilities
from qwen_magic.backends.descriptions import Description
from qwen_magic.backends.kinds import BackendKind
from qwen_magic.backends.target import Target
from qwen_magic.errors import ConnectError
from qwen_magic.events import End, Responder, Status, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import aiohttp

    from qwen_magic.backends.base import Deadlines, Settings
    from qwen_magic.events import Event
    from qwen_magic.request import Request


@dataclass(frozen=True)
class ParrotOptions:
    """What only a parrot can be told.

    Attributes:
        accent: what it puts behind each word.

    """

    accent: str = ""


class ParrotBackend:
    """Says the prompt again, word by word; a parrot named "nobody" is not at home.

    Attributes:
        continues: False: it cannot go on with an answer.
        sends: text alone.

    """

    continues = False
    sends = TEXT_ALONE

    def __init__(self, target: Target, settings: Settings) -> None:
        self.name = target.name
        self.model = target.address
        self.options = settings.options.get("parrot") or ParrotOptions()

    async def stream(
        self, session: aiohttp.ClientSession, request: Request, deadlines: Deadlines | None = None
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events."""
        if self.model == "nobody":
            raise ConnectError("nobody is at home", target=self.name, hint="Ask another parrot.")
        yield Responder(self.name, self.model)
        if given := request.parameters.given():
            yield Status(f"it does not take {', '.join(given)}", "warning", self.name)
        for word in request.messages[-1].text.split():
            await asyncio.sleep(0.001)
            yield TextDelta(f"{word}{self.options.accent} ")
        yield End("stop")

    async def context(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> int | None:
        """Tell nothing: a parrot's memory is not known."""
        return None

    async def capabilities(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Capabilities:
        """Tell what it can do."""
        return Capabilities(streams=True, history=False, system=False, images=False, tools=False, schema=False)

    async def describe(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Description:
        """Say what it is."""
        if self.model == "nobody":
            raise ConnectError("nobody is at home", target=self.name, hint="Ask another parrot.")
        return Description(self.name, "parrot", server="a parrot", models=(self.model, "polly"))

    async def close(self) -> None:
        """Do nothing."""


def _parse(name: str, spec: str) -> Target | None:
    prefix, _, rest = spec.partition(":")
    return (
        Target(name, "parrot", rest.partition("#")[2] or rest or "polly", remote=False) if prefix == "parrot" else None
    )


KIND = BackendKind(
    name="parrot",
    title="Parrots",
    backend="parrot_backend:ParrotBackend",
    parse=_parse,
    prefixes=("parrot",),
    forms=("parrot:NAME",),
    aliases={"my-parrot": "parrot:jacko"},
    names=lambda: ("my-parrot", "parrot:polly", "parrot:jacko"),
    rows=lambda: [("parrot:NAME", "says what it was told")],
    keys=lambda: {"aviary": "AVIARY_KEY"},
    caveat="a parrot: it does not know what it says",
    options=ParrotOptions,
)
"""The row that is offered."""
