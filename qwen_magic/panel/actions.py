"""What a page's actions do to the panel's chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import QwenError
from .protocol import VERSION
from .reading import RELOAD

if TYPE_CHECKING:
    from .chat import Chat
    from .protocol import ExportAction, PanelAction, ReadyAction, SetAction, TurnAction, UnqueueAction, VersionAction

    LoopAction = ReadyAction | TurnAction | VersionAction | PanelAction | UnqueueAction | SetAction | ExportAction


def perform(chat: Chat, action: LoopAction) -> None:
    """Do what a page says; on the loop.

    Args:
        chat: the panel's chat.
        action: what is to be done; one that needs nothing of the kernel's thread, where the user's variables are.

    Raises:
        QwenError: it cannot be done.

    """
    match action["action"]:
        case "ready":
            _welcome(chat, action)
        case "stop":
            chat.stop()
        case "hurry":
            chat.hurry()
        case "unqueue":
            chat.unqueue(action["index"])
        case "set":
            _set(chat, action)
        case "look":
            chat.screen.refresh()
        case "new":
            chat.new()
        case "clear":
            chat.clear()
        case "export":
            chat.export(action["view"])
        case _:
            _perform_on_turn(chat, action)


def _set(chat: Chat, action: SetAction) -> None:
    try:
        chat.set(action["name"], action["value"])
    except QwenError as error:
        chat.screen.say(str(error), "error", setting=action["name"])


def _perform_on_turn(chat: Chat, action: TurnAction | VersionAction) -> None:
    match action["action"]:
        case "continue":
            chat.continue_(action["key"])
        case "regenerate":
            chat.regenerate(action["key"])
        case "delete":
            chat.delete(action["key"])
        case "version":
            chat.switch(action["key"], action["step"])


def _welcome(chat: Chat, action: ReadyAction) -> None:
    """Give a page the transcript; one from before there were versions understands it all the same."""
    chat.screen.ready(action["view"])
    if action["version"] != VERSION:
        chat.screen.say(f"this page is older than the panel. {RELOAD}", view=action["view"])
