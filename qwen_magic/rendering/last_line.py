"""What stands below an answer: who gave it, how long it took, and what went wrong on the way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..events import Event, Responder, Status
from ..text.terminal import TerminalFilter

if TYPE_CHECKING:
    from ..reply import Reply

_ALL_THOUGHT = (
    "no answer: all tokens went into thinking; raise --max-tokens, or ask with --no-think or --think-budget N"
)
_LONGEST_MODEL = 200
_RUNGS = {"tool": "a forced tool call", "prompt": "the prompt alone"}
_MARKS = re.compile(r"[\\`*_{}\[\]<>#|~$&!@]")
_MATH_MARKS = "$\\"


class Notes:
    """What stays to be read below an answer: which targets failed before, and what this one did not take."""

    def __init__(self) -> None:
        self._failed: list[str] = []
        self._warnings: list[str] = []

    def on_event(self, event: Event) -> None:
        """Note an event, where it is one to be noted."""
        match event:
            case Responder():
                self._warnings = []  # they were the last target's
            case Status(text, "failover", target):
                self._failed.append(f"{target}: {text}")
            case Status(text, "warning"):
                self._warnings.append(text)

    def lines(self, reply: Reply, note: str) -> list[str]:
        """Return all lines that stand below a reply."""
        return [line for line in (*self._failed, *self._warnings, last_line(reply), note) if line]


def last_line(reply: Reply) -> str:
    """Tell who answered, how long it took and how fast, and how it ended if not by itself."""
    model = reply.model if reply.model and reply.model.lower() not in reply.target.lower() else ""
    model = model if len(model) <= _LONGEST_MODEL else f"{model[: _LONGEST_MODEL - 1]}…"
    targets = ", continued by ".join((*reply.earlier_targets, reply.target))
    if reply.recorded:
        parts = [_ending(reply), f"replayed, recorded {reply.recorded}", targets, model]
        return " · ".join(part for part in parts if part)
    parts = [_ending(reply), targets, model, f"{reply.seconds:.1f} s"]
    if reply.thinking_seconds is not None:
        parts.append(f"thought for {duration(reply.thinking_seconds)}")
    return " · ".join(part for part in (*parts, _speed(reply), _held(reply)) if part)


def _held(reply: Reply) -> str:
    """Tell how the answer was held to its shape, and how often it was asked."""
    if not reply.rung:
        return ""
    times = {1: "asked once", 2: "asked twice"}.get(reply.asks, f"asked {reply.asks} times")
    return f"held to its schema by {_RUNGS.get(reply.rung, reply.rung)}, {times}"


def _ending(reply: Reply) -> str:
    """Tell how an answer ended; "" if by itself."""
    match reply.finish_reason:
        case "interrupted":
            return "■ interrupted, what had come is kept" if reply.text or reply.thinking else "■ interrupted"
        case "error":
            return "⚠ broken off, what had come is kept" if reply.text else "⚠ no answer"
        case "filtered":
            return "⚠ cut off by a content filter"
        case "length":
            return _ALL_THOUGHT if reply.thinking and not reply.text else "cut at the token limit"
    return "no answer, only thinking" if reply.thinking and not reply.text else ""


def _speed(reply: Reply) -> str:
    tokens = reply.usage.completion_tokens if reply.text or reply.thinking else None
    count = tokens or len(reply.text)
    if not count:
        return ""
    amount = f"{'≈ ' if reply.usage.estimated else ''}{tokens} tokens" if tokens else f"{count} characters"
    return amount if (speed := reply.tokens_per_second) is None else f"{amount}, {speed:.0f} a second"


def duration(seconds: float) -> str:
    """Write how long something took."""
    return f"{seconds:.1f} s" if seconds < 1 else f"{seconds:.0f} s"


def escape(text: str) -> str:
    """Write a plain text so that Markdown and HTML show it as it is, on one line."""
    return _MARKS.sub(_escaped, one_line(text))


def escape_lines(text: str) -> str:
    """Write a plain text of several lines as one line of HTML that shows it as it is."""
    lines = TerminalFilter().feed(text).expandtabs(4).splitlines()
    written = []
    for line in lines:
        words = line.lstrip(" ")
        written.append("&#160;" * (len(line) - len(words)) + _MARKS.sub(_escaped, words))
    return "<br>".join(written)


def _escaped(mark: re.Match[str]) -> str:
    """Write a character as an entity; math's delimiters apart, for it is sought in the page, past all entities."""
    entity = f"&#{ord(mark.group())};"
    return f"<span>{entity}</span>" if mark.group() in _MATH_MARKS else entity


def one_line(text: Any) -> str:
    """Write any text on one line, without what steers a terminal."""
    return " ".join(TerminalFilter().feed(str(text)).split())
