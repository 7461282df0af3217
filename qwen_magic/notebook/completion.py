"""Tab in ``%%qwen`` and ``%qwen``: options and their values, commands, and the notebook's names in a prompt."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..backends.targets import key_names, parse_chain, parse_target, target_names
from ..chat.modes import MODES
from ..errors import QwenError, TargetError
from ..loop import background_loop
from ..templates import read_templates
from .braces import names_in_braces
from .commands.table import COMMANDS
from .commands.topics import TOPICS
from .options import OPTIONS, read_words
from .own_names import own_variables
from .schemas import schema_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from ..client.client import QwenClient
    from .commands.command import Command
    from .options import Option
    from .session import NotebookSession

    Source = Callable[[NotebookSession, str], Iterable[str]]
    """Gives what may stand somewhere, given what of it is there."""

_CELL = re.compile(r"(?:[ \t]*(?:%%\w[^\n]*)?\n)*?[ \t]*%%qwen(?=\s|\Z)")
_LINE = re.compile(r"\s*%qwen(?=\s)")
_WORD = re.compile(r"""(?:\\[\s"']|"(?:\\"|[^"])*(?:"|\Z)|'[^']*(?:'|\Z)|[^\s"'])+""")
"""A word as `read_words` has it; the last may be within an open quotation."""
_FIXED = re.compile(r"(?<![\w.-])(?:--)?[a-z][a-z-]*")
"""What of a command's arguments is written as it stands there."""
_MOST_CELLS = 20
_MOST_FILES = 1000
_PATIENCE = 1.0
"""Seconds for which Tab waits for a server's list."""
_ASKED: WeakKeyDictionary[QwenClient, dict[str, Future[Any]]] = WeakKeyDictionary()
"""Who is being asked for the models, by the target as it is written."""


@dataclass(frozen=True)
class Completions:
    """What could stand at the cursor.

    Attributes:
        kind: what it is, in a word.
        texts: the possible words.
        fragment: what is there of it, and is replaced.
        files: whether IPython's own names of files fit there.

    """

    kind: str = ""
    texts: tuple[str, ...] = ()
    fragment: str = ""
    files: bool = False


def complete(session: NotebookSession, text: str, row: int, column: int) -> Completions | None:
    """Find what could stand at the cursor.

    Args:
        session: the session.
        text: the cell.
        row: the cursor's line, from 0.
        column: its place in that line.

    Returns:
        What was found, possibly nothing; None where the place is not ours.

    """
    line = text.split("\n")[row]
    before, after = line[:column], line[column:]
    if cell := _CELL.match(text):
        head = text.count("\n", 0, cell.end())
        if row > head:
            return _in_prompt(session, before, after)
        if row == head:
            options = before.partition("%%qwen")[2]
            return _in_options(session, options, OPTIONS)[0] if options[:1].isspace() else None
    if head_of_line := _LINE.match(before):
        return _in_line(session, before[head_of_line.end() :], after)
    return None


def _in_prompt(session: NotebookSession, before: str, after: str) -> Completions:
    names = [*sorted(_namespace(session)), "In", "Out"]
    names, fragment = names_in_braces(before, after, names, session.shell.user_ns if session.shell else {})
    return Completions("instance", tuple(names), fragment)


def _in_line(session: NotebookSession, line: str, after: str) -> Completions:
    """Complete a ``%qwen`` line: its command, or what that takes."""
    words, fragment = _part(line)
    if not words:
        return _found("command", _usual_first(COMMANDS.values()), fragment)
    command, words = COMMANDS.get(words[0]), words[1:]
    if command and command.subcommands:
        if not words:
            return _found("command", (one.word for one in command.subcommands), fragment)
        command, words = command.subcommand(words[0]), words[1:]
    if command is None or not command.options:
        return _in_arguments(session, command, words, fragment) if command else Completions()
    rest = line.lstrip()[len(command.name) :]
    found, arguments = _in_options(session, rest, [option for option in OPTIONS if option.name in command.options])
    if arguments is None:
        return found
    if command.name == "ask":
        return _in_prompt(session, line, after)
    return _in_arguments(session, command, arguments, fragment)


def _usual_first(commands: Iterable[Command]) -> list[str]:
    order = sorted(commands, key=lambda command: (command.level != "usual", bool(command.alias_of)))
    return [command.name for command in order if command.name]


def _in_options(session: NotebookSession, line: str, options: Iterable[Option]) -> tuple[Completions, list[str] | None]:
    """Complete the options that a line begins with, and their values.

    Returns:
        What was found, and the words after the options where the cursor is among these, else None.

    """
    words, fragment = _part(line)
    by_flag = {flag: option for option in options for flag in option.flags}
    given: set[str] = set()
    waiting: Option | None = None
    for place, word in enumerate(words):
        if waiting:
            waiting = None
            continue
        if word == "--" or not word.startswith("-"):
            return Completions(), words[place + (word == "--") :]
        flag, equals, _ = word.partition("=")
        option = by_flag.get(flag)
        if option:
            given |= set() if option.many else {option.name}
            waiting = option if option.value and not option.optional and not equals else None
    if waiting:
        return _in_value(session, waiting, fragment), None
    flag, equals, value = fragment.partition("=")
    if equals and flag in by_flag:
        return _in_value(session, by_flag[flag], value), None
    if fragment and not fragment.startswith("-"):
        return Completions(), []
    order = sorted(by_flag.items(), key=lambda item: item[1].level != "usual")
    flags = (flag for flag, option in order if option.name not in given)
    return _found("option", (flag for flag in flags if fragment or flag.startswith("--")), fragment), None


def _in_value(session: NotebookSession, option: Option, fragment: str) -> Completions:
    if option.words:
        return _found(option.name, option.words, fragment)
    return _choose(session, option.name, _SOURCES[option.completes], fragment) if option.completes else Completions()


def _in_arguments(session: NotebookSession, command: Command, words: list[str], fragment: str) -> Completions:
    """Complete what a command takes beside the usual options."""
    place = len([word for word in words if not word.startswith("--")])
    if "..." in command.arguments:  # it takes several of the last
        place = min(place, len(command.completes) - 1)
    source = _SOURCES[command.completes[place]] if place < len(command.completes) else None
    if source is _files and not fragment.startswith("-"):
        return Completions(files=True)
    fixed = [*_FIXED.findall("" if command.options else command.arguments), *command.earlier]
    flags = [word for word in fixed if word.startswith("--") and word not in words]
    choices = [] if place else [word for word in fixed if not word.startswith("--")]
    found = _choose(session, "argument", source, fragment) if source else Completions(fragment=fragment)
    more = _found("argument", [*choices, *flags], found.fragment)
    return Completions("argument", tuple(dict.fromkeys(found.texts + more.texts)), found.fragment)


def _choose(session: NotebookSession, kind: str, source: Source, fragment: str) -> Completions:
    """Take what a source gives for what is there, in quotation marks where it needs them."""
    if source in (_targets, _targets_or_default):
        fragment = fragment.rpartition(",")[2]  # of several, the last is completed
    quote = fragment[:1] if fragment[:1] in ("'", '"') else ""
    typed = fragment[len(quote) :].replace('\\"', '"')
    texts = dict.fromkeys(text for text in source(session, typed) if text.startswith(typed))
    return Completions(kind, tuple(_quoted(text, quote) for text in texts), fragment)


def _found(kind: str, texts: Iterable[str], fragment: str) -> Completions:
    return Completions(kind, tuple(text for text in texts if text.startswith(fragment)), fragment)


def _quoted(text: str, quote: str) -> str:
    if not quote and not re.search(r"[\s\"'\\]", text):
        return text
    quote = '"' if "'" in text else quote or '"'
    return quote + (text.replace('"', '\\"') if quote == '"' else text) + quote


def _part(line: str) -> tuple[list[str], str]:
    """Part what stands before the cursor into the words that are complete, and the one at the cursor."""
    fragment = ""
    for word in _WORD.finditer(line):
        fragment = word.group() if word.end() == len(line) else ""
    return read_words(line[: len(line) - len(fragment)]), fragment


def _namespace(session: NotebookSession) -> dict[str, Any]:
    return own_variables(session.shell)


def _variables(session: NotebookSession, typed: str) -> list[str]:
    return sorted(name for name in _namespace(session) if typed.startswith("_") or not name.startswith("_"))


def _lists(session: NotebookSession, typed: str) -> list[str]:
    namespace = _namespace(session)
    return [name for name in _variables(session, typed) if isinstance(namespace[name], list)]


def _cells_and_names(session: NotebookSession, typed: str) -> list[str]:
    inputs = session.shell.user_ns.get("In", []) if session.shell else []
    cells = [f"In[{number}]" for number in range(len(inputs) - 1, 0, -1)][:_MOST_CELLS]
    return [*_variables(session, typed), *cells]


def _targets(session: NotebookSession, typed: str) -> list[str]:
    """Give the targets that have a name, and those in force; after a server's name or a ``#`` its models."""
    in_force = _in_force(session)
    base, mark, _ = typed.partition("#")
    server = typed.partition(":")[0]
    if mark:
        with suppress(QwenError):
            _ask_for_models(session, base)
        return [*in_force, *(f"{base}#{model}" for model in _models(session, base, in_force))]
    names = target_names()
    waits = f"{server}:" in names
    models = [f"{server}:{model}" for model in _models(session, server, in_force)] if waits else []
    return [*in_force, *names, *models]


def _in_force(session: NotebookSession) -> list[str]:
    named = session.settings.target or os.environ.get("QWEN_TARGET", "")
    with suppress(TargetError):
        return [target.name for target in parse_chain(named)]
    return []


def _targets_or_default(session: NotebookSession, typed: str) -> list[str]:
    return [*_targets(session, typed), "default"]


def _ask_for_models(session: NotebookSession, base: str) -> None:
    """Ask a server whose address is written whole for its models, once; one that is slow has told them by a later Tab.

    Raises:
        TargetError: no target is named.

    """
    if parse_target(base).kind != "openai":
        return
    state = session.client.states(base)[0]
    if state.models or state.state not in ("not tried", "failed"):
        return
    asked = _ASKED.setdefault(session.client, {})
    if base not in asked or asked[base].done():
        asked[base] = background_loop().submit(session.client.check(base))
        wait([asked[base]], timeout=_PATIENCE)


def _models(session: NotebookSession, base: str, in_force: list[str]) -> list[str]:
    """Give the models that the client knows a server or Space to have."""
    if "qwen_magic.client" not in sys.modules:  # no client was made, so none has seen a model
        return []
    with suppress(TargetError):
        address = parse_target(base).address
        same = [name for name in in_force if parse_target(name).address == address]
        states = session.client.states([base, *([f"{base}:"] if f"{base}:" in target_names() else []), *same])
        found = dict.fromkeys(model for state in states for model in state.models)
        return [model for model in found if model.isprintable()]  # no other can be typed, and a terminal prints them
    return []


def _conversations(session: NotebookSession, _typed: str) -> list[str]:
    """Give the names of the conversations, where there are any: Tab makes no database."""
    memory = session.memory
    return [one.name for one in memory.store.conversations() if one.turns] if memory.exists else []


def _servers(_session: NotebookSession, _typed: str) -> Iterable[str]:
    return key_names()


def _topics(_session: NotebookSession, typed: str) -> Iterable[str]:
    return [*TOPICS, *(name for name in COMMANDS if typed and name)] if not typed.startswith("-") else _FLAGS


def _paths(_session: NotebookSession, typed: str) -> Iterable[str]:
    """Give the files and folders that a path may go on with; of hidden ones, those that are begun with their dot."""
    folder, _, begun = typed.rpartition("/")
    where = Path(f"{folder}/" if typed.startswith("/") else folder or ".").expanduser()
    before = typed[: len(typed) - len(begun)]
    with suppress(OSError, RuntimeError, ValueError):
        found = sorted(islice(where.iterdir(), _MOST_FILES))
        return [
            f"{before}{path.name}{'/' if path.is_dir() else ''}"
            for path in found
            if path.name.isprintable() and (begun.startswith(".") or not path.name.startswith("."))
        ]
    return ()


def _local_models(_session: NotebookSession, _typed: str) -> Iterable[str]:
    from ..backends.local.known_weights import KNOWN  # noqa: PLC0415 - loading the extension stays light
    from ..backends.local.small_models import SMALL  # noqa: PLC0415

    return [*KNOWN, *SMALL]


def _files(_session: NotebookSession, _typed: str) -> Iterable[str]:
    return ()


_FLAGS = tuple(flag for option in OPTIONS for flag in option.flags)
_SOURCES: dict[str, Source] = {
    "target": _targets,
    "target or default": _targets_or_default,
    "conversation": _conversations,
    "template": lambda _session, _typed: read_templates(),
    "variable": _variables,
    "schema": lambda session, _typed: schema_names(_namespace(session)),
    "list": _lists,
    "cell": _cells_and_names,
    "server": _servers,
    "local model": _local_models,
    "mode": lambda _session, _typed: MODES,
    "topic": _topics,
    "file": _files,
    "path": _paths,
}
"""What gives the values of options and the arguments of commands, by the names that their tables use."""
