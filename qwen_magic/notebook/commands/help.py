"""``%qwen help``: everything on one page, and a page for each topic."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..options import USAGE, option_help
from .command import columns
from .topics import EXAMPLES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .command import Command

    Groups = Mapping[str, Sequence[Command]]

_WIDTH = 95
_ENDS = (
    "Targets: qwen-2-72b, space:OWNER/NAME, space:URL, ollama:MODEL, openai:URL#MODEL, local, local:PATH",
    "The last answer is qwen_magic.last_reply(). Settings: %config QwenMagics",
    *textwrap.wrap(f"%qwen help TOPIC tells more, with examples: {', '.join(TOPICS)}", _WIDTH),
)


def help_text(groups: Groups) -> str:
    """Return what ``%qwen help`` prints, of all groups of commands."""
    lines = [
        USAGE,
        "system: You are a writer.            <- optional first line",
        "Write a story about a cat that travels the world.",
        "",
        "Options",
        *columns(option_help(), indent="  "),
    ]
    rows = iter(columns([_row(command) for commands in groups.values() for command in commands], indent="  "))
    for title, commands in groups.items():
        lines += ["", title, *(next(rows) for _ in commands)]
    return "\n".join([*lines, "", *_ENDS])


def topic_text(name: str, groups: Groups) -> str:
    """Return the page of a topic, which may be named by one of its commands or options.

    Args:
        name: a topic, a command's name, or an option with its dashes or without.
        groups: all groups of commands.

    Raises:
        UsageError: it names none of them.

    """
    word = name.removeprefix("%qwen ").strip().lower()
    found, rows = _topic_of(word)
    topic = TOPICS[found]
    if word in topic.commands:
        rows = [*(_row(command) for commands in groups.values() for command in commands if command.name == word), *rows]
    lines = [*columns(rows), ""] if rows else []
    lines += [topic.title, *topic.text.splitlines()]
    for title, names in (("Commands of %qwen", filter(None, topic.commands)), ("Options", topic.options)):
        written = ", ".join(names)
        lines += textwrap.wrap(f"{title}: {written}", _WIDTH, break_on_hyphens=False) if written else []
    for example in EXAMPLES[found]:
        lines += ["", textwrap.indent(example, "    ")]
    return "\n".join(lines)


def _topic_of(word: str) -> tuple[str, list[tuple[str, str]]]:
    """Find a topic by its own name, a command's or an option's; return also the line of the option."""
    by_command = {command: name for name, topic in TOPICS.items() for command in topic.commands if command}
    by_option = {option: name for name, topic in TOPICS.items() for option in topic.options}
    rows = {flag: (flags, help_) for flags, help_ in option_help() for flag in _flags(flags)}
    long = {flag: _flags(row[0])[-1] for flag, row in rows.items()}
    if word in TOPICS:
        return word, []
    if word in by_command:
        return by_command[word], []
    flag = word if word.startswith("-") else f"--{word.replace('_', '-')}"
    if flag in rows:
        return by_option[long[flag]], [rows[flag]]
    close = difflib.get_close_matches(word, [*TOPICS, *by_command, *rows], n=1)
    hint = f"Did you mean %qwen help {close[0]}? " if close else ""
    raise UsageError(f"no help on {word!r}", hint=f"{hint}The topics are {', '.join(TOPICS)}.")


def _flags(written: str) -> list[str]:
    return [word.partition(" ")[0].partition("[")[0] for word in written.split(", ")]


def _row(command: Command) -> tuple[str, str]:
    return " ".join(word for word in ("%qwen", command.name, command.arguments) if word), command.help
