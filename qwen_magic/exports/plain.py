"""A conversation as plain values, which all forms have within them.

One of text alone is written in version 1, which every qwen_magic reads; one with images, files or several steps in
version 2, with the bytes as base64.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, get_args

from ..errors import UsageError, one_line
from ..events import FinishReason, Usage
from ..message_json import from_base64, messages_from_json, messages_to_json, parts_from_json, parts_to_json, to_base64
from ..store.rows import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..message_json import Fetch, Keep
    from ..store.rows import Conversation

FORMAT = "qwen_magic conversation"
HINT = 'Give what was exported, or {"messages": [{"role": "user", "content": "..."}, ...]}.'
_NEWEST = 2
_LONGEST_NAME = 80
_LARGEST_COUNT = 1 << 62
_TEXTS = ("prompt", "answer", "thinking", "system", "source", "cell", "target", "model")


@dataclass(frozen=True)
class ImportedConversation:
    """A conversation as it was read.

    Attributes:
        name: its name, or "".
        system: its system prompt, or "".
        turns: its turns, all of them finished.

    """

    name: str
    system: str
    turns: tuple[Turn, ...]


def heading_values(conversation: Conversation, turns: Sequence[Turn]) -> dict[str, Any]:
    """Return what is known of a conversation as a whole, as plain values; the version is what the turns need."""
    return {
        "format": FORMAT,
        "version": 2 if any(turn.parts or turn.steps for turn in turns) else 1,
        "name": conversation.name,
        "notebook": conversation.notebook,
        "system": conversation.system,
        "created_at": conversation.created_at,
        "used_at": conversation.used_at,
    }


def turn_values(turn: Turn, keep: Keep = to_base64) -> dict[str, Any]:
    """Return a turn as plain values, without what it is in one database alone; parts and steps where there are any."""
    names = [each.name for each in fields(turn) if each.name not in ("id", "place", "parts", "steps")]
    values = {name: getattr(turn, name) for name in names}
    values["usage"] = asdict(turn.usage)
    if turn.parts:
        values["parts"] = parts_to_json(turn.parts, keep)
    if turn.steps:
        values["steps"] = messages_to_json(turn.steps, keep)
    return values


def conversation_from(
    head: Mapping[str, Any], turns: Sequence[object], fetch: Fetch = from_base64
) -> ImportedConversation:
    """Make a conversation of plain values.

    Args:
        head: what `heading_values` returned.
        turns: what `turn_values` returned for each turn.
        fetch: gives the bytes of images and files.

    Raises:
        UsageError: they are something else, or of a newer version.

    """
    version = head.get("version")
    if head.get("format") != FORMAT or not isinstance(version, int):
        raise UsageError("it is not an exported conversation", hint="Export it again.")
    if version > _NEWEST:
        raise UsageError(f"it was exported by a newer qwen_magic (version {version})", hint="Update qwen_magic.")
    return ImportedConversation(
        name_from(head.get("name")), _text(head, "system"), tuple(turn_from(turn, fetch) for turn in turns)
    )


def turn_from(value: object, fetch: Fetch = from_base64) -> Turn:
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
        parts=parts_from_json(value.get("parts", []), fetch),
        steps=messages_from_json(value.get("steps", []), fetch),
    )


def name_from(text: object) -> str:
    """Make a name that a conversation may have of anything; "" of nothing."""
    line = one_line(text) if isinstance(text, str) else ""
    return "".join(letter for letter in line if letter.isprintable())[:_LONGEST_NAME].lstrip("- ").rstrip()


def format_date(seconds: float) -> str:
    """Write a time for the eye; "" where it is not known."""
    try:
        return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC" if seconds else ""
    except (ValueError, OverflowError, OSError):  # out of range
        return ""


def parse(text: str) -> Any:
    """Parse JSON.

    Raises:
        UsageError: it is none.

    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"it is not JSON (line {error.lineno}: {error.msg})", hint=HINT) from None
    except (ValueError, RecursionError):
        raise UsageError("it is JSON that cannot be read", hint=HINT) from None


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
    return UsageError(f"{name!r} has a wrong value", hint="Export it again.")
