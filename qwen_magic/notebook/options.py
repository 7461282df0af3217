"""The options of ``%%qwen`` and ``%qwen ask``: one table, and how a line is read by it. No I/O, no IPython."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from ..chat.modes import MODES
from ..errors import UsageError
from ..parameters import TABLE, Flag
from .choices import FORMATS
from .option_values import READERS, one_of, read_count, read_name, read_object, read_variable
from .row_options import ROW_FIELDS, ROW_OPTIONS, RowOptions, row_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..parameters import Level, Parameter

_WORD = re.compile(r"""(?:\\[\s"']|"(?:\\"|[^"])*"|'[^']*'|[^\s"'])+""")
"""A word as a shell has it, but a backslash is one unless it stands before a blank or a quotation mark."""
_PIECE = re.compile(r"""\\(?P<escaped>[\s"'])|"(?P<double>(?:\\"|[^"])*)"|'(?P<single>[^']*)'""")
_OPTION = re.compile(r"--?[A-Za-z]")
_BLANKS = re.compile(r"\s*")


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        flags: how it is written, the long form last.
        name: what it sets: a field of `Options`, or a parameter.
        value: what stands after it in the usage, or "" where nothing does.
        help: what it means, in a few words.
        read: makes the value from its text; raises ValueError with the reason where it cannot.
        constant: the value of an option after which none stands.
        many: whether it may be given several times.
        optional: whether its value may be left out; then it is the constant. It is given with an equals sign.
        level: whether it is usual or rare.
        topic: the page of the help that tells more of it.
        words: the words that its value can be, where there are few.
        completes: what Tab gives for its value, by a name of `completion`.

    """

    flags: tuple[str, ...]
    name: str
    value: str
    help: str
    read: Callable[[str], Any] = str
    constant: Any = None
    many: bool = False
    optional: bool = False
    level: Level = "rare"
    topic: str = "options"
    words: tuple[str, ...] = ()
    completes: str = ""


@dataclass(frozen=True)
class Options:
    """What a line says.

    Attributes:
        target: where this prompt goes, or None.
        system: the system prompt, or None.
        output: the variable for the reply, or None.
        append: the list that the reply is put into, by its variable's name, or None.
        format: how the answer is shown, or None.
        conversation: the name of the conversation that this prompt belongs to, or None.
        new: whether it begins a new conversation.
        alone: whether it is asked outside of any.
        turns: how many of the conversation's earlier turns go along, or None.
        context: how many of the cells before it are sent along.
        attach: the files that go in front of the prompt.
        pages: whether pages of PDFs among them go as pictures.
        fetch: whether addresses among the files are fetched.
        see: whether the last figure that was shown goes in front of the prompt.
        raw: whether ``{name}`` stays as it is written.
        eval: whether ``{expressions}`` are evaluated whatever they run.
        next: whether the answer's code is put into the next cell.
        replace: whether this cell becomes the answer's code.
        dry_run: whether what would be sent is shown instead.
        compare: whether all targets are asked at once, side by side.
        redact: whether what looks like a secret is replaced.
        replay: what is done with recorded answers, or None.
        schema: the shape that the answer is to have, as it was written, or None.
        rows: what it says of rows.
        parameters: the parameters by their names in `Parameters`.

    """

    target: str | None = None
    system: str | None = None
    output: str | None = None
    append: str | None = None
    format: str | None = None
    conversation: str | None = None
    new: bool = False
    alone: bool = False
    turns: int | None = None
    context: int = 0
    attach: Sequence[str] = ()
    pages: bool = False
    fetch: bool = False
    see: bool = False
    raw: bool = False
    eval: bool = False
    next: bool = False
    replace: bool = False
    dry_run: bool = False
    compare: bool = False
    redact: bool = False
    replay: str | None = None
    schema: str | None = None
    rows: RowOptions = field(default_factory=RowOptions)
    parameters: Mapping[str, Any] = field(default_factory=dict)


def _option(
    level: Level, written: str, value: str, help_: str, topic: str, read: Callable[[str], Any] = str, **more: Any
) -> Option:
    """Make an option; without a value it is a switch, and its long form is its name."""
    flags, words = tuple(written.split()), more.get("words", ())
    name = flags[-1].removeprefix("--").replace("-", "_")
    constant = None if value else True
    given = {"constant": constant, "level": level, "topic": topic, **more}
    return Option(flags, name, value, help_, one_of(words) if words else read, **given)


def _of_parameter(row: Parameter) -> list[Option]:
    """Make the options that set a parameter."""
    flags = row.flags or (Flag(f"--{row.name.replace('_', '-')}"),)
    value, read = READERS.get(row.kind, ("", str))
    return [
        Option(
            (flag.written,),
            row.name,
            value,
            flag.help or row.help,
            read,
            flag.constant,
            many=row.kind == "texts",
            level=row.level,
        )
        for flag in flags
    ]


_usual, _rare = partial(_option, "usual"), partial(_option, "rare")
OPTIONS = (
    _usual("-t --target", "TARGET", "where this prompt goes; A,B,C are tried in order", "targets", completes="target"),
    _usual("-s --system", "SYSTEM", "the system prompt, where the cell has no system line", "ask"),
    _usual(
        "-o --output", "NAME", "put the Reply into the variable NAME", "python", read_variable, completes="variable"
    ),
    _rare("--append", "NAME", "add the Reply to the list NAME", "python", read_variable, completes="list"),
    _usual(
        "--schema",
        "SHAPE",
        'answer with a value of this shape: "name, age int", or a name',
        "schema",
        completes="schema",
    ),
    _usual("-f --format", "FORM", "markdown, text, code, json, html or math", "formats", words=FORMATS),
    _usual(
        "-c --conversation",
        "NAME",
        "ask in the conversation NAME",
        "conversations",
        read_name,
        completes="conversation",
    ),
    _usual("--new", "", "begin a new conversation", "conversations"),
    _rare("--alone", "", "ask outside of the conversation, and leave no trace in it", "conversations"),
    _rare("--turns", "N", "send only the last N turns of the conversation", "context", partial(read_count, "turns")),
    _usual("--context", "N", "also send the last N cells and their output", "context", partial(read_count, "cells")),
    _rare(
        *("-a --attach", "FILE", "also send a picture, PDF (#3-5: pages), table, notebook or text", "pictures"),
        many=True,
        completes="path",
    ),
    _rare("--pages", "", "send the pages of attached PDFs as pictures", "pictures"),
    _rare("--fetch", "", "let -a fetch https addresses, from the public network only", "pictures"),
    _rare("--see", "", "also send the last figure that was shown", "pictures"),
    _rare("--raw", "", "send {variables} as they are written", "variables"),
    _rare("--eval", "", "evaluate any {expression}, even one that does more than read", "variables"),
    _usual("-n --next", "", "put the answer's code into the next cell; it is not run", "code"),
    _rare("--replace", "", "turn this cell into the answer's code; it is not run", "code"),
    _usual("--dry-run", "", "show what would be sent, and send nothing", "context"),
    _rare("--compare", "", "ask all of -t A,B at once, side by side; %qwen keep N continues with one", "targets"),
    _rare("--redact", "", "replace what looks like a key, token or password", "context"),
    _rare(
        "--replay",
        "[=MODE]",
        "replay recorded answers and record the others; or only, fresh, off",
        "replay",
        words=MODES,
        constant="on",
        optional=True,
    ),
    *(
        _option("usual" if flag == "--map" else "rare", flag, value, help_, "map", read, **more)
        for flag, value, help_, read, more in ROW_OPTIONS
    ),
    *(option for row in TABLE for option in _of_parameter(row)),
)
"""All options of ``%%qwen`` and ``%qwen ask``; those of the parameters come from their table."""

USAGE = "%%qwen [-t TARGET] [-s SYSTEM] [-o NAME] [-f FORM] [-n] [--new|--alone|-c NAME] [--max-tokens N] ..."
"""The usage in one line, for the help."""

_FIELDS = tuple(item.name for item in fields(Options) if item.name not in ("parameters", "rows"))
_CONTRARY = (
    ("new", "alone"),
    ("turns", "alone"),
    ("conversation", "alone"),
    ("conversation", "new"),
    ("next", "replace"),
    ("compare", "next"),
    ("compare", "replace"),
    ("raw", "eval"),
    ("map", "attach"),
    ("map", "context"),
    ("map", "see"),
    ("schema", "next"),
    ("schema", "replace"),
)
_HINT = "%qwen help all lists all options."
_ELSEWHERE = {
    "--model": "Name the model in the target: -t ollama:qwen3, or -t openai:URL#MODEL.",
    "--temp": "Use --temperature X.",
    "--tokens": "Use --max-tokens N.",
    "--stream": "Answers always stream.",
    "--file": "Use -a FILE.",
}
"""Options that people look for, and what to use instead."""


def all_but(*names: str) -> tuple[str, ...]:
    """Return the names of all options but these."""
    return tuple(dict.fromkeys(option.name for option in OPTIONS if option.name not in names))


def read_options(line: str, allowed: tuple[str, ...] | None = None) -> tuple[Options, str]:
    """Read the options that a line begins with.

    Args:
        line: what stands after ``%%qwen``, ``%qwen ask`` or ``%qwen continue``.
        allowed: the names of the options that may be given; without it all.

    Returns:
        The options, and the rest of the line. Options end at the first word that is none, or at ``--``.

    Raises:
        UsageError: an unknown option, one without its value, or with a value that it does not take.

    """
    options = [option for option in OPTIONS if allowed is None or option.name in allowed]
    by_flag = {flag: option for option in options for flag in option.flags}
    given: dict[str, Any] = {}
    place = _skip_blanks(line, 0)
    while _OPTION.match(line, place):
        word, place = _word(line, place)
        flag, equals, text = word.partition("=")
        option = by_flag.get(flag)
        if option is None:
            raise UsageError(f"there is no option {flag}", hint=_meant(flag, by_flag))
        value: Any = option.constant
        if equals:
            value = _value(option, flag, text)
        elif option.value and not option.optional:
            if place >= len(line):
                raise UsageError(f"{flag} needs a value, {option.value}", hint=_written(option, flag))
            text, place = _word(line, place)
            value = _value(option, flag, text)
        given[option.name] = [*given.get(option.name, ()), value] if option.many else value
    if re.match(r"--(?:\s|$)", line[place:]):
        place = _skip_blanks(line, place + 2)
    return _options(given), line[place:].rstrip()


def _meant(flag: str, known: Iterable[str]) -> str:
    if flag in _ELSEWHERE:
        return _ELSEWHERE[flag]
    close = difflib.get_close_matches(flag, known, n=1)
    return f"Did you mean {close[0]}?" if close else _HINT


def _written(option: Option, flag: str) -> str:
    return f"Write {flag} {option.value}: {option.help}."


def _options(given: dict[str, Any]) -> Options:
    for one, other in _CONTRARY:
        if given.get(one) and given.get(other):
            raise UsageError(f"{_flag(one)} and {_flag(other)} contradict each other", hint="Give only one of them.")
    parameters = {name: value for name, value in given.items() if name not in (*_FIELDS, *ROW_FIELDS)}
    named = {name: value for name, value in given.items() if name in _FIELDS}
    return Options(**named, rows=row_options(given), parameters=parameters)


def cell_options(line: str) -> Options:
    """Read the line of a ``%%qwen`` cell, on which nothing but options may stand.

    Raises:
        UsageError: a wrong option, or something else on the line.

    """
    options, rest = read_options(line)
    if rest:
        raise UsageError(f"{rest!r} on the %%qwen line is not an option", hint="Write the prompt below that line.")
    return options


def option_help(option: Option) -> tuple[str, str]:
    """Return how an option is written, and what it means."""
    return f"{', '.join(option.flags)} {option.value}".replace(" [", "[").rstrip(), option.help


def read_words(line: str) -> list[str]:
    """Part a line into its words, of which one in quotation marks may have blanks.

    Raises:
        UsageError: a quotation is not closed.

    """
    words = []
    place = _skip_blanks(line, 0)
    while place < len(line):
        word, place = _word(line, place)
        words.append(word)
    return words


def _flag(name: str) -> str:
    return next(option.flags[-1] for option in OPTIONS if option.name == name)


def _value(option: Option, flag: str, text: str) -> Any:
    if not option.value:
        raise UsageError(f"{flag} takes no value", hint=f"Write {flag} without one.")
    try:
        return option.read(text)
    except ValueError as error:
        shown = "" if option.read is read_object else f" {text!r}"
        raise UsageError(f"{flag}{shown}: {error}") from None


def _word(line: str, place: int) -> tuple[str, int]:
    """Return the word at a place without its quotation marks, and the place of the next."""
    match = _WORD.match(line, place)
    end = match.end() if match else place
    if end < len(line) and line[end] in "\"'":
        raise UsageError(
            "a quotation mark on the %qwen line is not closed", hint="Close it, or put a backslash before it."
        )
    return _PIECE.sub(_unquoted, line[place:end]), _skip_blanks(line, end)


def _unquoted(match: re.Match[str]) -> str:
    if match["escaped"] is not None:
        return match["escaped"]
    return match["single"] if match["single"] is not None else match["double"].replace('\\"', '"')


def _skip_blanks(line: str, place: int) -> int:
    match = _BLANKS.match(line, place)
    return match.end() if match else place
