"""What concerns this machine: the local model's weights, the nested event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from .command import Command, say

if TYPE_CHECKING:
    from ..session import NotebookSession


def _pull(_session: NotebookSession, rest: str) -> None:
    from ...backends.local.weights import pull  # noqa: PLC0415 - loading the extension stays light

    path = pull(rest.removeprefix("local:") if rest not in ("", "local") else "0.5b")
    say(f"{path.name} is ready; use it with %qwen use {rest or 'local'}")


def _nest(session: NotebookSession, rest: str) -> None:
    nest = session.nest
    if rest == "on":
        nest.on()
        say("asyncio.run works inside a cell now; %qwen nest off takes that back.")
    elif rest == "off":
        say("asyncio is as it was." if nest.off() else "asyncio was patched by somebody else; it stays so.")
    else:
        raise UsageError("%qwen nest takes on or off", hint=f"It is {'on' if nest.active else 'off'} now.")


COMMANDS = (
    Command(
        "pull",
        "[MODEL]",
        "fetch a local model: 0.5b (491 MB) or 1.5b (1.1 GB)",
        _pull,
        topic="local",
        completes=("size",),
    ),
    Command("nest", "on|off", "let asyncio.run work inside a cell", _nest, topic="python"),
)
