"""A conversation as plain values, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, get_args

from ..errors import UsageError, one_line
from ..events import FinishReason, Usage
from ..store.rows import Turn

if TYPE_CHECKING:
    from ..store.rows import Conversation

_FORMAT = "qwen_magic conversation"
_VERSION = 1
_LONGEST_NAME = 80
_LARGEST_COUNT = 1 << 62
_TEXTS = ("prompt", "answer", "thinking", "system", "source", "cell", "target", "model")
_HINT = 'Give what was exported, or {"messages": [{"role": "user", "content": "..."}, ...]}.'


@dataclass(frozen=True)
class Imported:
    """A conversation as it was read.

    Attributes:
        name: its name, or "".
        system: its system prompt, or "".
        turns: its turns, all of them finished.

    """

    name: str
    system: str
    turns: tuple[Turn, ...]


def to_json(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Write a conversation as JSON, with everything that is kept of it.

    Args:
        conversation: the conversation.
        turns: its turns.

    Returns:
        The text of the file.

    """
    told = {**heading(conversation), "turns": [turn_values(turn) for turn in turns]}
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def from_json(text: str) -> Imported:
    """Read a conversation from JSON.

    Args:
        text: what `to_json` wrote, a list of ``{"role", "content"}`` messages, or an object with such a list as its
            "messages".

    Returns:
        The conversation; its name is "" where there is none.

    Raises:
        UsageError: the text is none of these.

    """
    value = parsed(text)
    if isinstance(value, dict) and value.get("format") == _FORMAT:
        turns = value.get("turns")
        if not isinstance(turns, list):
            raise UsageError("the JSON has no list of turns", hint="Export it again.")
        return imported(value, turns)
    told = value if isinstance(value, dict) else {"messages": value}
    messages = told.get("messages")
    if not isinstance(messages, list):
        raise UsageError("the JSON is no conversation", hint=_HINT)
    return _from_messages(messages, told.get("name") or told.get("title"))


def heading(conversation: Conversation) -> dict[str, Any]:
    """Return what is known of a conversation as a whole, as plain values."""
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "name": conversation.name,
        "notebook": conversation.notebook,
        "system": conversation.system,
        "created_at": conversation.created_at,
        "used_at": conversation.used_at,
    }


def turn_values(turn: Turn) -> dict[str, Any]:
    """Return a turn as plain values, without what it is in one database alone."""
    return {name: value for name, value in asdict(turn).items() if name not in ("id", "place")}


def imported(told: Mapping[str, Any], turns: Sequence[object]) -> Imported:
    """Make a conversation of plain values.

    Args:
        told: what `heading` returned.
        turns: what `turn_values` returned for each turn.

    Raises:
        UsageError: they are something else, or of a newer version.

    """
    version = told.get("version")
    if told.get("format") != _FORMAT or not isinstance(version, int):
        raise UsageError("it is no exported conversation", hint="Export it again.")
    if version > _VERSION:
        raise UsageError(f"it was exported by a newer qwen_magic (version {version})", hint="Update qwen_magic.")
    return Imported(name_from(told.get("name")), _text(told, "system"), tuple(turn_from(turn) for turn in turns))


def turn_from(value: object) -> Turn:
    """Make a finished turn of plain values.

    Raises:
        UsageError: they are no turn.

    """
    if not isinstance(value, Mapping) or "prompt" not in value:
        raise UsageError("a turn has no prompt", hint="Export it again.")
    texts: dict[str, Any] = {name: _text(value, name) for name in _TEXTS}
    reason: Any = value.get("finish_reason") or ("stop" if texts["answer"] else "interrupted")
    if reason not in get_args(FinishReason):
        raise _wrong("finish_reason")
    usage = value.get("usage") or {}
    if not isinstance(usage, Mapping):
        raise _wrong("usage")
    return Turn(
        **texts,
        finish_reason=reason,
        seconds=_number(value, "seconds"),
        asked_at=_number(value, "asked_at"),
        usage=Usage(_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"), usage.get("estimated") is True),
    )


def name_from(text: object) -> str:
    """Make a name that a conversation may have of anything; "" of nothing."""
    line = one_line(text) if isinstance(text, str) else ""
    return "".join(letter for letter in line if letter.isprintable())[:_LONGEST_NAME].lstrip("- ").rstrip()


def date(seconds: float) -> str:
    """Write a time for the eye; "" where it is not known."""
    try:
        return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC" if seconds else ""
    except (ValueError, OverflowError, OSError):  # out of range
        return ""


def parsed(text: str) -> Any:
    """Parse JSON.

    Raises:
        UsageError: it is none.

    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"it is no JSON (line {error.lineno}: {error.msg})", hint=_HINT) from None
    except (ValueError, RecursionError):
        raise UsageError("it is no JSON that can be read", hint=_HINT) from None


def _from_messages(messages: Sequence[object], name: object) -> Imported:
    """Make turns of messages: a prompt with what the assistant said until the next prompt."""
    systems: list[str] = []
    turns: list[tuple[str, list[str]]] = []
    for message in messages:
        role, content = _message(message)
        if role in ("system", "developer"):
            systems.append(content)
        elif role == "user":
            turns.append((content, []))
        elif role != "assistant":
            raise UsageError(f"a message has the role {role!r}", hint="Use system, user or assistant.")
        elif not turns:
            raise UsageError("an assistant's message stands before the first prompt", hint="Begin with a user's.")
        else:
            turns[-1][1].append(content)
    system = "\n\n".join(text for text in systems if text.strip())
    values = [{"prompt": prompt, "answer": "\n\n".join(said), "system": system} for prompt, said in turns]
    return Imported(name_from(name), system, tuple(turn_from(value) for value in values))


def _message(message: object) -> tuple[str, str]:
    """Return role and text; a content in parts is joined."""
    if isinstance(message, Mapping) and isinstance(role := message.get("role"), str):
        content = message.get("content")
        if isinstance(content, str):
            return role, content
        if isinstance(content, list) and all(
            isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content
        ):
            return role, "".join(part["text"] for part in content)
    raise UsageError("a message has no role or no text", hint='Give {"role": "user", "content": "..."}.')


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise _wrong(name)
    return value


def _number(values: Mapping[str, Any], name: str) -> float:
    value = values.get(name, 0.0)
    try:
        if isinstance(value, bool) or not math.isfinite(value):
            raise _wrong(name)
    except (TypeError, OverflowError):
        raise _wrong(name) from None
    return float(value)


def _count(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if value is not None and (type(value) is not int or not 0 <= value < _LARGEST_COUNT):
        raise _wrong(name)
    return value


def _wrong(name: str) -> UsageError:
    return UsageError(f"{name!r} has a value that it cannot have", hint="Export it again.")
