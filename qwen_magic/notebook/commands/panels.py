"""``%qwen panel``: the chat in a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...backends.browser import refuse_in_browser
from ...chat.conversations import named
from ...errors import UsageError
from ..front_end import updates_displays
from ..options import read_words
from ..panel_wish import PanelWish
from .command import Command, say
from .conversations import show_whole

if TYPE_CHECKING:
    from ..session import NotebookSession


def _panel(session: NotebookSession, rest: str) -> None:
    name, options = _options(read_words(rest))
    if "--save" in options:
        show_whole(session, name)
        return
    refuse_in_browser()
    memory = session.memory
    conversation = named(memory.store, name) if name else memory.used if memory.exists else None
    if getattr(session.shell, "kernel", None) is None:
        from ...rendering.transcripts import conversation_text  # noqa: PLC0415 - only where it is asked for

        say("A panel needs a notebook; here the conversation is shown as text.")
        if conversation:
            say(conversation_text(conversation, memory.store.turns(conversation.id)))
        return
    lasting = updates_displays(session.shell)
    height = _pixels(options["--height"]) if "--height" in options else None
    session.open_panel(PanelWish(name, lasting, side="--side" in options, height=height))


def _options(words: list[str]) -> tuple[str, dict[str, str]]:
    """Part the name from the options; ``--height`` has a value, as ``--height 600`` or ``--height=600``."""
    name, options = [], dict[str, str]()
    words = list(words)
    while words:
        word, _, value = words.pop(0).partition("=")
        if word in ("--save", "--side"):
            options[word] = "yes"
        elif word == "--height":
            options[word] = value or (words.pop(0) if words else "")
        elif word.startswith("--"):
            raise UsageError(
                f"%qwen panel has no option {word}", hint="Its options are --side and --height N, in pixels."
            )
        else:
            name.append(f"{word}={value}" if value else word)
    return " ".join(name), options


def _pixels(text: str) -> int:
    if not text.removesuffix("px").isdecimal():
        raise UsageError(f"the height {text!r} is not a number of pixels", hint="Write %qwen panel --height 600")
    return int(text.removesuffix("px"))


COMMANDS = (
    Command(
        "panel",
        "[NAME] [--side] [--height N]",
        "open a chat panel, in this conversation or another",
        _panel,
        level="usual",
        topic="panel",
        completes=("conversation",),
        earlier={"--save": "conversation show --full"},
    ),
)
