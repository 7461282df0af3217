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


class Ledger:
    """The sums of what answers cost."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], UsageRow] = {}
        self._lock = threading.Lock()

    def add(self, reply: Reply) -> None:
        """Add one answer's tokens and time."""
        usage, key = reply.usage, (reply.target, reply.model)
        with self._lock:
            row = self._rows.get(key, UsageRow(*key))
            first = reply.seconds if reply.first_token_seconds is None else reply.first_token_seconds
            self._rows[key] = UsageRow(
                *key,
                asked=row.asked + 1,
                prompt_tokens=row.prompt_tokens + (usage.prompt_tokens or 0),
                completion_tokens=row.completion_tokens + (usage.completion_tokens or 0),
                estimated=row.estimated or usage.estimated,
                seconds=row.seconds + reply.seconds,
                writing_seconds=row.writing_seconds + max(0.0, reply.seconds - first),
            )

    def rows(self) -> list[UsageRow]:
        """Return the sums, in the order in which the targets first answered."""
        with self._lock:
            return list(self._rows.values())

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
