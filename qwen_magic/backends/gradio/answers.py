"""The answer in an output's value, and how it grew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...events import Event, Reset, TextDelta, ThinkingDelta

_CURSORS = "▌▍▋█▎▏"


@dataclass(frozen=True)
class AppAnswer:
    """The answer as it stands in an output: its text, and the thinking that was told apart."""

    text: str = ""
    thinking: str = ""


def find_answer(value: Any, prompt: str, rows: int, old: str | None = None) -> AppAnswer | None:
    """Find the answer in an output's value.

    Args:
        value: a text, a chatbot's rows or messages, or an update that holds one of them.
        prompt: the prompt that was sent; the answer is what follows it.
        rows: how many turns of history were sent, so that an older answer is not taken for the new one.
        old: the last answer of that history, which may have followed the same prompt.

    Returns:
        The answer, or None where the value holds none yet.

    """
    if isinstance(value, dict) and value.get("__type__") == "update":
        value = value.get("value")
    if isinstance(value, list) and value and all(isinstance(row, (list, tuple)) for row in value):
        return _from_rows(value, prompt, rows, old)
    if isinstance(value, list) and value and all(isinstance(item, dict) and "role" in item for item in value):
        return _from_messages(value, prompt, rows, old)
    if isinstance(value, list) and not value:
        return None
    if isinstance(value, dict) and "role" in value:
        return _part(value)
    return None if value is None else _content(value)


def _from_rows(rows: list[Any], prompt: str, sent: int, old: str | None) -> AppAnswer | None:
    user, bot = (*rows[-1], None, None)[:2]
    if len(rows) <= sent and not _same(_content(user).text, prompt):
        return None
    said = None if bot is None else _content(bot)
    return None if said and len(rows) == sent and _is_old(said, old) else said


def _from_messages(messages: list[dict[str, Any]], prompt: str, sent: int, old: str | None) -> AppAnswer | None:
    users = [i for i, message in enumerate(messages) if message["role"] == "user"]
    start = users[-1] + 1 if users else 0
    if users and len(users) <= sent and not _same(_content(messages[users[-1]].get("content")).text, prompt):
        return None
    answers = [_part(message) for message in messages[start:] if message["role"] == "assistant"]
    said = _merge(answers) if answers else None
    return None if said and len(users) == sent and _is_old(said, old) else said


def _is_old(said: AppAnswer, old: str | None) -> bool:
    return old is not None and _same(said.text, old)


def _part(part: dict[str, Any]) -> AppAnswer:
    """Read a message or a content part; a title or the type "tool" marks it as thinking."""
    said = _content(part.get("content", part.get("text", "")))
    metadata = part.get("metadata")
    titled = isinstance(metadata, dict) and bool(metadata.get("title"))
    if titled or part.get("type") == "tool":
        return AppAnswer("", said.thinking + said.text)
    return said


def _content(content: Any) -> AppAnswer:
    if isinstance(content, str):
        return AppAnswer(content.rstrip(_CURSORS))
    if isinstance(content, list):
        parts = [_part(item) if isinstance(item, dict) else _content(item) for item in content]
        return _merge(parts, between="")
    if isinstance(content, dict) and ("text" in content or "content" in content):
        return _part(content)
    return AppAnswer() if content is None else AppAnswer(str(content) if isinstance(content, (int, float)) else "")


def _merge(parts: list[AppAnswer], between: str = "\n\n") -> AppAnswer:
    return AppAnswer(
        between.join(part.text for part in parts if part.text),
        "\n\n".join(part.thinking for part in parts if part.thinking),
    )


def _same(one: str, other: str) -> bool:
    return one.strip() == other.strip()


def changes(old: AppAnswer, new: AppAnswer) -> list[Event]:
    """Tell how an answer grew: deltas where it did, a reset where the server rewrote it."""
    if not (new.text.startswith(old.text) and new.thinking.startswith(old.thinking)):
        return [Reset(new.text, new.thinking)]
    events: list[Event] = []
    if thinking := new.thinking[len(old.thinking) :]:
        events.append(ThinkingDelta(thinking))
    if text := new.text[len(old.text) :]:
        events.append(TextDelta(text))
    return events
