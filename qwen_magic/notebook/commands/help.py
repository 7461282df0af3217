"""``%qwen help``: what is usual on one page, all of it on another, and a page for each topic."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..options import OPTIONS, USAGE, option_help
from .command import columns
from .topics import EXAMPLES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .command import Command

    Groups = Mapping[str, Sequence[Command]]

ALL = "all"
"""The word after ``%qwen help`` that stands for everything."""
_WIDTH = 95
_ENDS = (
    "Targets: qwen-2-72b, space:OWNER/NAME, space:URL, ollama:MODEL, openai:URL#MODEL, local, local:PATH",
    "The last answer is qwen_magic.last_reply(). Settings: %config QwenMagics",
    *textwrap.wrap(f"%qwen help TOPIC has examples: {', '.join(TOPICS)}", _WIDTH),
)


def help_text(groups: Groups, *, everything: bool = False) -> str:
    """Return what ``%qwen help`` prints.

    Args:
        groups: all groups of commands.
        everything: whether what is rare is listed too.

    """
    options = [option for option in OPTIONS if everything or option.level == "usual"]
    shown = {
        title: [
            row
            for command in commands
            if everything or command.level == "usual"
            for row in _rows(command, everything=everything)
        ]
        for title, commands in groups.items()
    }
    lines = [
        USAGE,
        "system: You are a writer.            <- optional first line",
        "Write a story about a cat that travels the world.",
        "",
        "Options",
        *columns([option_help(option) for option in options], indent="  "),
    ]
    # All commands, some of which are long, would stand too far from their meanings in one table.
    aligned = (
        [list(rows) for rows in shown.values()] if everything else [[row for rows in shown.values() for row in rows]]
    )
    written = (line for rows in aligned for line in columns(rows, indent="  "))
    for title, rows in shown.items():
        lines += ["", title, *(next(written) for _ in rows)] if rows else []
    others = len(OPTIONS) - len(options)
    more = () if everything else (f"%qwen help {ALL} lists the {others} other options and all commands.",)
    return "\n".join([*lines, "", *more, *_ENDS])


def topic_text(name: str, groups: Groups) -> str:
    """Return the page of a topic, which may be named by one of its commands or options.

    Args:
        name: a topic, a command's name, or an option with its dashes or without.
        groups: all groups of commands.

    Raises:
        UsageError: it names none of them.

    """
    word = " ".join(name.removeprefix("%qwen ").lower().split())
    commands = {one.name: one for command in _commands(groups) for one in (command, *command.subcommands)}
    found, rows = _topic_of(word, commands)
    topic = TOPICS[found]
    if word in commands and commands[word].topic == found:
        rows = _rows(commands[word], everything=True, alone=True)
    lines = [*columns(rows), ""] if rows else []
    lines += [topic.title, *topic.text.splitlines()]
    own = [command for command in _commands(groups) if command.topic == found and command.name]
    for title, names in (
        ("Commands of %qwen", [_named(command) for command in own if not command.alias_of]),
        ("Earlier names", [command.name for command in own if command.alias_of]),
        ("Options", [option.flags[-1] for option in OPTIONS if option.topic == found]),
    ):
        lines += textwrap.wrap(f"{title}: {', '.join(names)}", _WIDTH, break_on_hyphens=False) if names else []
    for example in EXAMPLES[found]:
        lines += ["", textwrap.indent(example, "    ")]
    return "\n".join(lines)


def _topic_of(word: str, commands: Mapping[str, Command]) -> tuple[str, list[tuple[str, str]]]:
    """Find a topic by its own name, a command's or an option's; return also the line of the option."""
    by_flag = {flag: option for option in OPTIONS for flag in option.flags}
    if word in TOPICS:
        return word, []
    if word and word in commands:
        return commands[word].topic, []
    flag = word if word.startswith("-") else f"--{word.replace('_', '-')}"
    if flag in by_flag:
        return by_flag[flag].topic, [option_help(by_flag[flag])]
    close = difflib.get_close_matches(word, [*TOPICS, *filter(None, commands), *by_flag], n=1)
    hint = f"Did you mean %qwen help {close[0]}? " if close else ""
    raise UsageError(f"there is no help on {word!r}", hint=f"{hint}The topics are {', '.join(TOPICS)}.")


def _commands(groups: Groups) -> Iterator[Command]:
    for commands in groups.values():
        yield from commands


def _named(command: Command) -> str:
    words = ", ".join(one.word for one in command.subcommands)
    return f"{command.name} ({words})" if words else command.name


def _rows(command: Command, *, everything: bool, alone: bool = False) -> list[tuple[str, str]]:
    """Write a command as rows of the help.

    Args:
        command: the command.
        everything: whether its own commands, and what it took earlier, are told too.
        alone: whether nothing else is told, so that an alias says what it does.

    """
    same = f"now %qwen {command.alias_of}" if command.alias_of else ""
    help_ = f"{command.help}; {same}" if alone and same else same or command.help
    rows = [(_written(command.name, command.arguments), help_)]
    if everything:
        rows += [(_written(one.name, one.arguments), one.help) for one in command.subcommands]
        rows += [(_written(command.name, flag), f"now %qwen {now}") for flag, now in command.earlier.items()]
    return rows


def _written(name: str, arguments: str) -> str:
    return " ".join(word for word in ("%qwen", name, arguments) if word)
