"""What a page's actions do to the panel's chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import QwenError
from .protocol import VERSION
from .reading import RELOAD

if TYPE_CHECKING:
    from .chat import Chat
    from .conversations import Conversations
    from .listing import FindAction, PinAction, RemoveAction, RenameAction
    from .protocol import ExportAction, PanelAction, ReadyAction, SetAction, TurnAction, UnqueueAction, VersionAction

    ListAction = ExportAction | FindAction | RenameAction | PinAction | RemoveAction
    LoopAction = ReadyAction | TurnAction | VersionAction | PanelAction | UnqueueAction | SetAction | ListAction


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
        case "unqueue":
            chat.unqueue(action["index"])
        case "set":
            _set(chat, action)
        case "stop" | "hurry" | "new" | "clear" | "look" | "models":
            _perform_on_panel(chat, action)
        case "export" | "find" | "rename" | "pin" | "remove":
            _perform_on_list(chat.conversations, action)
        case _:
            _perform_on_turn(chat, action)


def _perform_on_panel(chat: Chat, action: PanelAction) -> None:
    match action["action"]:
        case "stop":
            chat.stop()
        case "hurry":
            chat.hurry()
        case "new":
            chat.new()
        case "clear":
            chat.clear()
        case "look":
            chat.screen.refresh()
        case "models":
            chat.learn_models()


def _set(chat: Chat, action: SetAction) -> None:
    try:
        chat.set(action["name"], action["value"])
    except QwenError as error:
        chat.screen.say(str(error), "error", setting=action["name"])


def _perform_on_list(conversations: Conversations, action: ListAction) -> None:
    match action["action"]:
        case "export":
            conversations.export(action["view"])
        case "find":
            conversations.find(action["view"], action["words"])
        case "rename":
            conversations.rename(action["conversation"], action["name"])
        case "pin":
            conversations.pin(action["conversation"], pinned=action["pinned"])
        case "remove":
            conversations.delete(action["conversation"])


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
