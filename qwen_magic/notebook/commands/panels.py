"""``%qwen panel``: the chat in a widget, and what was said in it as an ordinary output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...chat.conversations import named
from ...errors import UsageError
from ..options import read_words
from .command import Command, say

if TYPE_CHECKING:
    from ..session import NotebookSession


def _panel(session: NotebookSession, rest: str) -> None:
    words = read_words(rest)
    name = " ".join(word for word in words if word != "--save")
    memory = session.memory
    conversation = named(memory.store, name) if name else memory.used if memory.exists else None
    if "--save" in words:
        if conversation is None:
            raise UsageError("there is no conversation yet", hint="Ask something, or name one: %qwen conversations.")
        from ..transcripts import show_conversation  # noqa: PLC0415 - only where it is asked for

        show_conversation(conversation, memory.store.turns(conversation.id))
    elif getattr(session.shell, "kernel", None) is None:
        from ...exports import to_markdown  # noqa: PLC0415 - only where it is asked for

        say("A panel needs a notebook; here a conversation is shown as text.")
        if conversation:
            say(to_markdown(conversation, memory.store.turns(conversation.id), marked=False))
    else:
        from IPython.display import display  # noqa: PLC0415 - only in a session

        display(session.open_panel(name))  # type: ignore[no-untyped-call]


COMMANDS = (Command("panel", "[NAME] [--save]", "chat in a panel; --save: the chat as an output that stays", _panel),)
