"""What stands below an answer: who gave it, how long it took, and what went wrong on the way."""

from __future__ import annotations

import re
from datetime import date
from html import escape as html_escape
from typing import TYPE_CHECKING, Any

from ..events import Event, Responder, Status
from ..text.bundles import mime_bundle
from ..text.counts import counted
from ..text.terminal import TerminalFilter
from .unreached import Failure, ToldTargets, failure_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reply import Reply

_ALL_THOUGHT = (
    "no answer: the model used all tokens for thinking; raise --max-tokens, or ask with --no-think or --think-budget N"
)
_LONGEST_MODEL = 200
_RUNGS = {"tool": "a forced tool call", "prompt": "the prompt alone"}
_MARKS = re.compile(r"[\\`*_{}\[\]<>#|~$&!@]")
_MATH_MARKS = "$\\"
_ADDRESS = re.compile(r"(?:\b[a-z][\w.-]{0,30}:)?https?://[^\s,;·…<>\"'`|]+")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_SMALL = "opacity:.7"
_CODE_FONT = (
    "<style>.jp-RenderedMarkdown .highlight pre{font-family:var(--jp-code-font-family,monospace);"
    "font-size:var(--jp-code-font-size,13px)}</style>"
)
"""What nbconvert's HTML lacks for code in Markdown; no other front end draws code in elements of these classes."""


class Notes:
    """What stays to be read below an answer: which targets failed before, and what this one did not take.

    Args:
        told: the targets of which this was said below earlier answers.

    """

    def __init__(self, told: ToldTargets | None = None) -> None:
        self._failed: list[Failure] = []
        self._warnings: list[str] = []
        self._told = told or ToldTargets()
        self._told_before = self._told.names()

    def on_event(self, event: Event) -> None:
        """Note an event, where it is one to be noted."""
        match event:
            case Responder():
                self._warnings = []  # they were the last target's
            case Status(text, "failover", target):
                self._failed.append(Failure(target, text))
            case Status(text, "warning"):
                self._warnings.append(text)

    def lines(self, reply: Reply, note: str, *, model_first: bool = False) -> list[str]:
        """Return all lines that stand below a reply."""
        facts = last_line(reply, model_first=model_first)
        self._told.add(self._failed)
        if reply.text:
            self._told.answered(reply.target)
        failed = failure_lines(self._failed, self._told_before)
        return [line for line in (*failed, *self._warnings, facts, note) if line]

    def bundle(self, reply: Reply, note: str) -> dict[str, str]:
        """Return all lines that stand below a reply as they are shown: see `lines_bundle`."""
        lines, shown = (self.lines(reply, note, model_first=first) for first in (False, True))
        bundle = lines_bundle(lines, shown)
        return {**bundle, "text/html": bundle["text/html"] + _CODE_FONT} if reply.code_blocks else bundle


def last_line(reply: Reply, *, model_first: bool = False) -> str:
    """Tell who answered, how long it took and how fast, and how it ended if not by itself.

    Exports read the plain line back, in which the target goes before the model.
    """
    model = reply.model if reply.model and reply.model.lower() not in reply.target.lower() else ""
    model = model if len(model) <= _LONGEST_MODEL else f"{model[: _LONGEST_MODEL - 1]}…"
    targets = ", continued by ".join((*reply.earlier_targets, reply.target))
    who = (model, targets) if model_first else (targets, model)
    if reply.recorded:
        replayed = f"replayed, recorded {_day(reply.recorded)}"
        parts = [_ending(reply), *((*who, replayed) if model_first else (replayed, *who)), _held(reply)]
        return " · ".join(part for part in parts if part)
    parts = [_ending(reply), *who, f"{reply.seconds:.1f} s"]
    if reply.thinking_seconds is not None:
        parts.append(f"thought for {duration(reply.thinking_seconds)}")
    return " · ".join(part for part in (*parts, _speed(reply), _held(reply)) if part)


def _held(reply: Reply) -> str:
    """Tell how the answer was held to its shape, and how often it was asked."""
    if not reply.rung:
        return ""
    times = {1: "asked once", 2: "asked twice"}.get(reply.asks, f"asked {reply.asks} times")
    return f"held to its schema by {_RUNGS.get(reply.rung, reply.rung)}, {times}"


def lines_bundle(lines: Sequence[str], shown: Sequence[str] = ()) -> dict[str, str]:
    """Put lines together as they stand below an answer: small and dim, no address a link, each on hover or in code.

    Args:
        lines: plain texts, of whatever servers say.
        shown: the same as HTML is made of it, where that differs.

    """
    seen = [one_line(line) for line in shown or lines]
    lines = [one_line(line) for line in lines]
    markdown = "  \n".join(f"*{escape_addressed(line)}*" for line in lines)
    html = "<br>".join(_ADDRESS.sub(_on_hover, html_escape(line, quote=False)) for line in seen)
    return {"text/html": f'<small style="{_SMALL}">{html}</small>', **mime_bundle(markdown, "\n".join(lines))}


def escape_addressed(text: str) -> str:
    """Write a plain text for Markdown as `escape` does, and addresses in it as code, which nobody makes a link of."""
    written, place, line = [], 0, one_line(text)
    for found in _ADDRESS.finditer(line):
        written += [_MARKS.sub(_escaped, line[place : found.start()]), f"`{found[0]}`"]
        place = found.end()
    return "".join((*written, _MARKS.sub(_escaped, line[place:])))


def _on_hover(found: re.Match[str]) -> str:
    """Write an address, which is HTML already, as its model and its host; all of it is seen on hover."""
    whole = found[0]
    rest, _, model = whole.partition("#")
    host = rest.partition("://")[2].partition("/")[0]
    short = f"{model} · {host}" if model else host
    title = whole.replace('"', "&quot;")
    return f'<span title="{title}">{short}</span>'


def _day(recorded: str) -> str:
    """Write the day of a time in ISO 8601: 27 Nov 2026; what is none stays."""
    try:
        day = date.fromisoformat(recorded[:10])
    except ValueError:
        return recorded
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _ending(reply: Reply) -> str:
    """Tell how an answer ended; "" if by itself."""
    match reply.finish_reason:
        case "interrupted":
            return "■ interrupted, what had arrived is kept" if reply.text or reply.thinking else "■ interrupted"
        case "error":
            return "⚠ broken off, what had arrived is kept" if reply.text else "⚠ no answer"
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
    amount = (
        f"{'≈ ' if reply.usage.estimated else ''}{counted(tokens, 'token')}" if tokens else counted(count, "character")
    )
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
