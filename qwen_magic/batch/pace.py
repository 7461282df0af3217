"""How many rows are asked at once: a number that finds itself. Times are handed in, nothing is waited for here."""

from __future__ import annotations

_FIRST = 4
_MOST = 64
_HOLDS = 1.5
"""The time per row holds while it is at most so many times what it was with fewer at once."""
_BETTER = 1.1
"""More at once are worth it while rows come so many times as fast."""
_FIRST_REST, _LONGEST_REST = 1.0, 30.0
"""Seconds after which a server that refused is asked again, where it does not say when; doubled each time."""
_ROUNDS_AFTER_REFUSAL = 4
"""Rounds without a refusal for one more at once, where there was one before."""


class Pace:
    """Find how many rows are asked at once.

    It doubles from round to round (as many rows as are asked at once) while that makes rows come faster and the time
    per row holds, and then stays. A server that refuses (429, 503) is left alone for as long as it says, then asked for
    one row, and after that for half as many as before; from there the number grows slowly.

    Args:
        most: the most at once; without it the pace looks for it.
        fixed: whether it begins with the most.

    Attributes:
        limit: how many at once now.

    """

    def __init__(self, most: int | None = None, *, fixed: bool = False) -> None:
        self._most = most or _MOST
        self.limit = self._most if fixed else min(_FIRST, self._most)
        self._seconds = 0.0
        self._rows = 0
        self._best = 0.0
        self._least: float | None = None
        self._found = fixed
        self._after = self.limit
        self._rest = _FIRST_REST
        self._resting_until = float("-inf")
        self._halved_at = float("-inf")
        self._probing = False
        self._refused = False

    def delay(self, now: float) -> float:
        """Tell for how many seconds nothing is to be asked."""
        return max(0.0, self._resting_until - now)

    def answered(self, seconds: float) -> None:
        """Note that a row was answered, and how long that took."""
        self._rest = _FIRST_REST
        if self._probing:
            self._probing, self.limit = False, self._after
            self._begin_round()
            return
        self._rows += 1
        self._seconds += seconds
        if self._rows >= self.limit * (_ROUNDS_AFTER_REFUSAL if self._refused else 1):
            self._end_round()

    def refused(self, now: float, asked_at: float, retry_after: float | None = None) -> None:
        """Note that the server refused a row because it is asked too much.

        Args:
            now: the time.
            asked_at: when that row was asked; those that were on their way together count once.
            retry_after: seconds for which the server wants to be left alone, or None.

        """
        if asked_at >= self._halved_at:
            self._halved_at = now
            if not self._probing:
                self._after = max(1, self.limit // 2)
            rest = self._rest if retry_after is None else retry_after
            self._rest = min(2 * self._rest, _LONGEST_REST)
            self._resting_until = max(self._resting_until, now + rest)
        elif retry_after is not None:
            self._resting_until = max(self._resting_until, now + retry_after)
        self.limit, self._probing, self._refused, self._found = 1, True, True, True

    def _end_round(self) -> None:
        mean = self._seconds / self._rows
        speed = self.limit / mean if mean > 0 else float("inf")
        if self._refused:
            self.limit = min(self.limit + 1, self._most)
        elif not self._found:
            self._least = mean if self._least is None else min(self._least, mean)
            faster = speed >= _BETTER * self._best
            if faster and (mean <= _HOLDS * self._least or speed >= 1.5 * self._best):
                self._best, self._after = speed, self.limit
                self.limit = min(2 * self.limit, self._most)
            else:
                self.limit, self._found = (self.limit if faster else self._after), True
        self._begin_round()

    def _begin_round(self) -> None:
        self._rows, self._seconds = 0, 0.0
