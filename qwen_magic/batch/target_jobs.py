"""One prompt over many rows for each of several targets: a job for each, side by side, and one result."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.hidden import hidden
from ..backends.targets import parse_target
from ..errors import UsageError
from ..events import Usage
from .frames import unlike
from .job import Job
from .plan import plan_of_all
from .progress import progress_of_all
from .result import Result
from .rows import repeated, rows_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from ..client.client import QwenClient
    from ..reply import Reply
    from .answers import FirstAnswer, RowAnswer
    from .options import MapOptions
    from .plan import Plan
    from .progress import Progress
    from .rows import Rows
    from .state import FailedRow, RowStatus

_HINT = "Give a list of targets, each once: targets=['local', 'ollama:qwen3']."
_FIRST_SHOWN = 5


def job_of(client: QwenClient, prompt: str, rows: Any, options: MapOptions) -> Job | TargetJobs:
    """Make the job of some rows: of one target or chain, or of each of several targets.

    Args:
        client: the client that asks.
        prompt: the prompt.
        rows: the rows.
        options: how they are asked.

    Raises:
        UsageError: something in them cannot be asked; see `Job` and `TargetJobs`.
        TargetError: a target names nothing we know.

    """
    several = options.targets is not None
    return (TargetJobs if several else Job)(client, prompt, rows, options)


class TargetJobs:
    """One prompt over many rows for each of several targets.

    Use it like a `Job`. Its result has, for each row, one row for each target.

    Args:
        client: the client that asks.
        prompt: the prompt.
        rows: any frame, a list of dicts or of texts, or any iterable of known length.
        options: how they are asked; the limits hold for each target.

    Attributes:
        rows: the rows, each repeated for every target.
        targets: the targets, in order.
        jobs: the job of each.

    Raises:
        UsageError: the targets are not a list of different ones, or `Job` refuses the arguments.
        TargetError: a target names nothing we know.

    """

    def __init__(self, client: QwenClient, prompt: str, rows: Any, options: MapOptions) -> None:
        given = options.targets
        _check(options)
        self.targets = tuple(parse_target(hidden(name)) for name in given)
        names = [target.name for target in self.targets]
        if twice := [name for place, name in enumerate(names) if name in names[:place]]:
            raise UsageError(f"targets has {twice[0]} twice", hint=_HINT)
        once = rows_of(rows)
        self.jobs = [Job(client, prompt, once, replace(options, target=[name], targets=None)) for name in given]
        self.rows = repeated(once, len(names))
        self._answers = _Answers(self.rows, self.jobs, names)
        self._result = Result(self._answers, self)

    def __repr__(self) -> str:
        return repr(self._result).replace(" rows", " rows of a job", 1)

    def __await__(self) -> Generator[Any, None, Result]:
        return self.wait().__await__()

    async def __aiter__(self) -> AsyncGenerator[RowAnswer, None]:
        """Yield what comes of each row from each target, as it comes; who stops iterating stops all."""
        came: asyncio.Queue[RowAnswer | None] = asyncio.Queue()

        async def hear(number: int) -> None:
            try:
                async for answer in self.jobs[number]:
                    came.put_nowait(self._answers.state.placed(number, answer))
            finally:
                came.put_nowait(None)

        tasks = [asyncio.ensure_future(hear(number)) for number in range(len(self.jobs))]
        try:
            running = len(tasks)
            while running:
                answer = await came.get()
                if answer is None:
                    running -= 1
                else:
                    yield answer
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def result(self) -> Result:
        """The answers so far."""
        return self._result

    @property
    def unkept(self) -> str:
        """Why the answers of some target are only in the result, in one line; "" if all are kept."""
        return next((job.unkept for job in self.jobs if job.unkept), "")

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the prompt and on keeping the answers."""
        return tuple(dict.fromkeys(note for job in self.jobs for note in job.notes))

    @property
    def over(self) -> bool:
        """Whether all have run to their end, or were stopped."""
        return all(job.over for job in self.jobs)

    @property
    def stopped(self) -> str:
        """Which targets ended before all rows were asked, and why, in one line; "" where none did."""
        return self._said([job.stopped for job in self.jobs])

    @property
    def left_behind(self) -> str:
        """The batches that continue at a service without being waited for, in one line, or ""."""
        return self._said([job.left_behind for job in self.jobs])

    @property
    def cost(self) -> float | None:
        """What all have cost; None if the price of one is not known."""
        costs = [job.cost for job in self.jobs]
        return None if None in costs else sum(filter(None, costs))

    @property
    def first(self) -> FirstAnswer | None:
        """The first prompt, and its answer from the first target that has one; None until then."""
        return next((first for job in self.jobs if (first := job.first) is not None), None)

    @property
    def progress(self) -> Progress:
        """How much of all jobs is done."""
        parts = [job.progress for job in self.jobs]
        state = self._answers.state
        failures = [state.moved(number, one) for number, part in enumerate(parts) for one in part.failures]
        return progress_of_all(
            parts, failures=tuple(failures[:_FIRST_SHOWN]), stopped=self.stopped if self.over else ""
        )

    async def plan(self) -> Plan:
        """Look up the answers that are kept, and return what the rest would cost; nothing is sent."""
        return plan_of_all([await job.plan() for job in self.jobs])

    async def wait(self) -> Result:
        """Run all, or wait until they end; cancelling the wait stops them.

        Returns:
            The answers of each target to the rows; a target that answers nothing does not stop the others.

        """
        return await self._all([job.wait() for job in self.jobs])

    async def again(self) -> Result:
        """Ask each target the rows that failed or were not asked; see `Result.retry`.

        Raises:
            UsageError: the rows are still asked.

        """
        if any(job.running for job in self.jobs):
            raise UsageError("the rows are still being asked", hint="Wait for the end, or cancel the job first.")
        return await self._all([job.again() for job in self.jobs])

    def cancel(self) -> None:
        """Stop all, from any thread; what had arrived is kept, and is returned to the code that waits for it."""
        for job in self.jobs:
            job.cancel()

    async def write_batch(self, path: str | Path) -> int:
        """Refuse to write: such a file is for one server.

        Raises:
            UsageError: always.

        """
        raise UsageError(
            f"{Path(path).name} cannot hold the rows of several targets", hint="Name one target: target=..."
        )

    async def read_batch(self, path: str | Path) -> Result:
        """Refuse to read: such a file is from one server.

        Raises:
            UsageError: always.

        """
        raise UsageError(f"{Path(path).name} has the answers of one target", hint="Name that target: target=...")

    async def _all(self, waits: Sequence[Any]) -> Result:
        """Wait for all, whatever becomes of one; then raise what one raised."""
        for came in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(came, BaseException):
                raise came
        return self._result

    def _said(self, said: Sequence[str]) -> str:
        """Put what the jobs say into one line, each with its target."""
        pairs = zip((target.name for target in self.targets), said, strict=True)
        return "; ".join(one if one.startswith(name) else f"{name}: {one}" for name, one in pairs if one)


