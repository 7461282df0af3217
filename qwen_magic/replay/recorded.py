"""A recorded answer, and the line of a file that holds it. No I/O; the key that it is found by is made in `key`.

An answer that is one text is written in the form of version 1, which every qwen_magic reads; one of several steps in
that of version 2, which has them besides, with the bytes of images and files as base64.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from ..errors import UsageError
from ..events import FinishReason, Usage
from ..message_json import from_base64, messages_from_json, messages_to_json, to_base64
from ..parts import describe
from ..reply import Reply, with_answer
from ..text.secrets import without_secrets
from ..text.terminal import printable_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message

_VERSIONS = (1, 2)
"""The versions of the lines: without steps, and with them."""
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
class RecordedAnswer:
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
        steps: where it is more than one text, all that was said after the prompt; see `Reply`.
        rung: how the target was held to the answer's shape, or "" where it has none; see `Reply`.
        asks: how often it was asked until the answer had that shape; 0 where it has none.

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
    steps: tuple[Message, ...] = ()
    rung: str = ""
    asks: int = 0

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
                steps=self.steps,
                recorded=self.date,
                rung=self.rung,
                asks=self.asks,
            )
        )


@dataclass(frozen=True)
class UnreadableLine:
    """A line that holds no answer that we can read.

    Attributes:
        reason: why not, in a few words.
        cut: whether it is an answer's line that a crash cut short.

    """

    reason: str
    cut: bool = False


def recorded_of(key: str, reply: Reply, cell: str = "") -> RecordedAnswer:
    """Make the record of an answer that has just come; what is secret is left out of it."""
    reply = reply.with_texts(without_secrets)
    asked = next((message for message in reversed(reply.messages) if message.role == "user"), None)
    prompt = asked.text or " ".join(map(describe, asked.parts)) if asked else ""
    return RecordedAnswer(
        key=key,
        prompt=prompt_mark(prompt),
        text=reply.text,
        thinking=reply.thinking,
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
        steps=reply.steps,
        rung=reply.rung,
        asks=reply.asks,
    )


def prompt_mark(prompt: str) -> str:
    """Return as much of a prompt as is recorded with its answer."""
    prompt = without_secrets(prompt)
    return prompt if len(prompt) <= _PROMPT_CHARACTERS else prompt[: _PROMPT_CHARACTERS - 1] + "…"


def to_line(recorded: RecordedAnswer) -> bytes:
    """Write an answer as one line, without its end."""
    values = asdict(replace(recorded, steps=())) | {"version": 1}
    del values["steps"]
    if not recorded.rung:
        del values["rung"], values["asks"]
    if recorded.steps:
        values |= {"version": 2, "steps": messages_to_json(recorded.steps, to_base64)}
    try:
        return printable_json(json.dumps(values, sort_keys=True, ensure_ascii=False)).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 has no bytes for
        return json.dumps(values, sort_keys=True).encode()


def read_line(line: bytes) -> RecordedAnswer | UnreadableLine | None:
    """Read one line, with or without a carriage return at its end.

    Returns:
        The answer; None for a blank line; or why there is none.

    """
    line = line.strip()
    if not line:
        return None
    if _CONFLICT.match(line):
        return UnreadableLine("a mark of a git conflict; the answers of both sides are used")
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        if line.startswith(b"{") and not line.endswith(b"}"):
            return UnreadableLine("an answer that was cut short is left out", cut=True)
        return UnreadableLine("no recorded answer, left out")
    return _recorded(values) if isinstance(values, dict) else UnreadableLine("no recorded answer, left out")


def _recorded(values: dict[str, Any]) -> RecordedAnswer | UnreadableLine:
    version = values.get("version")
    if version not in _VERSIONS:
        return UnreadableLine(f"an answer in the form of version {repr(version)[:20]}, left out")
    try:
        checked = {name: _checked(values[name], kind) for name, kind in _KINDS.items()}
        checked["usage"] = _usage(checked["usage"])
        checked["earlier_targets"] = tuple(_checked(target, str) for target in checked["earlier_targets"])
        checked["steps"] = messages_from_json(values["steps"], from_base64) if version > 1 else ()
        checked["rung"], checked["asks"] = _checked(values.get("rung", ""), str), _checked(values.get("asks", 0), int)
    except (KeyError, TypeError, UsageError):
        return UnreadableLine("an answer with a field that is missing or wrong, left out")
    if checked["finish_reason"] not in get_args(FinishReason):
        return UnreadableLine("an answer with an unknown finish reason, left out")
    return RecordedAnswer(**checked)


def _usage(values: dict[str, Any]) -> Usage:
    read, written = (_checked(values[name], (int, NoneType)) for name in ("prompt_tokens", "completion_tokens"))
    return Usage(read, written, estimated=_checked(values["estimated"], bool))


def _checked(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
