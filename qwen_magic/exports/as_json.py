"""A conversation as JSON, and any list of messages in the form of OpenAI's chat API as a conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..message_json import from_base64, to_base64
from ..messages import to_message
from ..store.rows import Turn
from ..text.terminal import printable_json
from .plain import FORMAT, HINT, ImportedConversation, conversation_from, heading_values, name_from, parse, turn_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..message_json import Fetch, Keep
    from ..messages import Message
    from ..store.rows import Conversation


def to_json(
    conversation: Conversation,
    turns: Sequence[Turn],
    keep: Keep = to_base64,
    more: Mapping[str, str] | None = None,
) -> str:
    """Write a conversation as JSON, with everything that is kept of it.

    Args:
        conversation: the conversation.
        turns: its turns.
        keep: keeps the bytes of images and files; without it they stand in the text, as base64.
        more: what else is to be told.

    Returns:
        The text of the file.

    """
    told = {**heading_values(conversation, turns), **(more or {}), "turns": [turn_values(turn, keep) for turn in turns]}
    return printable_json(json.dumps(told, ensure_ascii=False, indent=2)) + "\n"


def from_json(text: str, fetch: Fetch = from_base64) -> ImportedConversation:
    """Read a conversation from JSON.

    Args:
        text: what `to_json` wrote, a list of messages in the form of OpenAI's chat API, or an object with such a list
            as its "messages".
        fetch: gives the bytes of images and files, for what `to_json` kept of them.

    Returns:
        The conversation; its name is "" where there is none.

    Raises:
        UsageError: the text is none of these.

    """
    value = parse(text)
    if isinstance(value, dict) and value.get("format") == FORMAT:
        turns = value.get("turns")
        if not isinstance(turns, list):
            raise UsageError("the JSON has no list of turns", hint="Export it again.")
        return conversation_from(value, turns, fetch)
    told = value if isinstance(value, dict) else {"messages": value}
    messages = told.get("messages")
    if not isinstance(messages, list):
        raise UsageError("the JSON is not a conversation", hint=HINT)
    return _from_messages(messages, told.get("name") or told.get("title"))


def _from_messages(messages: Sequence[object], name: object) -> ImportedConversation:
    """Make turns of messages: a prompt with what was said until the next prompt."""
    systems: list[str] = []
    turns: list[tuple[Message, list[Message]]] = []
    for number, item in enumerate(messages, 1):
        message = to_message(item, number)
        if message.role == "system":
            systems.append(message.text)
        elif message.role == "user":
            turns.append((message, []))
        elif not turns:
            raise UsageError("there is an answer before the first prompt", hint="Begin with a user's message.")
        else:
            turns[-1][1].append(message)
    system = "\n\n".join(text for text in systems if text.strip())
    return ImportedConversation(name_from(name), system, tuple(_turn(*turn, system) for turn in turns))


def _turn(prompt: Message, said: Sequence[Message], system: str) -> Turn:
    parts = () if isinstance(prompt.content, str) else prompt.parts
    plain = all(isinstance(message.content, str) for message in said)
    if plain:
        answer = "\n\n".join(message.text for message in said)
    else:
        answer = said[-1].text if said[-1].role == "assistant" else ""
    done = answer or (not plain and said[-1].role == "assistant" and not said[-1].tool_calls)
    return Turn(
        prompt.text,
        answer,
        system=system,
        finish_reason="stop" if done else "interrupted",
        parts=parts,
        steps=() if plain else tuple(said),
    )
