"""A recorded answer: the key that it is found by, and the line of a file that holds it. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from ..errors import UsageError
from ..events import FinishReason, Usage
from ..reply import Reply, with_answer
from ..text.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message
    from ..parameters import Parameters

VERSION = 1
"""The version of the lines and of the keys."""
_KEY_DIGITS = 32
_PROMPT_CHARACTERS = 500
_CONFLICT = re.compile(rb"(?:<{7}|={7}|>{7}|\|{7})(?: |$)")
_NUMBER = (int, float)
_KINDS: dict[str, Any] = {
    "key": str,
    "prompt": str,
    "text": str,
    "thinking": str,
    "target": str,
    "model": str,
    "finish_reason": str,
    "seconds": _NUMBER,
    "usage": dict,
    "date": str,
    "cell": str,
    "thinking_seconds": (*_NUMBER, NoneType),
    "first_token_seconds": (*_NUMBER, NoneType),
    "earlier_targets": list,
}


@dataclass(frozen=True)
class Recorded:
    """An answer as it was recorded.

    Attributes:
        key: what it is found by; see `replay_key`.
        prompt: how the last prompt began, for people.
        text: the answer.
        thinking: what the model thought before it.
        target: the target that gave it.
        model: the model's name, as far as it was known.
        finish_reason: "stop" or "length".
        seconds: how long it took.
        usage: what it cost.
        date: when it was recorded, in ISO 8601 and UTC.
        cell: the id of the cell that asked, or "".
        thinking_seconds: how long the model thought, or None.
        first_token_seconds: the time to the first token, or None.
        earlier_targets: where it was continued, the targets of its earlier parts.

    """

    key: str
    prompt: str
    text: str
    thinking: str
    target: str
    model: str
    finish_reason: FinishReason
    seconds: float
    usage: Usage
    date: str
    cell: str = ""
    thinking_seconds: float | None = None
    first_token_seconds: float | None = None
    earlier_targets: tuple[str, ...] = ()

    def reply(self, messages: Sequence[Message]) -> Reply:
        """Return the answer as a reply to the messages that it is replayed for."""
        return with_answer(
            Reply(
                text=self.text,
                thinking=self.thinking,
                usage=self.usage,
                target=self.target,
                model=self.model,
                finish_reason=self.finish_reason,
                seconds=self.seconds,
                first_token_seconds=self.first_token_seconds,
                messages=tuple(messages),
                thinking_seconds=self.thinking_seconds,
                earlier_targets=self.earlier_targets,
                recorded=self.date,
            )
        )


@dataclass(frozen=True)
class Unreadable:
    """A line that holds no answer that we can read.

    Attributes:
        reason: why not, in a few words.
        cut: whether it is an answer's line that a crash cut short.

    """

    reason: str
    cut: bool = False


def replay_key(model: str, messages: Sequence[Message], parameters: Parameters) -> str:
    """Make the key of a question: the same one, asked in any cell, session or Python, has the same key.

    Args:
        model: which model, or target, is asked.
        messages: the messages that are sent.
        parameters: the parameters that are set.

    Raises:
        UsageError: an ``extra`` value is no JSON.

    """
    asked = {
        "version": VERSION,
        "model": model,
        "messages": [message.as_dict() for message in messages],
        "parameters": parameters.given(),
        "extra": parameters.extra,
    }
    try:
        canonical = json.dumps(_plain(asked), sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise UsageError(
            "an extra value is no JSON, so its answer cannot be recorded",
            hint="Give numbers, texts, lists and mappings of these, or turn replay off.",
        ) from None
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:_KEY_DIGITS]


def recorded_of(key: str, reply: Reply, cell: str = "") -> Recorded:
    """Make the record of an answer that has just come; what is certainly a key is left out of it."""
    prompt = next((message.text for message in reversed(reply.messages) if message.role == "user"), "")
    return Recorded(
        key=key,
        prompt=prompt_mark(prompt),
        text=_safe(reply.text),
        thinking=_safe(reply.thinking),
        target=reply.target,
        model=reply.model,
        finish_reason=reply.finish_reason,
        seconds=round(reply.seconds, 3),
        usage=reply.usage,
        date=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        cell=cell,
        thinking_seconds=_rounded(reply.thinking_seconds),
        first_token_seconds=_rounded(reply.first_token_seconds),
        earlier_targets=reply.earlier_targets,
    )


def prompt_mark(prompt: str) -> str:
    """Return as much of a prompt as is recorded with its answer."""
    prompt = _safe(prompt)
    return prompt if len(prompt) <= _PROMPT_CHARACTERS else prompt[: _PROMPT_CHARACTERS - 1] + "…"


def _safe(text: str) -> str:
    return redact(text, certain_only=True)[0]


def to_line(recorded: Recorded) -> bytes:
    """Write an answer as one line, without its end."""
    values = asdict(recorded) | {"version": VERSION}
    try:
        return json.dumps(values, sort_keys=True, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 has no bytes for
        return json.dumps(values, sort_keys=True).encode()


def read_line(line: bytes) -> Recorded | Unreadable | None:
    """Read one line, with or without a carriage return at its end.

    Returns:
        The answer; None for a blank line; or why there is none.

    """
    line = line.strip()
    if not line:
        return None
    if _CONFLICT.match(line):
        return Unreadable("a mark of a git conflict; the answers of both sides are used")
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        if line.startswith(b"{") and not line.endswith(b"}"):
            return Unreadable("an answer that was cut short is left out", cut=True)
        return Unreadable("no recorded answer, left out")
    return _recorded(values) if isinstance(values, dict) else Unreadable("no recorded answer, left out")


def _recorded(values: dict[str, Any]) -> Recorded | Unreadable:
    version = values.get("version")
    if version != VERSION:
        return Unreadable(f"an answer in the form of version {repr(version)[:20]}, left out")
    try:
        checked = {name: _checked(values[name], kind) for name, kind in _KINDS.items()}
        checked["usage"] = _usage(checked["usage"])
        checked["earlier_targets"] = tuple(_checked(target, str) for target in checked["earlier_targets"])
    except (KeyError, TypeError):
        return Unreadable("an answer with a field that is missing or wrong, left out")
    if checked["finish_reason"] not in get_args(FinishReason):
        return Unreadable("an answer with an end that is unknown, left out")
    return Recorded(**checked)


def _usage(values: dict[str, Any]) -> Usage:
    read, written = (_checked(values[name], (int, NoneType)) for name in ("prompt_tokens", "completion_tokens"))
    return Usage(read, written, estimated=_checked(values["estimated"], bool))


def _checked(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _plain(value: Any) -> Any:
    """Bring a value into the one form that stands for it: 1.0 is 1, a tuple is a list."""
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
