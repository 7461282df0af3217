"""``%qwen panel``: the chat in a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...chat.conversations import named
from ..front_end import updates_displays
from ..options import read_words
from .command import Command, say
from .conversations import show_whole

if TYPE_CHECKING:
    from ..session import NotebookSession


def _panel(session: NotebookSession, rest: str) -> None:
    words = read_words(rest)
    name = " ".join(word for word in words if word != "--save")
    if "--save" in words:
        show_whole(session, name)
        return
    memory = session.memory
    conversation = named(memory.store, name) if name else memory.used if memory.exists else None
    if getattr(session.shell, "kernel", None) is None:
        from ...exports import to_markdown  # noqa: PLC0415 - only where it is asked for

        say("A panel needs a notebook; here a conversation is shown as text.")
        if conversation:
            say(to_markdown(conversation, memory.store.turns(conversation.id), marked=False))
    else:
        session.open_panel(name, updates_displays(session.shell))


COMMANDS = (
    Command(
        "panel",
        "[NAME]",
        "chat in a panel, in this conversation or another",
        _panel,
        level="usual",
        topic="panel",
        completes=("conversation",),
        earlier={"--save": "conversation show --full"},
    ),
)
