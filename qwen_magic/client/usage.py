"""What a session's answers cost, by target and model."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..text.terminal import safe_line

if TYPE_CHECKING:
    from ..reply import Reply


@dataclass(frozen=True)
class UsageRow:
    """The sum of one target's and model's answers.

    Attributes:
        target: the target string.
        model: the model's name, or "".
        asked: how many answers came, whole or in part.
        prompt_tokens: tokens read.
        completion_tokens: tokens written.
        estimated: whether some of them are estimates.
        seconds: the time of all answers.
        writing_seconds: the part of it after the first tokens.

    """

    target: str
    model: str = ""
    asked: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    writing_seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """The speed of writing, or None where it was too short to tell."""
        return self.completion_tokens / self.writing_seconds if self.writing_seconds > 0 else None


class _Sum:
    """The fields of a row, while they grow: rows of frames are added by the thousand."""

    def __init__(self) -> None:
        self.asked = self.prompt_tokens = self.completion_tokens = 0
        self.estimated = False
        self.seconds = self.writing_seconds = 0.0

    def add(self, reply: Reply) -> None:
        usage, first = reply.usage, reply.first_token_seconds
        self.asked += 1
        self.prompt_tokens += usage.prompt_tokens or 0
        self.completion_tokens += usage.completion_tokens or 0
        self.estimated = self.estimated or usage.estimated
        self.seconds += reply.seconds
        self.writing_seconds += 0.0 if first is None else max(0.0, reply.seconds - first)


class Ledger:
    """The sums of what answers cost."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sum] = {}
        self._lock = threading.Lock()

    def add(self, reply: Reply) -> None:
        """Add one answer's tokens and time."""
        with self._lock:
            row = self._sums.get((reply.target, reply.model))
            if row is None:
                row = self._sums[reply.target, reply.model] = _Sum()
            row.add(reply)

    def rows(self) -> list[UsageRow]:
        """Return the sums, in the order in which the targets first answered."""
        with self._lock:
            return [UsageRow(*key, **vars(row)) for key, row in self._sums.items()]

    def __str__(self) -> str:
        rows = self.rows()
        if not rows:
            return "nothing was asked yet"
        head = ("target", "model", "answers", "tokens in", "tokens out", "seconds", "tokens/s")
        table = [head, *(tuple(map(safe_line, _cells(row))) for row in rows)]
        widths = [max(len(line[column]) for line in table) for column in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
        ]
        if any(row.estimated for row in rows):
            lines.append("≈ estimated from the text, because the server does not count tokens")
        return "\n".join(lines)


def _cells(row: UsageRow) -> tuple[str, ...]:
    about = "≈ " if row.estimated else ""
    speed = row.tokens_per_second
    return (
        row.target,
        row.model,
        str(row.asked),
        f"{about}{row.prompt_tokens}",
        f"{about}{row.completion_tokens}",
        f"{row.seconds:.1f}",
        "" if speed is None else f"{about}{speed:.0f}",
    )