class _State:
    """What has become of the rows: place after place, each target's in turn."""

    def __init__(self, jobs: Sequence[Job], names: Sequence[str]) -> None:
        self._states, self._names = [job.state for job in jobs], names

    @property
    def usage(self) -> Usage:
        all_ = [state.usage for state in self._states]
        read, written = sum(one.prompt_tokens or 0 for one in all_), sum(one.completion_tokens or 0 for one in all_)
        return Usage(read, written, any(one.estimated for one in all_))

    @property
    def changes(self) -> int:
        return sum(state.changes for state in self._states)

    def rows(self, state: int) -> int:
        return sum(one.rows(state) for one in self._states)

    def status(self, row: int) -> RowStatus:
        place, number = divmod(row, len(self._states))
        return self._states[number].status(place)

    def failure(self, row: int) -> FailedRow:
        place, number = divmod(row, len(self._states))
        return self.moved(number, self._states[number].failure(place))

    def moved(self, number: int, failed: FailedRow) -> FailedRow:
        """Give a target's failed row its place among all."""
        return replace(failed, row=failed.row * len(self._states) + number, target=self._names[number])

    def placed(self, number: int, answer: RowAnswer) -> RowAnswer:
        """Give a target's row its place among all."""
        return replace(answer, row=answer.row * len(self._states) + number, target=self._names[number])


class _Answers:
    """What came of the rows: place after place, each target's in turn."""

    def __init__(self, rows: Rows, jobs: Sequence[Job], names: Sequence[str]) -> None:
        self.rows, self.state = rows, _State(jobs, names)
        self._answers, self._names = [job.answers for job in jobs], names

    def of_row(self, row: int) -> RowAnswer:
        place, number = divmod(row, len(self._answers))
        return self.state.placed(number, self._answers[number].of_row(place))

    def reply(self, row: int) -> Reply | None:
        place, number = divmod(row, len(self._answers))
        return self._answers[number].reply(place)

    def value(self, row: int) -> Any:
        place, number = divmod(row, len(self._answers))
        return self._answers[number].value(place)

    def columns(self) -> dict[str, list[Any]]:
        each = [answers.columns() for answers in self._answers]
        length = len(self.rows) // len(each)
        target = list(self._names) * length
        mixed = {name: [one[name][row] for row in range(length) for one in each] for name in each[0]}
        status, error = mixed.pop("status"), mixed.pop("error")
        return {**unlike(("target",), mixed), "target": target, "status": status, "error": error}


def _check(options: MapOptions) -> None:
    """Refuse targets that are no list, and what does not go with several.

    Raises:
        UsageError: it is so.

    """
    given = options.targets
    listed = isinstance(given, (list, tuple)) and bool(given)
    if not listed or not all(isinstance(name, str) and name.strip() for name in given):
        raise UsageError("targets is not a list of targets", hint=_HINT)
    if options.target is not None:
        raise UsageError("target and targets cannot be given together", hint="Put all of them into targets.")
    if options.executor is not None:
        raise UsageError("executor and targets cannot be given together", hint="Ask one target after the other.")
