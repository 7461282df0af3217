"""``%%qwen`` and ``%qwen``: the shell that holds a session's settings, client and last answer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Enum, Float, Int, TraitError, observe

from ..backends.browser import refuse_in_browser
from ..chat.modes import MODES
from ..errors import QwenError, UsageError
from ..parameters import SAMPLING, to_parameters
from . import cell_lines, tab
from .choices import FORMATS
from .context import Cells
from .first_sign import FirstSign, publish
from .front_end import updates_displays
from .interrupts import heard_once
from .traits import Text, masked_targets, masked_text, parameter_traits
from .waiting import as_one_line

# What a first %%qwen does not need, and what it needs after its first sign of life, is imported where it is needed.

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from ..batch.result import Result
    from ..client.client import QwenClient
    from ..reply import Reply
    from .nest import Nest
    from .panel_wish import PanelWish
    from .session import NotebookSession

_TIMEOUTS = (
    *("connect_timeout", "stall_timeout", "retry_timeout", "wake_timeout"),
    *("failover_timeout", "first_token_timeout"),
)
_TAKE_TIME = frozenset({"ask", "continue", "explain", "fix", "panel", "retry"})
"""The commands of which nothing would be seen for a second or two, as the first of a session."""


@magics_class
class QwenMagics(Magics):
    """Ask Qwen from a cell."""

    target = Text(
        "", masked_targets, help="Target, or targets with commas between them; '' for QWEN_TARGET or the default chain."
    ).tag(config=True)
    system = Text("", masked_text, help="System prompt for cells that do not set one.").tag(config=True)
    format = Enum(FORMATS, "markdown", help="How answers are shown.").tag(config=True)
    locals().update(parameter_traits())  # a class's body is where they become settings
    history = Bool(True, help="Whether conversations are kept in the IPython profile's folder.").tag(config=True)  # noqa: FBT003
    replay = Enum(("", *MODES), "", help="How recorded answers are used; '' for QWEN_REPLAY, or off.").tag(config=True)
    redact = Bool(False, help="Whether anything that looks like a secret is replaced in all prompts.").tag(config=True)  # noqa: FBT003
    turns = Int(None, allow_none=True, min=0, help="How many earlier turns are sent with a prompt; None for all.").tag(
        config=True
    )
    confirm_above = Int(1000, min=0, help="The most rows that --map asks without --yes.").tag(config=True)
    confirm_above_cost = Float(
        1.0, min=0.0, help="The most that --map may cost without --yes, in the currency of the prices."
    ).tag(config=True)
    connect_timeout = Float(10.0, help="Seconds to wait for a connection.").tag(config=True)
    stall_timeout = Float(120.0, help="Seconds to wait for more of an answer.").tag(config=True)
    retry_timeout = Float(60.0, help="Seconds to go on trying while a server is busy or fails.").tag(config=True)
    wake_timeout = Float(300.0, help="Seconds to wait for a Space that is waking up.").tag(config=True)
    failover_timeout = Float(
        10.0, help="Seconds to wait for a busy or sleeping target while another one is left to try."
    ).tag(config=True)
    first_token_timeout = Float(
        30.0, help="Seconds to wait for an answer to begin while another target is left to try."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell, **kwargs: Any) -> None:
        self._client: QwenClient | None = None
        self._stale = False
        self._first_sign = FirstSign()
        self.open_panel: Callable[[PanelWish], object] = lambda _wish: None
        super().__init__(shell, **kwargs)
        self._user_shell = shell
        self.cells = Cells(shell)

    @cached_property
    def session(self) -> NotebookSession:
        """The session, made with the first question or command."""
        from .nest import Nest  # noqa: PLC0415
        from .session import NotebookSession  # noqa: PLC0415

        self.nest: Nest = Nest()
        session = NotebookSession(self, self._user_shell, self.nest, self.cells, self._first_sign)
        session.open_panel = self.open_panel
        return session

    @property
    def _begun(self) -> bool:
        return "session" in vars(self)

    @property
    def client(self) -> QwenClient:
        """The client of this session; a new one after a change of the target or a timeout."""
        if self._client is None or self._stale:
            from ..batch.client import QwenClient  # noqa: PLC0415 - loading the extension stays light

            client = QwenClient(self.target or None, **{name: getattr(self, name) for name in _TIMEOUTS})
            if self._client:
                client.inherit(self._client)
            self._client, self._stale = client, False
        return self._client

    def sampling(self) -> dict[str, Any]:
        """Return the sampling parameters that are settings, by their names; None is not set."""
        return {name: getattr(self, name) for name in SAMPLING}

    @property
    def last_reply(self) -> Reply | None:
        """The last answer, or None."""
        return self.session.last_reply if self._begun else None

    @observe("target", *_TIMEOUTS)
    def _renew_client(self, _change: object) -> None:
        self._stale = True
        if self._client:  # an answer that streams goes on at its own target
            from ..loop import background_loop  # noqa: PLC0415 - loading the extension stays light

            background_loop().run(self._client.retire())

    def close(self) -> None:
        """Close the session's client."""
        if self._client:
            self._client.close()

    def update_config(self, config: Config) -> None:
        """Take the settings of a ``%config`` line; a wrong one is refused.

        Raises:
            UsageError: the setting cannot have that value.

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
            raise UsageError(str(error), hint="The setting is unchanged.") from None
        if name in SAMPLING:
            to_parameters({name: value})
        elif name == "target" and value:
            from ..backends.targets import parse_chain  # noqa: PLC0415

            parse_chain(value)

    @no_var_expand
    @line_cell_magic
    def qwen(self, line: str, cell: str | None = None) -> Reply | Result | None:
        """Send the cell to Qwen as a prompt, and show the answer as it arrives.

        %%qwen [-t TARGET] [-f FORM] [-o NAME] [-n] [--new|--alone|-c NAME] [--max-tokens N] ...
        The prompt, on as many lines as it takes.

        Tab completes options and their values. %qwen help lists the usual ones, %qwen help all all of them,
        %qwen help TOPIC explains a topic.

        Examples, each a cell:

            %%qwen
            system: You are a writer.
            Write a story about a cat that travels the world.

            %%qwen -n
            Write a function that tells whether a word is a palindrome.

            %%qwen --context 1
            What does this cell do?

            %qwen ask Explain lambda functions in one sentence.

        """
        try:
            with heard_once(self._user_shell, is_last=cell is not None and self.cells.are_ours):
                return self._run(line, cell)
        except KeyboardInterrupt as interrupt:  # wherever it fell: in the store, while something is drawn
            raise as_one_line(interrupt) from None

    def _run(self, line: str, cell: str | None) -> Reply | Result | None:
        if cell is not None:
            refuse_in_browser()
        takes_time = bool(cell.strip()) if cell is not None else line.strip().partition(" ")[0] in _TAKE_TIME
        if not self._begun and takes_time and updates_displays(self._user_shell):
            self._first_sign.show(publish)
        try:
            if cell is None:
                from .commands.table import run_command  # noqa: PLC0415

                return run_command(self.session, line)
            from .options import cell_options  # noqa: PLC0415

            options = cell_options(line)
            if options.rows.map is not None:
                return self.session.map(options, cell)
            self.session.ask(options, cell)
        finally:
            self._first_sign.clear(publish)
        return None  # it would be shown once more


def last_reply() -> Reply | None:
    """Return the last ``%%qwen`` answer of this session, or None."""
    magics = _loaded(get_ipython())
    return magics.last_reply if magics else None


def _loaded(shell: InteractiveShell | None) -> QwenMagics | None:
    return shell.magics_manager.registry.get("QwenMagics") if shell is not None else None


def load(shell: InteractiveShell, open_panel: Callable[[PanelWish], object]) -> None:
    """Register the magics.

    Args:
        shell: the user's shell.
        open_panel: shows the widget of ``%qwen panel``.

    Raises:
        UsageError: a setting in the IPython profile is wrong.

    """
    try:
        magics = QwenMagics(shell)
    except TraitError as error:
        raise UsageError(str(error), hint="Correct it in your IPython profile.") from None
    magics.open_panel = open_panel
    shell.register_magics(magics)
    tab.register(shell, lambda: magics.session)
    cell_lines.register(shell)
    magics.cells.watch()


def unload(shell: InteractiveShell) -> None:
    """Take the magics away and stop everything of ours."""
    magics = shell.magics_manager.registry.pop("QwenMagics", None)
    if magics is None:
        return
    tab.unregister(shell)
    cell_lines.unregister(shell)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("qwen", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    magics.close()
    magics.cells.unwatch()
    if magics._begun:  # noqa: SLF001 - of this module
        magics.session.close()
    from ..loop import background_loop  # noqa: PLC0415 - not needed before

    background_loop().close()
