"""``%%qwen`` and ``%qwen``: the shell that holds a session's settings, client and last answer."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, observe

from ..errors import (
    AuthError,
    ChainError,
    ConnectError,
    ContextError,
    NotFoundError,
    QwenError,
    ServerError,
    UsageError,
)
from ..parameters import NAMES, to_parameters
from ..targets import parse_chain
from .commands import run_command
from .nest import Nest
from .options import FORMATS, USAGE, cell_options, merged
from .waiting import Interrupted

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from ..client import QwenClient
    from ..messages import Reply
    from ..stream import Stream
    from .options import Options

_PARAMETERS = tuple(name for name in NAMES if name != "extra")
_TIMEOUTS = ("connect_timeout", "stall_timeout", "retry_timeout", "wake_timeout", "failover_timeout")
_SYSTEM_LINE = re.compile(r"\s*system:[ \t]*(?P<system>[^\n]*)(?:\n|$)", re.IGNORECASE)
_LOCAL_HINT = "A small Qwen can answer on this machine: %qwen use local (491 MB, once)."
_SMALL = "a small model on this machine: fair at short code, unreliable in facts and arithmetic"
_GO_ON = "%qwen continue goes on from here"


@magics_class
class QwenMagics(Magics):
    """Ask Qwen from a cell."""

    target = Unicode(
        "", help="Target, or targets with commas between them; '' for QWEN_TARGET or the usual chain."
    ).tag(config=True)
    system = Unicode("", help="System prompt for cells that name none.").tag(config=True)
    format = Enum(FORMATS, "markdown", help="How answers are shown.").tag(config=True)
    temperature = Float(None, allow_none=True, help="Sampling temperature, 0 to 2.").tag(config=True)
    top_p = Float(None, allow_none=True, help="Share of probability that is sampled from, 0 to 1.").tag(config=True)
    top_k = Int(None, allow_none=True, help="How many of the likeliest tokens are sampled from.").tag(config=True)
    max_tokens = Int(None, allow_none=True, help="The most tokens of an answer.").tag(config=True)
    seed = Int(None, allow_none=True, help="Random seed.").tag(config=True)
    stop = List(Unicode(), None, allow_none=True, help="Texts at which an answer ends.").tag(config=True)
    presence_penalty = Float(None, allow_none=True, help="-2 to 2, against what was there before.").tag(config=True)
    frequency_penalty = Float(None, allow_none=True, help="-2 to 2, against what was there often.").tag(config=True)
    thinking = Bool(None, allow_none=True, help="Whether a model that can think does so.").tag(config=True)
    thinking_budget = Int(None, allow_none=True, help="The most tokens that it thinks.").tag(config=True)
    connect_timeout = Float(10.0, help="Seconds to wait for a connection.").tag(config=True)
    stall_timeout = Float(120.0, help="Seconds to wait for the next byte of an answer.").tag(config=True)
    retry_timeout = Float(60.0, help="Seconds to go on trying while a queue is full.").tag(config=True)
    wake_timeout = Float(300.0, help="Seconds to wait for a Space that wakes up.").tag(config=True)
    failover_timeout = Float(
        10.0, help="Seconds to wait for a busy or sleeping target while another one is left to try."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        self.last_reply: Reply | None = None
        self.nest = Nest()
        self._last_stream: Stream | None = None
        self._asked = ""
        self._clients: list[QwenClient] = []
        self._stale = False
        self._told_small = False
        super().__init__(shell, **kwargs)

    @property
    def client(self) -> QwenClient:
        """The client of this session; a new one after a change of the target or a timeout."""
        if not self._clients or self._stale:
            from ..client import QwenClient  # noqa: PLC0415 - loading the extension stays light

            client = QwenClient(self.target or None, **{name: getattr(self, name) for name in _TIMEOUTS})
            if self._clients:
                client.inherit(self._clients[-1])
            self._clients.append(client)
            self._stale = False
        return self._clients[-1]

    @observe("target", *_TIMEOUTS)
    def _renew_client(self, _change: object) -> None:
        self._stale = True
        self.close()

    def close(self) -> None:
        """Let go of what the session's clients hold and run; an answer of each can still be continued."""
        for client in self._clients:
            client.close()

    def update_config(self, config: Config) -> None:
        """Take the settings of a ``%config`` line; a wrong one is refused.

        Raises:
            UsageError: the value is none that the setting can have.

        """
        section = config.get(type(self).__name__, {})
        for name, value in list(section.items()):
            try:
                self._check(name, value)
            except QwenError:
                # A shell takes it into its own configuration, and no reload would succeed.
                for place in (section, self.shell.config.get(type(self).__name__, {}) if self.shell else {}):
                    if place.get(name) == value:
                        del place[name]
                raise
        super().update_config(config)

    def _check(self, name: str, value: Any) -> None:
        trait = self.traits(config=True).get(name)
        try:
            if trait is not None:
                trait._validate(self, value)  # noqa: SLF001 - the one way to ask without setting it
        except TraitError as error:
            raise UsageError(str(error), hint="The setting stays as it was.") from None
        if name in _PARAMETERS:
            to_parameters({name: value})
        elif name == "target" and value:
            parse_chain(value)

    @no_var_expand
    @line_cell_magic
    def qwen(self, line: str, cell: str | None = None) -> None:
        """Ask Qwen what the cell says, and show the answer as it comes. ``%qwen help`` tells more."""
        if cell is None:
            run_command(self, line)
        else:
            self.ask(cell_options(line), cell)

    def ask(self, options: Options, text: str) -> None:
        """Ask, and show the answer as it comes.

        Args:
            options: what the line says.
            text: the prompt, with or without a first line ``system: ...``.

        Raises:
            QwenError: nothing was asked, or what went wrong.
            Interrupted: the user stopped the answer.

        """
        system, prompt = _system_line(text)
        if not prompt.strip():
            raise UsageError("nothing was asked", hint=f"Write the prompt below the %%qwen line. Usage: {USAGE}")
        settings = {name: getattr(self, name) for name in _PARAMETERS}
        stream = self.client.stream(
            prompt.strip("\n"),
            system or options.system or self.system or None,
            target=options.target,
            **merged(settings, options.parameters),
        )
        self._asked = self.target
        self._run(stream, options)

    def resume(self, options: Options) -> None:
        """Go on with the last answer where it broke off, and show it whole.

        Args:
            options: the target, the variable and the format.

        Raises:
            QwenError: there is nothing to go on with, or what went wrong.
            Interrupted: the user stopped it again.

        """
        before = self._last_stream
        if before is None:
            raise UsageError("there is nothing to continue", hint="Ask something first, in a %%qwen cell.")
        # Who has chosen a target since then means it.
        chosen = self.target if self.target != self._asked else ""
        stream = before.resume(options.target or chosen or None)
        try:
            self._run(stream, options)
        except (QwenError, Interrupted):
            if stream.reply.text == before.reply.text:  # nothing came, so the next try may go where this answer began
                self._last_stream = before
            raise

    def _run(self, stream: Stream, options: Options) -> None:
        """Draw a stream while it runs on the background loop; an interrupt ends the drawing at once."""
        from ..loop import background_loop  # noqa: PLC0415 - loading the extension stays light
        from .display import TICK, make_display  # noqa: PLC0415

        display = make_display(self.shell, options.format or self.format)
        try:
            with closing(background_loop().iterate(stream.events(), TICK)) as happenings:
                for event in happenings:
                    if event is None:
                        display.tick()
                    else:
                        display.take(event)
        except KeyboardInterrupt:
            reply = self._keep(stream, options.output)
            display.finish(reply, _GO_ON if reply.text else "")
            raise Interrupted("the answer was stopped; what had come is kept") from None
        except QwenError as error:
            reply = self._keep(stream, options.output)
            display.finish(reply, _GO_ON if reply.text else "")
            if _local_could_answer(error):
                error.hint = f"{error.hint} {_LOCAL_HINT}".strip()
            raise
        reply = self._keep(stream, options.output)
        display.finish(reply, self._note(reply))

    def _note(self, reply: Reply) -> str:
        """Say how to go on after the token limit, and, once in a session, what a small local model is good for."""
        notes = [_GO_ON] if reply.finish_reason == "length" and reply.text else []
        if not self._told_small and _is_local(reply.target):
            self._told_small = True
            notes.append(_SMALL)
        return " · ".join(notes)

    def _keep(self, stream: Stream, output: str | None) -> Reply:
        reply = stream.reply
        self._last_stream, self.last_reply = stream, reply
        if output and self.shell is not None:
            self.shell.user_ns[output] = reply
        return reply


def _local_could_answer(error: QwenError) -> bool:
    """Tell whether the local model is worth a word: servers failed, not what was asked of them."""
    failed = error.errors if isinstance(error, ChainError) else (error,)
    if not isinstance(error, (ConnectError, ServerError, ChainError)):
        return False
    if isinstance(error, (AuthError, ContextError, NotFoundError)):
        return False
    return not any(_is_local(one.target) for one in failed)


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
    """Register the magics.

    Raises:
        UsageError: a setting in the IPython profile is wrong.

    """
    try:
        magics = QwenMagics(shell)
    except TraitError as error:
        raise UsageError(str(error), hint="Set it right in your IPython profile.") from None
    shell.register_magics(magics)


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
