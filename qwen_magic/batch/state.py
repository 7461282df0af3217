"""What has become of rows so far: the answers, the failures, and their sums."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Literal

from ..events import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .kept_answer import KeptAnswer
    from .work import Work

RowStatus = Literal["done", "recorded", "failed", "not asked"]
_STATUSES: tuple[RowStatus, ...] = ("not asked", "done", "recorded", "failed")
NOT_ASKED, DONE, RECORDED, FAILED = range(4)
_IS_OPEN = bytes([1] + [0] * 255)
"""1 for `NOT_ASKED`, 0 for the others."""
_NOTES = {
    "length": "the answer was cut at the token limit",
    "filtered": "the answer was cut off by a content filter",
}


@dataclass(frozen=True)
class FailedRow:
    """A row that failed.

    Attributes:
        row: its place.
        error: why, in one line.
        target: whom it was asked of, where each of several targets is asked, else "".

    """

    row: int
    error: str
    target: str = ""


class State:
    """The answers and failures of some work, by the numbers of its requests.

    Args:
        work: the work.
        rows: how many rows there are.

    Attributes:
        answers: the answers.
        values: what was read out of them, where they have a shape.
        errors: why a request failed.
        prompt_tokens: the tokens that were read for answers that are done, not recorded.
        completion_tokens: those that were written.
        estimated: whether some of them are estimates.
        asked: how many answers came, whole or in part.
        changes: how often anything changed.

    """

    def __init__(self, work: Work, rows: int) -> None:
        self._work = work
        self._states = bytearray(rows)  # there are no more different requests than rows
        self._rows = [rows, 0, 0, 0]
        self.answers: dict[int, KeptAnswer] = {}
        self.values: dict[int, object] = {}
        self.errors: dict[int, str] = {}
        self.first_failed: list[FailedRow] = []
        self.prompt_tokens = self.completion_tokens = 0
        self.estimated = False
        self.asked = self.changes = 0

    def rows(self, state: int) -> int:
        """Count the rows in a state; those that cannot be asked are among those not asked."""
        return self._rows[state]

    def is_open(self, number: int) -> bool:
        """Tell whether a request has neither an answer nor a failure."""
        return self._states[number] == NOT_ASKED

    def open(self, stop: int) -> Sequence[int]:
        """List the numbers of the requests, up to before one, that have neither an answer nor a failure."""
        return array("q", compress(range(stop), self._states[:stop].translate(_IS_OPEN)))

    def failed(self) -> list[int]:
        """List the numbers of the requests that failed."""
        return [number for number, state in enumerate(self._states) if state == FAILED]

    def reopen(self, number: int) -> None:
        """Take a failure back, so that it is asked again."""
        self._enter(number, NOT_ASKED)
        self.errors.pop(number, None)
        self.answers.pop(number, None)
        self.first_failed.clear()

    def recorded(self, number: int, answer: KeptAnswer, *value: object) -> None:
        """Note an answer that was there before, and the value that was read out of it where it has a shape."""
        self._enter(number, RECORDED)
        self._take(number, answer, value)

    def done(self, number: int, answer: KeptAnswer, *value: object) -> None:
        """Note an answer that came."""
        self._enter(number, DONE)
        self._take(number, answer, value)
        self.count(answer)

    def fail(
        self, number: int, error: str, partial: KeptAnswer | None = None, *, most: int = 5, recorded: bool = False
    ) -> None:
        """Note a failure, with what had arrived of the answer; what was recorded costs nothing."""
        self._enter(number, FAILED)
        self.errors[number] = error
        if partial is not None:
            self.answers[number] = partial
            if not recorded:
                self.count(partial)
        if len(self.first_failed) < most:
            self.first_failed.append(FailedRow(self._work.first[number], error))

    def count(self, answer: KeptAnswer) -> None:
        """Add what an answer cost."""
        self.asked += 1
        self.prompt_tokens += answer.prompt_tokens or 0
        self.completion_tokens += answer.completion_tokens or 0
        self.estimated = self.estimated or answer.estimated

    def status(self, row: int) -> RowStatus:
        """Tell what has become of a row."""
        number = self._work.number(row)
        return "not asked" if number is None else _STATUSES[self._states[number]]

    def error(self, row: int) -> str:
        """Tell why a row failed, was not asked, or what is wrong with its answer; "" where nothing is."""
        number = self._work.number(row)
        if number is None:
            return self._work.skipped.get(row, "")
        if number in self.errors:
            return self.errors[number]
        answer = self.answers.get(number)
        return _NOTES.get(answer.finish_reason, "") if answer else ""

    def failure(self, row: int) -> FailedRow:
        """Tell why a row failed, with its place."""
        return FailedRow(row, self.error(row))

    @property
    def usage(self) -> Usage:
        """The tokens that this run cost."""
        return Usage(self.prompt_tokens, self.completion_tokens, self.estimated)

    def _take(self, number: int, answer: KeptAnswer, value: tuple[object, ...]) -> None:
        self.answers[number] = answer
        if value:
            self.values[number] = value[0]

    def _enter(self, number: int, state: int) -> None:
        count = self._work.count(number)
        self._rows[self._states[number]] -= count
        self._rows[state] += count
        self._states[number] = state
        self.changes += 1
