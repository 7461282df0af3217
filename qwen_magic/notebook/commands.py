"""The commands of ``%qwen``: one table, and what each does."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import UsageError
from ..servers import GENERIC, SERVERS, server_at
from ..targets import ALIASES, parse_chain, parse_target
from ..text.terminal import safe_terminal
from .options import USAGE, option_help, read_options
from .waiting import Interrupted, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..health import TargetState
    from ..servers import Server
    from .magics import QwenMagics

_CONTINUE_OPTIONS = ("target", "output", "format")
_HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[0-9a-fA-F:.]+\]|[\w-]+(?=:\d))(?::\d{1,5})?")
_MODELS_SHOWN = 3
_HELP_ENDS = (
    "Targets: qwen-2-72b, space:OWNER/NAME, space:URL, ollama:MODEL, openai:URL#MODEL, local, local:PATH",
    "The last answer is qwen_magic.last_reply(). Settings: %config QwenMagics",
)
_NO_KEY_CHARACTER = re.compile(r"[^!-~]")


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: the word after ``%qwen``, or "".
        arguments: what may follow it, for the help.
        help: what it does, in a few words.
        run: does it, given the magics and the rest of the line.

    """

    name: str
    arguments: str
    help: str
    run: Callable[[QwenMagics, str], None]


def run_command(magics: QwenMagics, line: str) -> None:
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
        there_are = f"There are {', '.join(names[:-1])} and {names[-1]}"
        raise UsageError(f"no %qwen {name}", hint=f"{hint}{there_are}; a prompt goes in a %%qwen cell.")
    command.run(magics, rest.strip())


def help_text() -> str:
    """Return what ``%qwen help`` prints."""
    lines = [
        USAGE,
        "system: You are a writer.            <- optional first line",
        "Write a story about a cat that travels the world.",
        "",
        "Options",
        *_columns(option_help(), indent="  "),
    ]
    rows = iter(_columns([(_written(command), command.help) for command in COMMANDS.values()], indent="  "))
    for title, commands in _GROUPS.items():
        lines += ["", title, *(next(rows) for _ in commands)]
    return "\n".join([*lines, "", *_HELP_ENDS])


def show(magics: QwenMagics, rest: str = "") -> None:
    """Print what is in force."""
    from .. import __version__  # noqa: PLC0415
    from ..client import default_chain  # noqa: PLC0415 - loading the extension stays light

    _nothing_after("", rest)
    chain = parse_chain(magics.target) if magics.target else default_chain()
    source = "set here" if magics.target else "QWEN_TARGET" if os.environ.get("QWEN_TARGET") else "the default"
    settings = [
        f"{name} = {getattr(magics, name)!r}"
        for name in sorted(magics.trait_names(config=True))
        if name != "target" and getattr(magics, name) not in (None, "")
    ]
    model = magics.last_reply.model if magics.last_reply and magics.last_reply.text else ""
    _say(f"qwen_magic {__version__}")
    _say(f"target    {', '.join(map(str, chain))} ({source})")
    _say(f"model     {model or 'known with the first answer'}")
    _say(f"settings  {', '.join(settings)}")
    _say("%qwen help tells what there is.")


def _ask(magics: QwenMagics, rest: str) -> None:
    options, prompt = read_options(rest)
    magics.ask(options, prompt)


def _continue(magics: QwenMagics, rest: str) -> None:
    options, rest = read_options(rest, _CONTINUE_OPTIONS)
    _nothing_after("continue", rest)
    magics.resume(options)


def _usage(magics: QwenMagics, rest: str) -> None:
    _nothing_after("usage", rest)
    _say(str(magics.client.usage))


def _use(magics: QwenMagics, rest: str) -> None:
    targets = _targets(rest)
    if not targets:
        raise UsageError("%qwen use names no target", hint="Try %qwen use local, or %qwen use default.")
    if targets != ["default"]:
        parse_chain(targets)
    magics.target = "" if targets == ["default"] else ",".join(targets)
    show(magics)


def _show_targets(magics: QwenMagics, rest: str) -> None:
    words = _targets(rest)
    for word in words:
        if word.startswith("-") and word != "--check":
            raise UsageError(f"no option {word} of %qwen targets", hint="There is --check.")
    targets = [word for word in words if word != "--check"] or None
    check, client = "--check" in words, magics.client
    states = wait_for(client.check(targets), "the check was stopped") if check else client.states(targets)
    _say("\n".join(_state_lines(states)))


def _spaces(magics: QwenMagics, rest: str) -> None:
    if rest:
        _say(str(wait_for(magics.client.describe(rest), f"{parse_target(rest)} was not waited for")))
    else:
        _say("\n".join(_known_names()))


def _key(magics: QwenMagics, rest: str) -> None:
    words = rest.split()
    names = [word for word in words if word != "--session"]
    if len(names) != 1:
        # What stands there may be the key itself, so it is not said again.
        hint = "Write %qwen key dashscope; the key is asked for then. One that was written into a cell stays there."
        raise UsageError("%qwen key takes one server's name", hint=hint)
    name, server = _server(names[0])
    key = _ask_for_key(name, server)
    kept = magics.client.settings.keys.set(name, key, keep="--session" not in words)
    magics.client.forgive()  # what left a target out may have been the want of a key
    if not key:
        said = f"The key for {name} is forgotten."
        if server.key_variable and os.environ.get(server.key_variable):
            said += f" That of {server.key_variable} is used."
    elif kept:
        said = f"The key for {name} is kept in the system's keyring."
    elif "--session" in words:
        said = f"The key for {name} is kept for this session."
    else:
        said = f"The key for {name} is kept for this session: there is no keyring here that could hold it."
    _say(said)


