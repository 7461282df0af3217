"""What a command is, and what all of them print with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...text.counts import counted
from ...text.terminal import safe_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...parameters import Level
    from ...reply import Reply
    from ...store import Conversation
    from ..session import NotebookSession


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: the word, or words, after ``%qwen``, or "".
        arguments: what may follow it, for the help.
        help: what it does, in a few words.
        run: does it, given the session and the rest of the line; what it returns is the line's value.
        options: the names of the options of ``%%qwen`` that it takes.
        level: whether it is usual or rare.
        topic: the page of the help that tells more of it.
        completes: what Tab gives for its arguments, one after the other, by the names of `completion`.
        subcommands: its own commands, of which one may be named by the word after it.
        alias_of: the words of the command that it is another name of, or "".
        earlier: options of an earlier time that it still takes, and the commands that do the same now.

    """

    name: str
    arguments: str
    help: str
    run: Callable[[NotebookSession, str], Reply | None]
    options: tuple[str, ...] = ()
    level: Level = "rare"
    topic: str = ""
    completes: tuple[str, ...] = ()
    subcommands: tuple[Command, ...] = ()
    alias_of: str = ""
    earlier: Mapping[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The last word of its name."""
        return self.name.rpartition(" ")[2]

    def alias(self, name: str) -> Command:
        """Return the same command under another name, which people know from earlier."""
        return replace(self, name=name, level="rare", alias_of=self.name)

    def subcommand(self, word: str) -> Command | None:
        """Return its own command of that word, or None."""
        return next((one for one in self.subcommands if one.word == word), None)


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Write rows as the lines of a table."""
    rows = [[" ".join(safe_terminal(cell).split()) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"{indent}{line}".rstrip() for line in padded]


def nothing_after(name: str, rest: str) -> None:
    """Refuse what stands after a command that takes nothing more."""
    if rest:
        raise UsageError(
            f"%qwen {name} does not take {rest!r}".rstrip(), hint=f"%qwen help {name or 'all'} shows how it is written."
        )


def titled(conversation: Conversation) -> str:
    """Name a conversation, and say how long it is and when it was used."""
    return f"{conversation.name!r}: {counted(conversation.turns, 'turn')}, last used {dated(conversation.used_at)}"


def dated(time: float) -> str:
    """Write a time, in seconds since the epoch; "" for none."""
    return f"{datetime.fromtimestamp(time):%Y-%m-%d %H:%M}" if time else ""  # noqa: DTZ006 - the user's own clock


def say(text: str) -> None:
    """Print; a server's words are made safe for a terminal."""
    print(safe_terminal(text))  # noqa: T201 - this is the commands' output
