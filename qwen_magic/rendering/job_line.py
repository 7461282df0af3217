"""How far a job over many rows is: a bar and a line, as HTML and as plain text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..text.terminal import safe_line

if TYPE_CHECKING:
    from ..batch.progress import Progress

_WIDTH = 30
_LONGEST_REASON = 160


def plain_job(progress: Progress, *, failures: bool = True) -> str:
    """Write a job's bar and line as text, with the first rows that failed below it.

    Args:
        progress: how far the job is.
        failures: whether the failures are written.

    """
    part = _part(progress)
    full = int(part * _WIDTH)
    lines = [f"[{'█' * full}{'·' * (_WIDTH - full)}] {part:4.0%}  {progress.line}"]
    lines += _failures(progress) if failures else []
    return "\n".join(map(safe_line, lines))


def html_job(progress: Progress) -> str:
    """Write a job's bar and line as HTML; no word of a server is a tag in it."""
    line = escape(safe_line(progress.line))
    bar = f'<progress value="{_part(progress):.4f}" max="1" style="width: 16em"></progress>'
    failed = "".join(f"<li>{escape(safe_line(one))}</li>" for one in _failures(progress))
    return f'<div role="status">{bar} {_part(progress):.0%}&ensp;{line}</div>{f"<ul>{failed}</ul>" if failed else ""}'


def _part(progress: Progress) -> float:
    return min(1.0, progress.asked / progress.to_ask) if progress.to_ask else 1.0


def _failures(progress: Progress) -> list[str]:
    lines = [f"row {one.row}{one.target and f', {one.target}'}: {_short(one.error)}" for one in progress.failures]
    more = progress.failed - len(progress.failures)
    lines += [f"and {more:,} more failed: .failed has all of them"] if more > 0 and lines else []
    lines += [progress.stopped] if progress.stopped else []
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"
