"""The table of the commands of ``%qwen``."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ...errors import UsageError
from . import asking, cells, conversations, keys, machine, panels, replaying, targets
from .command import Command, say
from .help import help_text, topic_text

if TYPE_CHECKING:
    from ..session import NotebookSession


def _help(_session: NotebookSession, rest: str) -> None:
    say(topic_text(rest, GROUPS) if rest else help_text(GROUPS))


GROUPS: dict[str, tuple[Command, ...]] = {
    "Ask": asking.COMMANDS,
    "The notebook": cells.COMMANDS,
    "Conversations": (*conversations.COMMANDS, *panels.COMMANDS),
    "Recorded answers": replaying.COMMANDS,
    "Where it goes": (*targets.COMMANDS, *keys.COMMANDS),
    "This machine": (
        *machine.COMMANDS,
        Command("help", "[TOPIC]", "this page, or one on a topic, a command or an option", _help),
    ),
}
COMMANDS = {command.name: command for commands in GROUPS.values() for command in commands}
"""The commands by their names; "" is ``%qwen`` alone."""


def run_command(session: NotebookSession, line: str) -> None:
    """Do what a ``%qwen`` line says.

    Raises:
        UsageError: there is no such command, or it does not take what stands after it.
        QwenError: what else went wrong.

    """
    name, _, rest = line.strip().partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        names = [key for key in COMMANDS if key]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean %qwen {close[0]}? " if close else ""
        raise UsageError(f"no %qwen {name}", hint=f"{hint}%qwen help lists all; a prompt goes in a %%qwen cell.")
    command.run(session, rest.strip())
