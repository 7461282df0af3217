"""``%%qwen`` and ``%qwen``."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.getipython import get_ipython
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Enum, Float, Int, Unicode, observe

from ..errors import ConnectError, QwenError, ServerError, UsageError
from ..targets import parse_chain
from .nest import Nest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..client import QwenClient
    from ..messages import Reply

_SAMPLING_USAGE = "[--temperature X] [--top-p X] [--max-tokens N] [--seed N]"
USAGE = f"%%qwen [-t TARGET] [-s SYSTEM] [-o NAME] [-f markdown|text] {_SAMPLING_USAGE}"
_HELP = f"""\
{USAGE}
system: You are a writer.            <- optional first line
Write a story about a cat that travels the world.

  -t, --target TARGET    qwen-2-72b, space:OWNER/NAME, space:URL, local, local:PATH; A,B,C are tried in order
  -s, --system SYSTEM    the system prompt, where the cell has no system line
  -o, --output NAME      put the Reply into the variable NAME
  -f, --format FORM      markdown, or text as it comes
  --temperature X        0 to 2
  --top-p X              0 to 1
  --max-tokens N         the most tokens of the answer
  --seed N               for an answer that comes out the same again, where the target can

%qwen                    the target, model and settings in force
%qwen ask [OPTIONS] PROMPT
%qwen use TARGET         the target from here on; "default" for the usual chain
%qwen pull [MODEL]       fetch a local model's weights: 0.5b (491 MB) or 1.5b (1.1 GB)
%qwen nest on|off        let asyncio.run work inside a cell
%qwen help

