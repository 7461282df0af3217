"""The chat panel: an anywidget that shows a conversation, on the session's client and store."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import anywidget
from IPython.core.getipython import get_ipython
from IPython.display import display, publish_display_data
from traitlets import Dict, Int, Unicode, validate

from ..backends.browser import refuse_in_browser
from ..errors import QwenError, UsageError, in_words
from ..loop import background_loop
from ..rendering.cell_code import block_code
from ..rendering.transcripts import conversation_bundle
from ..text.bundles import mime_bundle
from ..text.fences import CodeBlock
from ..text.secrets import without_secrets
from ..text.surrogates import mended
from .actions import perform
from .app import Hidden, app_client, app_draft, app_session, check_visitors, is_served, without_choices
from .chat import Chat
from .choices import Choices
from .composer import Composer
from .dock import Dock
from .reading import read_action, refusal
from .saved import SAVED_TURNS, SavedTurns, trait_of
from .screen import first_turns
from .script import page_script, page_style
from .sessions import find_session, hub_of
from .sight import say_if_blind
from .stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ..chat.question import Draft
    from ..chat.session import ChatSession
    from ..client.client import QwenClient
    from .protocol import CodeAction, Op, ReadyAction
    from .state import Activity, PanelSettings
    from .transcript import MarkedTurn

_LEAST_HEIGHT, _GREATEST_HEIGHT = 160, 4000


class ChatPanel(anywidget.AnyWidget):
    """Chat in a notebook, on the same client, conversations and store as ``%%qwen``.

    Ask in a cell and continue in the panel, or the other way round: both show it. Answers stream in the background,
    even while a cell runs. In plain Python, without IPython's shell, the panel has its own session: use `ask`, `wait`
    and `transcript`.

    Args:
        client: the client that asks; by default the session's.
        conversation: the name of the conversation that the panel stays with; by default it follows the session's.
        target: a target, or targets with commas between them, for the panel's prompts.
        system: a system prompt for a conversation that has none.
        height: the panel's height in pixels.
        session: the session to use; by default the kernel's, or in plain Python a new one.
        app: whether it is served to others: no variables, no commands, no other conversations, the target and the
            system prompt fixed, nothing kept, and each panel alone. By default, only under Voila.

    Raises:
        TargetError: the target names nothing we know.
        UsageError: the name or the height is not allowed, or Python runs in a browser.

    """

    _esm = page_script()
    _css = page_style()

    saved = Int(0, help="How often the transcript was saved, to be shown when there is no kernel.").tag(sync=True)
    for _slot in range(SAVED_TURNS):
        locals()[trait_of(_slot)] = Dict(help="A turn of the saved transcript, or empty.").tag(sync=True)
    settings = Dict(help="The settings, and the values to choose from.").tag(sync=True)
    activity = Dict(help="Whether an answer streams, and which prompts wait.").tag(sync=True)
    height = Int(480, help="The height in pixels.").tag(sync=True)
    draft = Unicode("", help="The text in the prompt box.").tag(sync=True)
    _chat: Chat | None = None

    def __init__(
        self,
        client: QwenClient | None = None,
        conversation: str | None = None,
        target: str | None = None,
        system: str | None = None,
        height: int = 480,
        session: ChatSession | None = None,
        *,
        app: bool | None = None,
    ) -> None:
        refuse_in_browser()
        _check_height(height)
        self._client = client
        self._name = conversation or ""
        self._choices = Choices(target or "", system or "")
        self._stops: Literal["now", "later"] = "later"
        self._is_app = is_served() if app is None else app
        if self._is_app:
            owner = session or (find_session(None) if get_ipython() else None)
            self._client = client or app_client(owner)
            session = app_session(owner)
        self._own_session = session
        self._saved_turns = SavedTurns()
        self._session: ChatSession | None = None
        self._just_shown = False
        self._dock = Dock()
        self._composer = Composer(self._bound_session, self._pictures, self.show_op)
        self._stand_in_id = ""
        self._stand_in: dict[str, str] = {}
        session_now = session or find_session(None)
        first = self._saved_turns.changes(first_turns(session_now.memory, hub_of(session_now), self._name))
        super().__init__(
            height=height, saved=int(bool(first)), **{name: dict(turn) for name, turn in first.items() if turn}
        )
        self._hear_at_once()
        self.on_msg(self._hear)
        chat = self._bound()
        with contextlib.suppress(QwenError):  # the loop says it where the user looks
            self.show_settings(chat.screen.chosen())

    def __repr__(self) -> str:
        name = self.conversation
        return f"<ChatPanel {name!r}>" if name else "<ChatPanel>"

    @property
    def conversation(self) -> str:
        """The name of the conversation; "" where the next prompt begins one."""
        found = self._bound().screen.conversation
        return found.name if found else ""

    @classmethod
    def shared(cls, conversation: str = "") -> ChatPanel:
        """Return the session's panel for a conversation; a cell that is run again gets the same one.

        Args:
            conversation: the conversation's name; "" for the session's current one.

        """
        panels = hub_of(find_session(None)).panels
        found = panels.get(conversation)
        if isinstance(found, cls) and found.comm is not None:
            return found
        panels[conversation] = panel = cls(conversation=conversation or None)
        return panel

    def ask(self, prompt: str) -> None:
        """Ask a prompt, as Send does: at once, or when the answer that is streaming has ended.

        Raises:
            UsageError: nothing was asked.

        """
        draft = self._draft(prompt)
        self._do(lambda chat: chat.send(draft))

    def stop(self) -> None:
        """Stop the answer that is streaming; what had arrived is kept."""
        self._do(Chat.stop)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no answer is streaming and no prompt is waiting.

        Args:
            timeout: the longest wait in seconds.

        Raises:
            TimeoutError: it took longer.

        """
        try:
            background_loop().run(asyncio.wait_for(self._bound().idle(), timeout))
        except asyncio.TimeoutError:
            raise TimeoutError(f"the panel is still busy after {timeout:g} s") from None

    def transcript(self) -> str:
        """Return the conversation as Markdown, unchanged: it is not safe to display."""
        from ..exports import to_markdown  # noqa: PLC0415 - only where it is asked for

        screen = self._bound().screen
        conversation = screen.conversation
        return to_markdown(conversation, screen.turns, marked=False) if conversation else ""

    def save(self) -> None:
        """Show the transcript as an ordinary output, which a notebook keeps everywhere; print it in plain Python."""
        bundle = self._bundle()
        if get_ipython() is None:  # publishing would make a shell
            print(bundle["text/plain"])  # noqa: T201 - the output
        else:
            publish_display_data(bundle)  # type: ignore[no-untyped-call]

    def show(self, *, lasting: bool = True, side: bool = False) -> None:
        """Show the panel, as a cell's output or beside the notebook.

        Args:
            lasting: whether the transcript is shown below it when the notebook is opened without a kernel.
            side: whether to open it beside the notebook; if that is not possible, a note says how to do it by hand.

        """
        self._just_shown = True
        if side and self._dock.show(self):
            return
        lasting = lasting and not self._is_app
        if lasting:
            self._stand_in_id = self._stand_in_id or uuid.uuid4().hex
        display(self)  # type: ignore[no-untyped-call]
        if lasting:
            self._stand_in = {}
            self._renew_stand_in(update=False)

    def close(self) -> None:
        """Close the widget; an answer that is streaming continues, and is kept."""
        if "_composer" in vars(self):  # a panel that was refused has none, and is closed when it is let go
            chat, self._chat = self._chat, None
            loop = background_loop()
            if chat and loop.running:
                loop.loop().call_soon_threadsafe(chat.screen.close)
            self._composer.close()
        super().close()

    # What the chat shows: called on the loop.

    def show_op(self, op: Op) -> None:
        """Tell all pages; visitors' pages, nothing that is the owner's."""
        self.send(Hidden(self._bound().client.targets).op(op) if self._is_app else op)

    def keep(self, turns: list[MarkedTurn]) -> None:
        """Keep the transcript for a time without a kernel; what changed of it is sent."""
        if self._is_app:
            return
        if changes := self._saved_turns.changes(turns):
            with self.hold_sync():
                for name, value in changes.items():
                    self.set_trait(name, dict(value or {}))
                self.saved += 1
        if self._stand_in_id:
            self._renew_stand_in(update=True)

    def show_settings(self, settings: PanelSettings) -> None:
        """Show what can be chosen and is."""
        self.settings = dict(without_choices(settings) if self._is_app else settings)

    def show_activity(self, *, streaming: bool, queue: list[str]) -> None:
        """Show what goes on."""
        activity: Activity = {"streaming": streaming, "queue": queue, "stop": self._stops}
        self.activity = dict(activity)

    def _renew_stand_in(self, *, update: bool) -> None:
        screen = self._bound().screen
        bundle = stand_in(screen.conversation, screen.turns)
        if bundle != self._stand_in:
            self._stand_in = bundle
            publish_display_data(  # type: ignore[no-untyped-call]
                bundle, metadata={}, transient={"display_id": self._stand_in_id}, update=update
            )

    def _bound(self) -> Chat:
        """Return the chat, on the session that is loaded: after a reload of the extension it is another one.

        Raises:
            UsageError: the extension was unloaded.

        """
        session = self._own_session or find_session(self._session)
        if self._chat is None or session is not self._session:
            chat = Chat(session, hub_of(session), self, self._choices, name=self._name, client=self._client)
            self._chat, self._session = chat, session
            background_loop().loop().call_soon_threadsafe(chat.screen.open)
        return self._chat

    def _do(self, function: Callable[[Chat], None]) -> None:
        """Let the chat do something, on the loop; what goes wrong is shown in the panel."""
        chat = self._bound()

        def do() -> None:
            try:
                function(chat)
            except Exception as error:  # noqa: BLE001 - a fault of ours too is told where the user looks
                chat.screen.say(in_words(error), "error")

        background_loop().loop().call_soon_threadsafe(do)

    def _draft(self, text: str) -> Draft:
        """Fill the user's variables into a prompt; in the thread that is told, for they are its."""
        return app_draft(mended(text)) if self._is_app else self._composer.draft(mended(text))

    def _pictures(self) -> AbstractContextManager[None]:
        """Make pictures for who is to be asked; what a page has chosen is set on the loop, which is waited for."""
        background_loop().run(asyncio.sleep(0))
        return self._choices.pictures_for(self._bound_session(), self._bound().client)

    def _bound_session(self) -> ChatSession:
        self._bound()
        assert self._session is not None  # noqa: S101 - just bound
        return self._session

    def _hear(self, _widget: object, content: object, _buffers: object) -> None:
        """Do what a page says; in the kernel's main thread, or a subshell's while a cell runs."""
        try:
            self._note_way()
            action = read_action(content)
            if self._is_app:
                check_visitors(action)
            match action["action"]:
                case "send":
                    sent = self._composer.taken(self._draft(action["text"]))
                    self._do(lambda chat: chat.send(sent))
                case "edit":
                    key, draft = action["key"], self._draft(action["text"])
                    self._do(lambda chat: chat.edit(key, draft))
                case "code":
                    self._pick(action)
                case "attach" | "refer" | "detach" | "complete":
                    if self._composer.perform(action, self.settings.get("models", [])):
                        self._look_for_sight()
                case "ready":
                    self._welcome(action)
                case _:
                    self._do(partial(perform, action=action))
        except QwenError as error:
            self.show_op(refusal(error, content))

    def _welcome(self, action: ReadyAction) -> None:
        """Give a new page the transcript, and what goes along with the next prompt."""
        self._do(partial(perform, action=action))
        self._do(lambda _chat: self._composer.open())
        if self._just_shown:
            self._just_shown = False
            self._do(lambda _chat: self.show_op({"op": "focus", "view": action["view"]}))

    def _look_for_sight(self) -> None:
        """Let it be said where nobody who would be asked sees pictures."""
        hub = hub_of(self._bound_session())
        self._do(lambda chat: hub.run(say_if_blind(chat.client, self._choices, chat.screen)))

    def _pick(self, action: CodeAction) -> None:
        """Keep a code block for ``%qwen code``; no message of a page can write a cell."""
        block = CodeBlock(action["language"], action["text"].rstrip("\n"), closed=True)
        self._bound_session().picked = block_code(block)
        text = "Run %qwen code in a cell: it puts this block into the next cell, and does not run it."
        self._do(lambda chat: chat.picked(text))

    @validate("height")
    def _good_height(self, proposal: dict[str, Any]) -> int:
        _check_height(proposal["value"])
        return int(proposal["value"])

    @validate("draft")
    def _kept_draft(self, proposal: dict[str, Any]) -> str:
        """Keep no key in the state, which a notebook saves; a page's composer is left as it is."""
        return without_secrets(proposal["value"])

    def _hear_at_once(self) -> None:
        """Let messages come over the subshell that a front end chose, also while a cell runs.

        ipykernel 7.4 sends a comm's messages where the kernel wrote to it last, which is the main shell.
        """
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001 - no public way

    def _note_way(self) -> None:
        """Note whether messages come over a subshell, so that the page can say when Stop acts."""
        get_parent = getattr(get_ipython(), "get_parent", None)
        header = (get_parent() if get_parent else {}).get("header", {})
        stops: Literal["now", "later"] = "now" if header.get("subshell_id") else "later"
        if stops != self._stops:
            self._stops = stops
            self.activity = {**self.activity, "stop": stops}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        if self._stand_in_id:  # it says all that is to be said without a widget
            return {**data, **mime_bundle("", "")}, metadata
        note = "The chat panel needs a front end that shows widgets."
        shown = {kind: f"{text}\n\n{note}" if text.strip() else note for kind, text in self._bundle().items()}
        return {**data, **shown}, metadata

    def _bundle(self) -> dict[str, str]:
        screen = self._bound().screen
        conversation = screen.conversation
        return conversation_bundle(conversation, screen.turns) if conversation else mime_bundle("", "")


def _check_height(height: int) -> None:
    if not isinstance(height, int) or not _LEAST_HEIGHT <= height <= _GREATEST_HEIGHT:
        raise UsageError(f"height is {height!r}", hint=f"Give pixels, from {_LEAST_HEIGHT} to {_GREATEST_HEIGHT}.")
