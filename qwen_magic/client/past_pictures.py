"""Pictures that are left out of what is sent: a word stands in the place of each, so that the rest makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import Image, Message, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def count_pictures(messages: Sequence[Message]) -> int:
    """Count the pictures in messages."""
    seen = [message for message in messages if Image in message.kinds]
    return sum(isinstance(part, Image) for message in seen for part in message.parts)


def without_pictures(message: Message, leave: Callable[[Image], bool] = lambda _: True) -> Message:
    """Return a message with a word in the place of each picture that is left out.

    Args:
        message: the message.
        leave: tells which are left out; without it all.

    """
    if Image not in message.kinds or not any(isinstance(part, Image) and leave(part) for part in message.parts):
        return message
    parts = [
        Text(f"[a picture{f', {part.name}' if part.name else ''}, left out]")
        if isinstance(part, Image) and leave(part)
        else part
        for part in message.parts
    ]
    return Message(message.role, parts=parts)


def last_prompt(messages: Sequence[Message]) -> int:
    """Return the place of the newest prompt: the last message of the user's, or the last of all."""
    last = len(messages) - 1
    return next((place for place in range(last, -1, -1) if messages[place].role == "user"), max(0, last))


def pictures_were(number: int) -> str:
    """Write how many pictures, for a sentence that goes on with "were" or "was"."""
    return "a picture was" if number == 1 else f"{number} pictures were"
