"""Messages and parts as plain JSON values, and back, with nothing lost: the form in which they are kept.

The bytes of images and files are kept by whoever calls: a function that is handed in takes them and gives a text that
stands for them, another gives them back for that text. So a database can keep them apart, by their hash, and a text
file within its JSON, as base64. Half of a surrogate pair stays in a text as it is: who writes UTF-8 mends it.
What is sent to a server is in another form: see `Message.as_dict`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .messages import Message
from .parts import File, Image, Text, ToolCall, ToolResult, shortened

if TYPE_CHECKING:
    from .parts import Part

Keep = Callable[[bytes], str]
"""Keeps bytes, and gives the text that stands for them."""
Fetch = Callable[[str], bytes]
"""Gives the bytes that a text stands for; raises a UsageError where it stands for none."""

_NAMES: dict[type[Part], str] = {
    Text: "text",
    Image: "image",
    File: "file",
    ToolCall: "tool_call",
    ToolResult: "tool_result",
}
_TYPES = {name: kind for kind, name in _NAMES.items()}
_HINT = "It is damaged, or was written by a newer qwen_magic."


def messages_to_json(messages: Sequence[Message], keep: Keep) -> list[dict[str, Any]]:
    """Write messages as JSON values.

    Args:
        messages: the messages.
        keep: keeps the bytes of images and files.

    Returns:
        For each its role and its parts.

    """
    return [{"role": message.role, "parts": parts_to_json(message.parts, keep)} for message in messages]


def messages_from_json(value: object, fetch: Fetch) -> tuple[Message, ...]:
    """Read messages from what `messages_to_json` returned.

    Args:
        value: the JSON value.
        fetch: gives the bytes of images and files.

    Raises:
        UsageError: it is something else.

    """
    return tuple(_message(item, fetch) for item in _items(value))


def parts_to_json(parts: Sequence[Part], keep: Keep) -> list[dict[str, Any]]:
    """Write parts as JSON values.

    Args:
        parts: the parts.
        keep: keeps the bytes of images and files.

    Returns:
        For each its type, and those of its fields that say something.

    """
    return [_part_to_json(part, keep) for part in parts]


def parts_from_json(value: object, fetch: Fetch) -> tuple[Part, ...]:
    """Read parts from what `parts_to_json` returned.

    Args:
        value: the JSON value.
        fetch: gives the bytes of images and files.

    Raises:
        UsageError: it is something else.

    """
    return tuple(_part(item, fetch) for item in _items(value))


def to_base64(data: bytes) -> str:
    """Write bytes as a text that stands for itself."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Read bytes from what `to_base64` returned.

    Raises:
        UsageError: it is something else.

    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("the bytes of a part are not base64", hint=_HINT) from None


def _part_to_json(part: Part, keep: Keep) -> dict[str, Any]:
    told: dict[str, Any] = {"type": _NAMES[type(part)]}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.default is MISSING or value != field.default:
            told[field.name] = keep(value) if isinstance(value, bytes) else value
    return told


def _part(item: object, fetch: Fetch) -> Part:
    kind = _TYPES.get(name) if isinstance(item, Mapping) and isinstance(name := item.get("type"), str) else None
    if not isinstance(item, Mapping) or kind is None:
        raise UsageError("a part is of an unknown type", hint=_HINT)
    known = {field.name: field for field in fields(kind)}
    values = {name: value for name, value in item.items() if name != "type"}
    if unknown := [name for name in values if name not in known]:
        raise UsageError(f"a part has the unknown field {shortened(unknown[0])}", hint=_HINT)
    if missing := [name for name, field in known.items() if field.default is MISSING and name not in values]:
        raise UsageError(f"a part has no {missing[0]}", hint=_HINT)
    if "data" in values:
        if not isinstance(values["data"], str):
            raise UsageError("the bytes of a part are not a text", hint=_HINT)
        values["data"] = fetch(values["data"])
    return kind(**values)


def _message(item: object, fetch: Fetch) -> Message:
    if not isinstance(item, Mapping) or item.keys() != {"role", "parts"}:
        raise UsageError("a message has more or less than a role and parts", hint=_HINT)
    return Message(item["role"], parts=parts_from_json(item["parts"], fetch))


def _items(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError("messages or parts are not a list", hint=_HINT)
    return value
