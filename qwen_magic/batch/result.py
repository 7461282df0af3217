"""What came of many rows: a frame as long as the rows, whatever became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .frames import all_columns, with_columns
from .state import DONE, FAILED, NOT_ASKED, RECORDED

if TYPE_CHECKING:
    from ..events import Usage
    from ..reply import Reply
    from .answers import RowAnswer
    from .rows import Rows
    from .state import FailedRow, RowStatus


class Standing(Protocol):
    """What has become of rows, as the result sees it."""

    @property
    def usage(self) -> Usage:
        """The tokens of this run."""

    @property
    def changes(self) -> int:
        """How often anything changed."""

    def rows(self, state: int) -> int:
        """Count the rows in a state."""
        ...

    def status(self, row: int) -> RowStatus:
        """Tell what has become of a row."""
        ...

    def failure(self, row: int) -> FailedRow:
        """Tell why a row failed."""
        ...


class Answered(Protocol):
    """What came of rows by their places, as the result sees it."""

    @property
    def rows(self) -> Rows:
        """The rows."""

    @property
    def state(self) -> Standing:
        """What has become of them."""

    def of_row(self, row: int) -> RowAnswer:
        """Return what came of a row."""
        ...

    def reply(self, row: int) -> Reply | None:
        """Return the reply to a row, or None."""
        ...

    def value(self, row: int) -> Any:
        """Return the value of a row's answer, or None."""
        ...

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that stand beside those of the rows."""
        ...


class Running(Protocol):
    """The job that a result is of, as the result sees it."""

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""

    @property
    def stopped(self) -> str:
        """Why it ended before all rows were asked, or ""."""

    @property
    def cost(self) -> float | None:
        """What it has cost, or None."""

    async def again(self) -> Result:
        """Ask what has no answer."""


class Result:
    """The answers to the rows of a job so far; it grows while the job runs.

    Args:
        answers: the answers by rows.
        job: the job.

    """

    def __init__(self, answers: Answered, job: Running) -> None:
        self._answers, self._job = answers, job
        self._made: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return len(self._answers.rows)

    def __getitem__(self, row: int) -> RowAnswer:
        """Return the answer to one row."""
        length = len(self)
        if not -length <= row < length:
            raise IndexError(row)
        return self._answers.of_row(row % length)

    def __repr__(self) -> str:
        from ..text.counts import counted  # noqa: PLC0415 - light import
        from ..text.terminal import safe_line  # noqa: PLC0415 - light import

        return safe_line(f"<{counted(len(self), 'row')}: {self.summary}>")

    @property
    def summary(self) -> str:
        """How many rows are done, recorded, failed and not asked, in one line."""
        state = self._answers.state
        counts = {"done": DONE, "recorded": RECORDED, "failed": FAILED, "not asked": NOT_ASKED}
        said = [f"{state.rows(one):,} {name}" for name, one in counts.items() if state.rows(one)]
        return ", ".join(said or ["no row had to be asked"]) + (f"; {self.stopped}" if self.stopped else "")

    @property
    def stopped(self) -> str:
        """Why the job ended before all rows were asked, in one line; "" where it did not."""
        return self._job.stopped

    @property
    def frame(self) -> Any:
        """The rows with their answers: the rows' columns and index, the answers' columns, `status` and `error`.

        It is made with the library of the rows, and always has as many rows. If several targets were named, `target`
        is the one that answered, or was asked.
        """
        changes = self._answers.state.changes
        if self._made is None or self._made[0] != changes:
            self._made = changes, with_columns(self._answers.rows, self._answers.columns())
        return self._made[1]

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of `frame` as lists, by their names."""
        return all_columns(self._answers.rows, self._answers.columns())

    @property
    def values(self) -> list[Any]:
        """The value of each row's answer, or its text if no shape was asked for; None for a row without an answer."""
        return [self._answers.value(row) for row in range(len(self))]

    @property
    def replies(self) -> list[Reply | None]:
        """The reply to each row, or None; its thinking is only kept with ``with_reply``."""
        return [self._answers.reply(row) for row in range(len(self))]

    @property
    def failed(self) -> list[FailedRow]:
        """The rows that failed, each with its number and the reason."""
        state = self._answers.state
        return [state.failure(row) for row in range(len(self)) if state.status(row) == "failed"]

    @property
    def usage(self) -> Usage:
        """The tokens that this run cost; what was recorded costs nothing."""
        return self._answers.state.usage

    @property
    def cost(self) -> float | None:
        """What this run cost, in the currency of the prices; None if no price is known."""
        return self._job.cost

    async def retry(self) -> Result:
        """Ask the rows that failed or were not asked again, and return this result, which then has their answers.

        Raises:
            UsageError: the job still runs.

        """
        return await self._job.again()

    def retry_sync(self) -> Result:
        """Ask them from synchronous code; see `retry`."""
        from ..loop import background_loop  # noqa: PLC0415 - light import

        return background_loop().run(self._job.again())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        from ..text.terminal import safe_terminal  # noqa: PLC0415 - light import

        shown = {"text/plain": safe_terminal(f"{self!r}\n{self.frame!r}")}
        html = getattr(self.frame, "_repr_html_", None)  # pandas and polars write no tag of a cell's as such
        return shown | ({"text/html": safe_terminal(html())} if html is not None else {})
