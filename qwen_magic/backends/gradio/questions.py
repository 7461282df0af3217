"""The questions that a chatbot shows. No I/O."""

from __future__ import annotations

from typing import Any


def question_in(value: Any) -> str | None:
    """Return the last question that a chatbot shows, or None."""
    if isinstance(value, dict) and value.get("__type__") == "update":
        value = value.get("value")
    if not isinstance(value, list) or not value:
        return None
    last = value[-1]
    if isinstance(last, (list, tuple)):
        return _text(last[0]) if last else None
    users = [item for item in value if isinstance(item, dict) and item.get("role") == "user"]
    return _text(users[-1].get("content")) if users else None


def count_questions(value: Any) -> int:
    """Count the rows of a chatbot, or the users' messages in it."""
    if not isinstance(value, list):
        return 0
    pairs = [item for item in value if isinstance(item, (list, tuple))]
    return len(pairs) + len([item for item in value if isinstance(item, dict) and item.get("role") == "user"])


def _text(content: Any) -> str | None:
    if isinstance(content, list):
        return "".join(_text(item) or "" for item in content)
    if isinstance(content, dict):
        content = content.get("text", content.get("content"))
    return content if isinstance(content, str) else None
