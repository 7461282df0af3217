"""How far a job is, at one moment: what a front end draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .plan import in_money, in_time
from .state import DONE, FAILED, RECORDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import QwenError
    from .run import Run
    from .state import FailedRow, State


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        rows: how many rows there are.
        done: rows that were answered.
        recorded: rows whose answer was there before.
        failed: rows that failed.
        to_ask: requests that are asked in this run.
        asked: those of them that are over.
        seconds: since the run began.
        prompt_tokens: tokens that were read.
        completion_tokens: tokens that were written.
        estimated: whether some of them are estimates.
        cost: what they cost, or None where no price is known.
        at_once: how many are asked at once.
        waiting: why nothing is asked at this moment, or "".
        failures: the first rows that failed.
        stopped: why the run ended before all rows were asked, or "".
        cause: the failure that stopped it before any row was answered, or None.

    """

    rows: int
    done: int
    recorded: int
    failed: int
    to_ask: int
    asked: int
    seconds: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    cost: float | None = None
    at_once: int = 0
    waiting: str = ""
    failures: tuple[FailedRow, ...] = ()
    stopped: str = ""
    cause: QwenError | None = None

    @property
    def rows_per_second(self) -> float:
        """How fast requests are answered, or 0 where that cannot be told yet."""
        return self.asked / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this speed, or None where that cannot be told yet."""
        left = self.to_ask - self.asked
        return left / self.rows_per_second if self.rows_per_second else None

    @property
    def over(self) -> bool:
        """Whether nothing is left to ask."""
        return bool(self.stopped) or self.asked >= self.to_ask

    @property
    def line(self) -> str:
        """All of it in one line."""
        said = [f"{self.done:,} done"]
        said += [f"{self.recorded:,} recorded"] if self.recorded else []
        said += [f"{self.failed:,} failed"] if self.failed else []
        if self.asked:
            said.append(f"{self.rows_per_second:,.1f} rows/s")
        if not self.over and self.seconds_left is not None:
            said.append(f"{in_time(self.seconds_left)} left")
        if self.over and self.asked:
            said.append(in_time(self.seconds))
        if self.prompt_tokens or self.completion_tokens:
            about = "≈ " if self.estimated else ""
            said.append(f"{about}{self.prompt_tokens:,} tokens in, {self.completion_tokens:,} out")
        if self.cost is not None:
            said.append(f"cost {in_money(self.cost)}")
        if self.waiting and not self.over:
            said.append(self.waiting)
        return ", ".join(said)


def progress_of(state: State, run: Run | None, *, rows: int, to_ask: int, cost: float | None, stopped: str) -> Progress:
    """Tell how far one job is.

    Args:
        state: what has become of its rows.
        run: its run, or None before that.
        rows: how many rows there are.
        to_ask: requests that are asked in this run.
        cost: what they cost, or None.
        stopped: why it ended before all rows were asked, or "".

    """
    return Progress(
        rows=rows,
        done=state.rows(DONE),
        recorded=state.rows(RECORDED),
        failed=state.rows(FAILED),
        to_ask=to_ask,
        asked=run.asked if run else 0,
        seconds=run.seconds() if run else 0.0,
        prompt_tokens=state.prompt_tokens,
        completion_tokens=state.completion_tokens,
        estimated=state.estimated,
        cost=cost,
        at_once=run.at_once if run else 0,
        waiting=run.waiting if run else "",
        failures=tuple(state.first_failed),
        stopped=stopped,
        cause=run.cause if run else None,
    )


def progress_of_all(parts: Sequence[Progress], *, failures: tuple[FailedRow, ...], stopped: str) -> Progress:
    """Tell how far several jobs are together, side by side.

    Args:
        parts: how far each is.
        failures: the first rows that failed.
        stopped: why some ended before all rows were asked, or "".

    """
    costs = [part.cost for part in parts]
    waiting = [part.waiting for part in parts if not part.over]
    return Progress(
        rows=sum(part.rows for part in parts),
        done=sum(part.done for part in parts),
        recorded=sum(part.recorded for part in parts),
        failed=sum(part.failed for part in parts),
        to_ask=sum(part.to_ask for part in parts),
        asked=sum(part.asked for part in parts),
        seconds=max(part.seconds for part in parts),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        completion_tokens=sum(part.completion_tokens for part in parts),
        estimated=any(part.estimated for part in parts),
        cost=None if None in costs else sum(filter(None, costs)),
        at_once=sum(part.at_once for part in parts),
        waiting=waiting[0] if waiting and all(waiting) else "",
        failures=failures,
        stopped=stopped,
        cause=parts[0].cause if all(part.cause for part in parts) else None,
    )
