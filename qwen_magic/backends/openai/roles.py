"""Chat templates that take user and assistant in turn, and nothing else: what they say, and messages that they take."""

from __future__ import annotations

import re
from typing import Any

_NO = r"not|n['o]t|unsupported|incompatible|invalid|unknown|unexpected|unrecogni[sz]ed|cannot"
_REFUSED = re.compile(
    rf"\b(?:system|developer) (?:role|message|prompt|instruction)s?\W+(?:\w+\W+){{0,4}}?(?:{_NO})\b"
    rf"|(?:{_NO})\b.{{0,60}}?(?:['\"`:] ?(?:system|developer)\b|\b(?:system|developer) (?:role|message|prompt|instr))"
    r"|\bonly\b.{0,60}\b(?:user\b.{0,30}\bassistant|assistant\b.{0,30}\buser)\b"
    r"|should be ['\"]?user['\"]? or ['\"]?assistant"
    r"|\balternat(?:e|es|ed|ing|ion)\b"
    r"|consecutive \W?(?:user|assistant|message)|roles?\b.{0,20} in a row|same role"
    r"|(?:start|begin)s? with (?:an? |the )?\W?user\b|first (?:message|turn|role)\b.{0,40}\buser\b",
    re.IGNORECASE,
)
_KEPT_APART = {"tool_calls", "tool_call_id"}


def refuses_roles(said: str) -> bool:
    """Tell whether a server's words mean that it does not take the messages' roles, or their order."""
    return bool(_REFUSED.search(said))


def in_turns(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Put the system text in front of the first prompt, and join neighbours of one role.

    Args:
        messages: messages in OpenAI's form.

    Returns:
        The messages, and what was changed in them for the user to know; "" where nothing is to be changed.

    """
    systems = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    if systems:
        if not rest or rest[0]["role"] != "user":
            rest.insert(0, {"role": "user", "content": ""})
        rest[0] = {**rest[0], "content": _both([*systems, rest[0]["content"]])}
    found: list[dict[str, Any]] = []
    for message in rest:
        before = found[-1] if found else {}
        if before.get("role") == message["role"] and not (before.keys() | message.keys()) & _KEPT_APART:
            found[-1] = {**before, **message, "content": _both([before["content"], message["content"]])}
        else:
            found.append(message)
    changes = ["the system prompt was put in front of the first question"] if systems else []
    changes += ["messages of the same role in a row were joined"] if len(found) < len(rest) else []
    return found, f"it only takes user and assistant messages in turn: {', '.join(changes)}" if changes else ""


def _both(contents: list[Any]) -> Any:
    """Join contents: texts to a text, else to a list of parts."""
    contents = [content for content in contents if content]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(contents)
    parts: list[Any] = []
    for content in contents:
        parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return parts
