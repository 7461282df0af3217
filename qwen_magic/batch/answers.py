"""The answers by rows: what came of each, and the columns that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .frames import unlike

if TYPE_CHECKING:
    from ..reply import Reply
    from .kept_answer import KeptAnswer
    from .rows import Rows
    from .state import RowStatus, State
    from .work import Work

_ANSWER = "answer"
_OF_REPLIES = ("thinking", "prompt_tokens", "completion_tokens", "seconds", "finish_reason")


@dataclass(frozen=True)
class RowAnswer:
    """The answer to one row.

    Attributes:
        row: its number, from 0.
        status: "done", "recorded", "failed" or "not asked".
        reply: its complete or partial answer, or None.
        value: the value of its answer if a shape was asked for, else its text; None without an answer.
        error: why it failed, in one line, or "".
        target: the target that was asked, if each of several targets is asked, else "".

    """

    row: int
    status: RowStatus
    reply: Reply | None
    value: Any
    error: str
    target: str = ""

    def __str__(self) -> str:
        from ..text.terminal import safe_terminal  # noqa: PLC0415 - light import

        return safe_terminal(f"row {self.row}: {self.status}{f', {self.error}' if self.error else ''}")


@dataclass(frozen=True)
class FirstAnswer:
    """The first row that is asked, which goes alone.

    Attributes:
        prompt: what was asked.
        answer: its answer, or that it failed and why.

    """

    prompt: str
    answer: str


class Answers:
    """What came of rows so far, by their places.

    Args:
        rows: the rows.
        work: their different requests.
        state: what has become of these.
        into: the name of the answer's column, or None.
        with_target: whether the frame says which target answered.
        with_reply: whether it has the thinking and the usage.

    Attributes:
        rows: the rows.
        state: what has become of them.

    """

    def __init__(
        self,
        rows: Rows,
        work: Work,
        state: State,
        *,
        into: str | None = None,
        with_target: bool = False,
        with_reply: bool = False,
    ) -> None:
        self.rows, self.state = rows, state
        self._work, self._into = work, into
        self._with_target, self._with_reply = with_target, with_reply

    def answer(self, row: int) -> KeptAnswer | None:
        """Return the answer to a row, whole or in part, or None."""
        number = self._work.number(row)
        return None if number is None else self.state.answers.get(number)

    def reply(self, row: int) -> Reply | None:
        """Return the reply to a row, whole or in part, or None."""
        answer, number = self.answer(row), self._work.number(row)
        if answer is None or number is None:
            return None
        return answer.reply(self._work.request(number), recorded=self.state.status(row) == "recorded")

    def value(self, row: int) -> Any:
        """Return the value of a row's answer, or its text where it has no shape; None where there is none."""
        if self._work.shape is not None:
            number = self._work.number(row)
            return None if number is None else self.state.values.get(number)
        answer = self.answer(row)
        return answer.text if answer else None

    def of_row(self, row: int) -> RowAnswer:
        """Return what came of a row."""
        return RowAnswer(row, self.state.status(row), self.reply(row), self.value(row), self.state.error(row))

    def _of_answers(self) -> dict[str, list[Any]]:
        """Return the column of the answers; of those with a shape, one for each of its fields."""
        places, shape = range(len(self.rows)), self._work.shape
        if shape is None or not shape.fields:
            return {self._into or _ANSWER: [self.value(row) for row in places]}
        found: dict[str, list[Any]] = {name: [None] * len(places) for name in shape.fields}
        for row in places:
            number = self._work.number(row)
            if number is not None and number in self.state.values:
                for name, value in shape.row(self.state.values[number]).items():
                    found[name][row] = value
        if self._into is None:
            return found
        only = len(shape.fields) == 1
        return {self._into if only else f"{self._into}_{name}": values for name, values in found.items()}

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that stand beside those of the rows, a value for each row.

        A field of a shape that is called as one of ours, such as ``status``, has another name.
        """
        places, state = range(len(self.rows)), self.state
        columns: dict[str, list[Any]] = {}
        answers = [self.answer(row) for row in places] if self._with_target or self._with_reply else []
        if self._with_target:
            columns["target"] = [answer.target if answer else None for answer in answers]
        if self._with_reply:
            columns |= {name: [getattr(one, name) if one else None for one in answers] for name in _OF_REPLIES}
        columns["status"] = [state.status(row) for row in places]
        columns["error"] = [state.error(row) for row in places]
        return unlike(tuple(columns), self._of_answers()) | columns
