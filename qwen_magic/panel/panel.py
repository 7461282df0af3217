"""The chat panel: an anywidget that shows a conversation, on the session's client and store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data
from traitlets import Dict, Int, List, Unicode

from ..chat.session import ChatSession
from ..errors import QwenError, UsageError
from ..loop import background_loop
from ..rendering.cell_code import block_code
from ..rendering.transcripts import as_bundle
from ..text.fences import CodeBlock
from ..text.surrogates import mended
from .chat import Chat
from .choices import Choices
from .hub import Hub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..chat.question import Draft
    from ..client.client import QwenClient
    from .transcript import Op, PageTurn

_HERE = Path(__file__).parent
_LEAST_HEIGHT, _GREATEST_HEIGHT = 160, 4000


class ChatPanel(anywidget.AnyWidget):
    """Chat in a notebook, on the same client, conversations and store as ``%%qwen``.

    Ask in a cell and go on in the panel, or the other way round: both show it. Answers stream in the background, also
    while a cell runs.

    Args:
        client: a client of one's own; without one the session's.
        conversation: the name of the conversation that the panel stays with; without one it goes with the session's.
        target: a target, or targets with commas between them, for the panel's prompts.
        system: a system prompt where the conversation has none.
        height: the panel's height in pixels.

    Raises:
        TargetError: the target names nothing we know.
        UsageError: the name is none for a conversation, or the height none for a panel.

    """

    _esm = _HERE / "panel.js"
    _css = _HERE / "panel.css"

    turns = List(Dict(), help="The transcript, for a time without a kernel.").tag(sync=True)
    settings = Dict(help="What can be chosen, and is.").tag(sync=True)
    activity = Dict(help="What goes on.").tag(sync=True)
    height = Int(480, help="Pixels.").tag(sync=True)
    draft = Unicode("", help="What stands in the composer.").tag(sync=True)
    _chat: Chat | None = None

    def __init__(
        self,
        client: QwenClient | None = None,
        conversation: str | None = None,
        target: str | None = None,
        system: str | None = None,
        height: int = 480,
    ) -> None:
        if not isinstance(height, int) or not _LEAST_HEIGHT <= height <= _GREATEST_HEIGHT:
            raise UsageError(f"height is {height!r}", hint=f"Give pixels, from {_LEAST_HEIGHT} to {_GREATEST_HEIGHT}.")
        self._client = client
        self._name = conversation or ""
        self._choices = Choices(target or "", system or "")
        self._stops = "later"
        self._session: ChatSession | None = None
        super().__init__(height=height)
        self._hear_at_once()
        self.on_msg(self._hear)
        self._bound()

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
        """Return the session's one panel for a conversation: a cell that is run again shows it again.

        Args:
            conversation: the conversation's name; "" for the session's current one.

        """
        hub = _find_session(None).audience
        panels = hub.panels if isinstance(hub, Hub) else {}
        found = panels.get(conversation)
        if isinstance(found, cls) and found.comm is not None:
            return found
        panel = cls(conversation=conversation or None)
        hub = _find_session(None).audience
        if isinstance(hub, Hub):
            hub.panels[conversation] = panel
        return panel

    def ask(self, prompt: str) -> None:
        """Do what Send does: ask, at once or when the answer that streams is over.

        Raises:
            UsageError: nothing was asked.

        """
        draft = self._draft(prompt)
        self._do(lambda chat: chat.send(draft))

    def stop(self) -> None:
        """Stop the answer that streams; what had come is kept."""
        self._do(Chat.stop)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing streams or waits to be sent.

        Args:
            timeout: the longest wait in seconds.

        Raises:
            TimeoutError: it took longer.

        """
        background_loop().run(_in_time(self._bound(), timeout))

    def transcript(self) -> str:
        """Return the conversation as Markdown, as it was written: not safe to be shown as it is."""
        from ..exports import to_markdown  # noqa: PLC0415 - only where it is asked for

        screen = self._bound().screen
        conversation = screen.conversation
        return to_markdown(conversation, screen.turns, marked=False) if conversation else ""

    def save(self) -> None:
        """Show the transcript as an ordinary output, which a notebook keeps everywhere."""
        publish_display_data(as_bundle(self.transcript()))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the widget; what streams goes on and is kept."""
        chat, self._chat = self._chat, None
        loop = background_loop()
        if chat and loop.running:
            loop.loop().call_soon_threadsafe(chat.screen.close)
        super().close()

    # What the chat shows: called on the loop.

    def show_op(self, op: Op) -> None:
        """Tell all pages."""
        self.send(op)

    def keep(self, turns: list[PageTurn]) -> None:
        """Keep the transcript for a time without a kernel."""
        self.turns = list(map(dict, turns))

    def show_settings(self, settings: dict[str, Any]) -> None:
        """Show what can be chosen and is."""
        self.settings = settings

    def show_activity(self, *, streaming: bool, queue: list[str]) -> None:
        """Show what goes on."""
        self.activity = {"streaming": streaming, "queue": queue, "stop": self._stops}

    def _bound(self) -> Chat:
        """Return the chat, on the session that is loaded: after a reload of the extension it is another one.

        Raises:
            UsageError: the extension was unloaded.

        """
        session = _find_session(self._session)
        if self._chat is None or session is not self._session:
            hub = session.audience if isinstance(session.audience, Hub) else Hub()
            session.audience = hub
            chat = Chat(session, hub, self, self._choices, name=self._name, client=self._client)
            self._chat, self._session = chat, session
            background_loop().loop().call_soon_threadsafe(chat.screen.open)
        return self._chat

    def _do(self, function: Callable[[Chat], None]) -> None:
        """Let the chat do something, on the loop; what goes wrong is shown in the panel."""
        chat = self._bound()

        def do() -> None:
            try:
                function(chat)
            except QwenError as error:
                chat.screen.say(str(error), "error")
            except Exception as error:  # noqa: BLE001 - a fault of ours is told where the user looks
                chat.screen.say(f"{type(error).__name__}: {error}", "error")

        background_loop().loop().call_soon_threadsafe(do)

    def _draft(self, text: str) -> Draft:
        """Fill the user's variables into a prompt; in the thread that is told, for they are its."""
        return self._bound_session().draft(mended(text))

    def _bound_session(self) -> ChatSession:
        self._bound()
        assert self._session is not None  # noqa: S101 - just bound
        return self._session

    def _hear(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        """Do what a page says; in the kernel's main thread, or a subshell's while a cell runs."""
        try:
            self._note_way()
            action = _ACTIONS.get(str(content.get("action")))
            if action is None:
                raise UsageError(f"no action {content.get('action')!r}", hint="Load the page again.")
            action(self, content)
        except QwenError as error:
            self.send({"op": "say", "text": str(error), "kind": "error"})

    def _pick(self, content: Mapping[str, Any]) -> None:
        """Keep a code block for ``%qwen code``; no message of a page can write a cell."""
        block = CodeBlock(str(content.get("language", "")), str(content.get("text", "")).rstrip("\n"), closed=True)
        self._bound_session().picked = block_code(block)
        text = "Run %qwen code in a cell: the next cell is this block then. It is not run."
        self.send({"op": "say", "text": text, "kind": "info"})

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
        stops = "now" if header.get("subshell_id") else "later"
        if stops != self._stops:
            self._stops = stops
            self.activity = {**self.activity, "stop": stops}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        text = self.transcript()
        note = "The chat panel needs a front end that shows widgets."
        return {**data, **as_bundle(f"{text}\n\n{note}" if text else note)}, metadata


def _find_session(bound: ChatSession | None) -> ChatSession:
    """Return the session of this kernel; the extension is loaded where it was not yet.

    Args:
        bound: the session that was found before, or None. Without IPython there is no other.

    Raises:
        UsageError: the extension was loaded before, and is not any more.

    """
    shell = get_ipython()
    if shell is None:
        return bound or ChatSession()
    if (magics := shell.magics_manager.registry.get("QwenMagics")) is None:
        if bound:
            raise UsageError("the extension was unloaded", hint="Load it again: %load_ext qwen_magic")
        # By its name: this front end knows no other.
        shell.run_line_magic("load_ext", "qwen_magic")
        magics = shell.magics_manager.registry["QwenMagics"]
    session: ChatSession = magics.session.chat
    return session


async def _in_time(chat: Chat, timeout: float | None) -> None:
    try:
        await asyncio.wait_for(chat.idle(), timeout)
    except asyncio.TimeoutError:
        raise TimeoutError(f"the panel is still busy after {timeout:g} s") from None


def _key(content: Mapping[str, Any]) -> str:
    return str(content.get("key", ""))


def _whole(content: Mapping[str, Any], name: str) -> int:
    value = content.get(name)
    if not isinstance(value, int):
        raise UsageError(f"{name} is {value!r}, no number", hint="Load the page again.")
    return value


def _send(panel: ChatPanel, content: Mapping[str, Any]) -> None:
    panel.ask(str(content.get("text", "")))


def _edit(panel: ChatPanel, content: Mapping[str, Any]) -> None:
    draft = panel._draft(str(content.get("text", "")))  # noqa: SLF001 - of this module
    panel._do(lambda chat: chat.edit(_key(content), draft))  # noqa: SLF001


def _on_loop(function: Callable[[Chat, Mapping[str, Any]], None]) -> Callable[[ChatPanel, Mapping[str, Any]], None]:
    return lambda panel, content: panel._do(lambda chat: function(chat, content))  # noqa: SLF001 - of this module


_ACTIONS: dict[str, Callable[[ChatPanel, Mapping[str, Any]], None]] = {
    "send": _send,
    "edit": _edit,
    "code": ChatPanel._pick,  # noqa: SLF001
    "ready": _on_loop(lambda chat, content: chat.screen.ready(str(content.get("view", "")))),
    "stop": _on_loop(lambda chat, _: chat.stop()),
    "hurry": _on_loop(lambda chat, _: chat.hurry()),
    "unqueue": _on_loop(lambda chat, content: chat.unqueue(_whole(content, "index"))),
    "continue": _on_loop(lambda chat, content: chat.resume(_key(content))),
    "regenerate": _on_loop(lambda chat, content: chat.regenerate(_key(content))),
    "version": _on_loop(lambda chat, content: chat.step(_key(content), _whole(content, "step"))),
    "delete": _on_loop(lambda chat, content: chat.delete(_key(content))),
    "set": _on_loop(lambda chat, content: chat.set(str(content.get("name", "")), content.get("value"))),
    "new": _on_loop(lambda chat, _: chat.new()),
    "clear": _on_loop(lambda chat, _: chat.clear()),
    "export": _on_loop(lambda chat, content: chat.export(str(content.get("view", "")))),
}
"""What a page can ask for."""
