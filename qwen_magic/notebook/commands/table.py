"""The table of the commands of ``%qwen``."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...version import __version__
from . import asking, batches, cells, conversations, doctor, keys, machine, panels, replaying, targets, templates
from .command import Command, say
from .help import ALL, help_text, topic_text

if TYPE_CHECKING:
    from ...reply import Reply
    from ..session import NotebookSession


def _help(_session: NotebookSession, rest: str) -> None:
    say(topic_text(rest, GROUPS) if rest not in ("", ALL) else help_text(GROUPS, everything=rest == ALL))


GROUPS: dict[str, tuple[Command, ...]] = {
    "Ask": asking.COMMANDS,
    "The notebook": (*cells.COMMANDS, *batches.COMMANDS),
    "Conversations": (*conversations.COMMANDS, *panels.COMMANDS, *templates.COMMANDS),
    "Recorded answers": replaying.COMMANDS,
    "Targets": (*targets.COMMANDS, *keys.COMMANDS),
    "This machine": (*machine.COMMANDS, *doctor.COMMANDS),
    "Help": (
        Command(
            "help",
            f"[{ALL}|TOPIC]",
            "show this page, all of it, or a page on one topic",
            _help,
            level="usual",
            topic="ask",
            completes=("topic",),
        ),
    ),
    "Earlier names, which still work": (*conversations.EARLIER, *targets.EARLIER),
}
COMMANDS = {command.name: command for commands in GROUPS.values() for command in commands}
"""The commands by their names; "" is ``%qwen`` alone."""


_ELSEWHERE = {
    "models": "%qwen targets TARGET lists a target's models, such as %qwen targets ollama.",
    "model": "Name the model in the target: %qwen use ollama:qwen3, or openai:URL#MODEL.",
    "list": "%qwen conversation list lists the conversations, %qwen targets the targets.",
    "stop": "Interrupt the cell; what had arrived is kept.",
    "cancel": "Interrupt the cell; what had arrived is kept.",
    "clear": "%qwen conversation new begins a new conversation; nothing is deleted.",
    "reset": "%qwen conversation new begins a new conversation, %qwen use default goes back to the default targets.",
    "pin": "%qwen conversation pin NAME lists a conversation before the others; --off undoes that.",
    "version": f"This is qwen_magic {__version__}.",
    "login": "%qwen key NAME asks for a server's key, such as %qwen key dashscope.",
    "config": "%qwen shows what is in force, %config QwenMagics lists all settings.",
    "settings": "%qwen shows what is in force, %config QwenMagics lists all settings.",
    "run": "Write a prompt in a %%qwen cell, or after %qwen ask. The code in an answer is never run for you.",
    "chat": "%qwen panel opens a chat below the cell.",
    "quit": "There is nothing to quit; %unload_ext qwen_magic removes the extension.",
}
"""Words that people type, and where what they look for is."""

_COMMAND_WORDS = 2
"""Words of a line up to which it may be meant as a command."""


def run_command(session: NotebookSession, line: str) -> Reply | None:
    """Do what a ``%qwen`` line says.

    Returns:
        The answer, where it asks for one.

    Raises:
        UsageError: there is no such command, or it does not take what stands after it.
        QwenError: what else went wrong.

    """
    name, _, rest = line.strip().partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        if name.lower() in _ELSEWHERE and len(line.split()) <= _COMMAND_WORDS:
            raise UsageError(f"there is no command %qwen {name}", hint=_ELSEWHERE[name.lower()])
        if len(line.split()) > _COMMAND_WORDS:  # nobody's command
            raise UsageError(f"there is no command %qwen {name}", hint=f"To ask that, write %qwen ask {line.strip()}")
        hint = f"%qwen help all lists all commands; to ask that, write %qwen ask {line.strip()}"
        raise _unknown(name, [key for key in COMMANDS if key], hint)
    if command.subcommands and rest.strip():
        word, _, rest = rest.strip().partition(" ")
        words = [one.word for one in command.subcommands]
        found = command.subcommand(word)
        if found is None:
            names = [f"{name} {one}" for one in words]
            raise _unknown(f"{name} {word}", names, f"Write {', '.join(words[:-1])} or {words[-1]}.")
        command = found
    return command.run(session, rest.strip())


def _unknown(name: str, names: list[str], hint: str) -> UsageError:
    close = difflib.get_close_matches(name, names, n=1)
    meant = f"Did you mean %qwen {close[0]}? " if close else ""
    return UsageError(f"there is no command %qwen {name}", hint=f"{meant}{hint}")