The last answer is qwen_magic.last_reply(). Settings: %config QwenMagics"""

_SYSTEM_LINE = re.compile(r"\s*system:[ \t]*(?P<system>[^\n]*)(?:\n|$)", re.IGNORECASE)
_OPTION = re.compile(r"\s*(--?[A-Za-z][\w-]*(?:=\S+|\s+(?:\"[^\"]*\"|'[^']*'|\S+)))")
_LOCAL_HINT = "A small Qwen can answer on this machine: %qwen use local (491 MB, once)."
_SMALL = "a small model on this machine: fair at short code, unreliable in facts and arithmetic"


class Interrupted(KeyboardInterrupt):
    """The user stopped an answer; shown as one line."""

    def _render_traceback_(self) -> Sequence[str]:
        return [f"Interrupted: {self}"]


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"Usage: {USAGE}")


def _parser() -> _Parser:
    parser = _Parser(prog="%%qwen", add_help=False, allow_abbrev=False)
    parser.add_argument("-t", "--target")
    parser.add_argument("-s", "--system")
    parser.add_argument("-o", "--output")
    parser.add_argument("-f", "--format", choices=("markdown", "text"))
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--top-p", type=float, dest="top_p")
    parser.add_argument("--max-tokens", type=int, dest="max_tokens")
    parser.add_argument("--seed", type=int)
    parser.add_argument("rest", nargs="*")
    return parser


@magics_class
class QwenMagics(Magics):
    """Ask Qwen from a cell."""

    target = Unicode(
        "", help="Target, or targets with commas between them; '' for QWEN_TARGET or the usual chain."
    ).tag(config=True)
    system = Unicode("", help="System prompt for cells that name none.").tag(config=True)
    format = Enum(("markdown", "text"), "markdown", help="How answers are shown.").tag(config=True)
    temperature = Float(None, allow_none=True, help="Sampling temperature, 0 to 2.").tag(config=True)
    top_p = Float(None, allow_none=True, help="Share of probability that is sampled from, 0 to 1.").tag(config=True)
    max_tokens = Int(None, allow_none=True, help="The most tokens of an answer.").tag(config=True)
    seed = Int(None, allow_none=True, help="Random seed.").tag(config=True)
    connect_timeout = Float(10.0, help="Seconds to wait for a connection.").tag(config=True)
    stall_timeout = Float(120.0, help="Seconds to wait for the next byte of an answer.").tag(config=True)
    retry_timeout = Float(60.0, help="Seconds to go on trying while a queue is full.").tag(config=True)
    wake_timeout = Float(300.0, help="Seconds to wait for a Space that wakes up.").tag(config=True)

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        super().__init__(shell, **kwargs)
        self.last_reply: Reply | None = None
        self._client: QwenClient | None = None
        self._nest = Nest()
        self._told_small = False

    @property
    def client(self) -> QwenClient:
        """The one client of this session."""
        if self._client is None:
            from ..client import QwenClient  # noqa: PLC0415 - loading the extension stays light

            self._client = QwenClient(
                self.target or None,
                connect_timeout=self.connect_timeout,
                stall_timeout=self.stall_timeout,
                retry_timeout=self.retry_timeout,
                wake_timeout=self.wake_timeout,
            )
        return self._client

    @observe("target", "connect_timeout", "stall_timeout", "retry_timeout", "wake_timeout")
    def _renew_client(self, _change: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the client and of what it runs."""
        client, self._client = getattr(self, "_client", None), None
        if client is not None:
            client.close()

    @no_var_expand
    @line_cell_magic
    def qwen(self, line: str, cell: str | None = None) -> None:
        """Ask Qwen what the cell says, and show the answer as it comes. ``%qwen help`` tells more."""
        if cell is None:
            self._command(line.strip())
        else:
            self._ask(self._options(line), cell)

    def _command(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        commands: dict[str, Callable[[str], None]] = {
            "": self._show,
            "ask": self._ask_line,
            "use": self._use,
            "pull": self._pull,
            "nest": self._switch_nest,
            "help": lambda _: print(_HELP),  # noqa: T201 - this is its output
        }
        if name not in commands:
            close = difflib.get_close_matches(name, [key for key in commands if key], n=1)
            hint = f"Did you mean %qwen {close[0]}? " if close else ""
            raise UsageError(
                f"no %qwen {name}",
                hint=f"{hint}There are ask, use, pull, nest and help; a prompt goes in a %%qwen cell.",
            )
        commands[name](rest.strip())

    def _options(self, line: str) -> argparse.Namespace:
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"{error} in the %%qwen line".lower(), hint=f"Usage: {USAGE}") from None
        options: argparse.Namespace = _parser().parse_args(words)
        if options.rest:
            raise UsageError(
                f"{' '.join(options.rest)!r} in the %%qwen line",
                hint=f"The prompt goes below that line. Usage: {USAGE}",
            )
        if options.output and not options.output.isidentifier():
            raise UsageError(f"-o {options.output!r} is no variable's name", hint=f"Usage: {USAGE}")
        return options

    def _ask_line(self, line: str) -> None:
        end = 0
        while option := _OPTION.match(line, end):
            end = option.end()
        self._ask(self._options(line[:end]), line[end:].lstrip())

    def _ask(self, options: argparse.Namespace, cell: str) -> None:
        system, prompt = _system_line(cell)
        if not prompt.strip():
            raise UsageError("nothing was asked", hint=f"Write the prompt below the %%qwen line. Usage: {USAGE}")
        system = system or options.system or self.system
        names = ("temperature", "top_p", "max_tokens", "seed")
        given = {name: getattr(self, name) if (own := getattr(options, name)) is None else own for name in names}
        stream = self.client.stream(
            prompt.strip("\n"),
            system or None,
            target=options.target,
            **{name: value for name, value in given.items() if value is not None},
        )
        self._run(stream, options.format or self.format, options.output)

    def _run(self, stream: Any, form: str, output: str | None) -> None:
        """Draw a stream while it runs on the background loop; an interrupt ends the drawing at once."""
        from ..loop import background_loop  # noqa: PLC0415 - loading the extension stays light
        from .display import TICK, make_display  # noqa: PLC0415

        display = make_display(self.shell, form)
        try:
            with closing(background_loop().iterate(stream.events(), TICK)) as happenings:
                for event in happenings:
                    if event is None:
                        display.tick()
                    else:
                        display.take(event)
        except KeyboardInterrupt:
            reply = stream.reply
            display.finish(reply)
            self._keep(reply, output)
            raise Interrupted("the answer was stopped; what had come is kept") from None
        except QwenError as error:
            if error.reply is not None and not error.before_answer:
                display.finish(error.reply)
            self._keep(stream.reply, output)
            if isinstance(error, (ConnectError, ServerError)) and not _is_local(error.target):
                error.hint = f"{error.hint} {_LOCAL_HINT}".strip()
            raise
        reply = stream.reply
        display.finish(reply, self._note(reply))
        self._keep(reply, output)

    def _note(self, reply: Reply) -> str:
        """Say once in a session what a small local model is good for."""
        if self._told_small or not _is_local(reply.target):
            return ""
        self._told_small = True
        return _SMALL

    def _keep(self, reply: Reply, output: str | None) -> None:
        self.last_reply = reply
        if output and self.shell is not None:
            self.shell.user_ns[output] = reply

    def _show(self, _rest: str) -> None:
        from .. import __version__  # noqa: PLC0415
        from ..client import default_chain  # noqa: PLC0415 - loading the extension stays light

        chain = parse_chain(self.target) if self.target else default_chain()
        source = "set here" if self.target else "QWEN_TARGET" if os.environ.get("QWEN_TARGET") else "the default"
        settings = [
            f"{name} = {getattr(self, name)!r}"
            for name in sorted(self.trait_names(config=True))
            if name != "target" and getattr(self, name) not in (None, "")
        ]
        reply = self.last_reply
        print(f"qwen_magic {__version__}")  # noqa: T201 - this is its output
        print(f"target    {', '.join(map(str, chain))} ({source})")  # noqa: T201
        print(f"model     {(reply and reply.model) or 'known with the first answer'}")  # noqa: T201
        print(f"settings  {', '.join(settings)}")  # noqa: T201
        print("%qwen help tells what there is.")  # noqa: T201

    def _use(self, rest: str) -> None:
        targets = rest.replace(",", " ").split()
        if not targets:
            raise UsageError("%qwen use names no target", hint="Try %qwen use local, or %qwen use default.")
        if targets == ["default"]:
            self.target = ""
        else:
            parse_chain(targets)
            self.target = ",".join(targets)
        self._show("")

    def _pull(self, rest: str) -> None:
        from ..backends.weights import pull  # noqa: PLC0415 - loading the extension stays light

        path = pull(rest.removeprefix("local:") if rest not in ("", "local") else "0.5b")
        print(f"{path.name} is ready; use it with %qwen use {rest or 'local'}")  # noqa: T201 - this is its output

    def _switch_nest(self, rest: str) -> None:
        if rest == "on":
            self._nest.on()
            print("asyncio.run works inside a cell now; %qwen nest off takes that back.")  # noqa: T201
        elif rest == "off":
            taken_back = self._nest.off()
            print("asyncio is as it was." if taken_back else "asyncio was patched by somebody else; it stays so.")  # noqa: T201
        else:
            raise UsageError("%qwen nest takes on or off", hint=f"It is {'on' if self._nest.active else 'off'} now.")


def _is_local(target: str) -> bool:
    return target.partition(":")[0] == "local"


def _system_line(cell: str) -> tuple[str, str]:
    """Part a cell into its system line ("" without one) and the prompt."""
    if match := _SYSTEM_LINE.match(cell):
        return match["system"].strip(), cell[match.end() :]
    return "", cell


def last_reply() -> Reply | None:
    """Return the last ``%%qwen`` answer of this session, or None."""
    magics = _loaded(get_ipython())
    return magics.last_reply if magics else None


def _loaded(shell: InteractiveShell | None) -> QwenMagics | None:
    return shell.magics_manager.registry.get("QwenMagics") if shell is not None else None


def load(shell: InteractiveShell) -> None:
    """Register the magics."""
    shell.register_magics(QwenMagics(shell))


def unload(shell: InteractiveShell) -> None:
    """Take the magics away and stop everything of ours."""
    magics = shell.magics_manager.registry.pop("QwenMagics", None)
    if magics is None:
        return
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("qwen", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    magics.close()
    from ..loop import background_loop  # noqa: PLC0415 - not needed before

    background_loop().close()