def _pull(_magics: QwenMagics, rest: str) -> None:
    from ..backends.weights import pull  # noqa: PLC0415 - loading the extension stays light

    path = pull(rest.removeprefix("local:") if rest not in ("", "local") else "0.5b")
    _say(f"{path.name} is ready; use it with %qwen use {rest or 'local'}")


def _nest(magics: QwenMagics, rest: str) -> None:
    nest = magics.nest
    if rest == "on":
        nest.on()
        _say("asyncio.run works inside a cell now; %qwen nest off takes that back.")
    elif rest == "off":
        _say("asyncio is as it was." if nest.off() else "asyncio was patched by somebody else; it stays so.")
    else:
        raise UsageError("%qwen nest takes on or off", hint=f"It is {'on' if nest.active else 'off'} now.")


def _help(_magics: QwenMagics, _rest: str) -> None:
    _say(help_text())


_GROUPS = {
    "Ask": (
        Command("ask", "[OPTIONS] PROMPT", "ask on one line", _ask),
        Command("continue", "[-t TARGET] [-o NAME]", "go on with the last answer where it stopped", _continue),
        Command("usage", "", "the tokens and the time of this session, by target", _usage),
    ),
    "Where it goes": (
        Command("", "", "the target, model and settings in force", show),
        Command("use", "TARGET...", "the target, or chain, from here on; default: the usual one", _use),
        Command("targets", "[--check] [TARGET...]", "how the targets fare; --check asks them all", _show_targets),
        Command("spaces", "[TARGET]", "what a target offers; alone: the names that are known", _spaces),
        Command("key", "NAME [--session]", "ask for a server's key, and keep it", _key),
    ),
    "This machine": (
        Command("pull", "[MODEL]", "fetch a local model: 0.5b (491 MB) or 1.5b (1.1 GB)", _pull),
        Command("nest", "on|off", "let asyncio.run work inside a cell", _nest),
        Command("help", "", "this page", _help),
    ),
}
COMMANDS = {command.name: command for commands in _GROUPS.values() for command in commands}
"""The commands by their names; "" is ``%qwen`` alone."""


def _written(command: Command) -> str:
    return " ".join(word for word in ("%qwen", command.name, command.arguments) if word)


def _server(name: str) -> tuple[str, Server]:
    """Find the name under which a server's key is kept, and what is known of the server."""
    word = name.removesuffix(":")
    if word.lower() in SERVERS:
        return word.lower(), SERVERS[word.lower()]
    url = name[name.find("http") :] if "://" in name else f"http://{word}"
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host):
        # It is not said again: it may be a key that was pasted here.
        close = difflib.get_close_matches(word.lower(), SERVERS, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError("no server of that name", hint=f"{hint}There are {', '.join(SERVERS)}, or give its HOST:PORT.")
    server = server_at(url)
    return (host, server) if server is GENERIC else (server.name, server)


def _ask_for_key(name: str, server: Server) -> str:
    import getpass  # noqa: PLC0415 - a kernel puts its own in the module's place

    from IPython.core.error import StdinNotImplementedError  # noqa: PLC0415

    try:
        key = getpass.getpass(f"Key for {name} (empty to take it back): ").strip()
    except (StdinNotImplementedError, EOFError):
        variable = server.key_variable
        hint = f"Set {variable} in the environment." if variable else "Do it where an input can be given."
        raise UsageError("nobody can be asked for a key here", hint=hint) from None
    except KeyboardInterrupt:
        raise Interrupted("no key was changed") from None
    if _NO_KEY_CHARACTER.search(key):
        raise UsageError("that is no key: it has blanks or other characters that no key has", hint="Copy it again.")
    return key


def _known_names() -> list[str]:
    spaces = [(alias, f"https://huggingface.co/spaces/{parse_target(alias).address}") for alias in ALIASES]
    servers = [(f"{server.name}:MODEL", server.base_url, server.key_variable) for server in SERVERS.values()]
    return [
        "Public Spaces",
        *_columns(spaces, indent="  "),
        "OpenAI-compatible servers, and the variables that hold their keys",
        *_columns(servers, indent="  "),
        "This machine",
        "  local, local:1.5b, local:PATH",
        "%qwen spaces TARGET asks one of them what it offers.",
    ]


def _state_lines(states: Sequence[TargetState]) -> list[str]:
    rows = [("target", "state", "first token", "models")]
    rows += [
        (state.target, state.state, "" if state.latency is None else f"{state.latency:.2f} s", _few(state.models))
        for state in states
    ]
    head, *lines = _columns(rows)
    found = [head]
    for line, state in zip(lines, states, strict=True):
        found.append(line)
        if state.error:
            found.append(f"    last error: {state.error}")
    return found


def _few(models: Sequence[str]) -> str:
    rest = len(models) - _MODELS_SHOWN
    return ", ".join(models[:_MODELS_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Write rows as the lines of a table."""
    rows = [[" ".join(safe_terminal(cell).split()) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"{indent}{line}".rstrip() for line in padded]


def _targets(rest: str) -> list[str]:
    return rest.replace(",", " ").split()


def _nothing_after(name: str, rest: str) -> None:
    if rest:
        raise UsageError(f"{rest!r} after %qwen {name}".rstrip(), hint="%qwen help tells what it takes.")


def _say(text: str) -> None:
    """Print; a server's words are made safe for a terminal."""
    print(safe_terminal(text))  # noqa: T201 - this is the commands' output
