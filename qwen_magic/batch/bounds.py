"""Where a job stops by itself: at a cost, at so many tokens, after so many seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from .plan import in_money, in_time

if TYPE_CHECKING:
    from .prices import Price
    from .state import State


@dataclass(frozen=True)
class Bounds:
    """Where a job stops.

    Attributes:
        max_cost: the most that it may cost, in the currency of the prices, or None.
        max_tokens_total: the most tokens that it may read and write, or None.
        max_seconds: the longest that it may take, or None.

    """

    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_cost", "max_tokens_total", "max_seconds"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise UsageError(f"{name} is {value!r}", hint="Give a number above 0.")

    def check(self, price: Price | None, target: str) -> None:
        """Refuse a cost that nobody could keep to.

        Raises:
            UsageError: no price is known.

        """
        if self.max_cost is not None and price is None:
            hint = "Give prices=(0.4, 1.2), in a cell --prices 0.4,1.2: what a million tokens in and out cost."
            raise UsageError(f"no price is known for {target}, so max_cost cannot be kept", hint=hint)

    def reached(self, state: State, price: Price | None, seconds: float, in_flight: int) -> str:
        """Tell what was reached, in words; "" where the job may go on.

        What is on its way counts as much as the answers that came, on average: so a limit is kept, not noticed.

        Args:
            state: the answers so far.
            price: what tokens cost, or None.
            seconds: since the run began.
            in_flight: requests on their way, the next one among them.

        """
        if self.max_seconds is not None and seconds >= self.max_seconds:
            return f"stopped after {in_time(self.max_seconds)}, as max_seconds says"
        share = (state.asked + in_flight) / state.asked if state.asked else 1.0
        read, written = state.prompt_tokens * share, state.completion_tokens * share
        if self.max_tokens_total is not None and read + written > self.max_tokens_total:
            return f"it stopped before {self.max_tokens_total:,} tokens, as max_tokens_total says"
        if self.max_cost is not None and price is not None and price.cost(read, written) > self.max_cost:
            return f"it stopped before it cost {in_money(self.max_cost)}, as max_cost says"
        return ""
