"""A job: one prompt over many rows, from the plan to the result; awaited, iterated, cancelled, looked at."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.hidden import hidden
from ..backends.targets import parse_chain
from ..client.picture_size import made_for
from ..client.whole import whole_backend, with_schema
from ..errors import UsageError
from ..parameters import to_parameters
from ..schema import as_shape
from .answers import Answers, FirstAnswer
from .batch_files import line_file
from .keeping import Keeping, usual_path
from .known import look_up
from .lane import Lane
from .pace import Pace
from .plan import Plan, make_plan
from .prices import price_of
from .progress import progress_of
from .prompts import template
from .recordings import of_rows
from .request_lines import request_line
from .result import Result
from .rows import rows_of
from .run import Run
from .slices import slices
from .state import State
from .taken_answers import take_answers
from .to_the_end import run_to_the_end
from .ways import check_way, way_of
from .work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from ..backends.target import Target
    from ..backends.whole import WholeBackend
    from ..client.client import QwenClient
    from .answers import RowAnswer
    from .options import MapOptions
    from .progress import Progress
    from .ways import Way

_USUAL_AT_ONCE = 16
"""How many rows are asked at once, for an estimate of the time."""
_STOPPED = "it was stopped; run it again to continue"


class Job:
    """One prompt over many rows.

    Nothing is sent before it is awaited or iterated; what cannot be asked is refused at once. It runs once; after that
    `again` asks the rows without an answer.

    Args:
        client: the client that asks.
        prompt: the prompt; ``{name}`` is a column of the rows.
        rows: any frame, a list of dicts or of texts, or any iterable of known length.
        options: how they are asked.

    Attributes:
        rows: the rows.
        targets: the targets, in order.
        state: the state of each row.
        answers: their answers.
        notes: notes on the prompt and on keeping the answers.
        unkept: why the answers are only in the result, in one line; "" if they are kept.

    Raises:
        UsageError: the rows are not rows, a name in the prompt is unknown, or an option is out of its range.
        TargetError: a target names nothing we know.

    """

    def __init__(self, client: QwenClient, prompt: str, rows: Any, options: MapOptions) -> None:
        self._client, self._options = client, options
        self.rows = rows_of(rows)
        self.targets = parse_chain(hidden(options.target)) if options.target else client.targets
        self._parameters = to_parameters(dict(options.parameters))
        self._price = price_of(self.targets[0], options.prices)
        options.bounds.check(self._price, self.targets[0].name)
        names = [target.name for target in self.targets]
        shape = None if options.schema is None else as_shape(options.schema)
        with made_for(names[0], self._parameters):
            told: Any = {"system": options.system or "", "change": options.change}
            self._template = template(prompt, self.rows, options.variable, **told)
        self._work = Work(self.rows, self._template, self._parameters, names, shape)
        self.state = State(self._work, len(self.rows))
        looks: Any = {"into": options.into, "with_target": len(names) > 1, "with_reply": options.with_reply}
        self.answers = Answers(self.rows, self._work, self.state, **looks)
        self.notes: tuple[str, ...] = (*self._template.notes, *check_way(client, self.targets, options))
        recorded = options.recordings, options.replay
        self._recordings = of_rows(*recorded, self._work, self.targets, chosen=bool(options.target))
        self._keeping: Keeping | None = None
        self._run: Run | None = None
        self._way: Way | None = None
        self._looked_up = False
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hearers: list[asyncio.Queue[int | None]] = []
        self._result = Result(self.answers, self)
        self._cancelled = ""
        self._numbers: Sequence[int] = ()
        self.unkept = ""

    def __repr__(self) -> str:
        return repr(self._result).replace(" rows", " rows of a job", 1)

    def __await__(self) -> Generator[Any, None, Result]:
        return self.wait().__await__()

    async def __aiter__(self) -> AsyncGenerator[RowAnswer, None]:
        """Yield what comes of each row, as it comes: first what was recorded; at the end the rows that nobody asked.

        Who stops iterating stops the job; what had arrived is kept.
        """
        hearer: asyncio.Queue[int | None] = asyncio.Queue()
        self._hearers.append(hearer)
        told = bytearray(len(self.rows))
        task = self._begin()
        task.add_done_callback(lambda _: hearer.put_nowait(None))
        try:
            while (number := await hearer.get()) is not None:
                for row in self._work.rows_of(number):
                    told[row] = 1
                    yield self.answers.of_row(row)
            task.result()
            for row in range(len(self.rows)):
                if not told[row]:
                    yield self.answers.of_row(row)
        finally:
            self._hearers.remove(hearer)
            await self._stop(task)

    @property
    def result(self) -> Result:
        """The answers so far."""
        return self._result

    @property
    def over(self) -> bool:
        """Whether it has run to its end, or was stopped."""
        return self._task is not None and self._task.done()

    @property
    def running(self) -> bool:
        """Whether its rows are being asked now."""
        return self._task is not None and not self._task.done()

    @property
    def stopped(self) -> str:
        """Why it ended before all rows were asked, in one line; "" where it did not."""
        said = self._cancelled or (self._run.stopped if self._run else "")
        return f"{self.left_behind}; {said}" if said and self.left_behind else said

    @property
    def left_behind(self) -> str:
        """The batches that continue at a service without being waited for, in one line, or ""."""
        return self._way.left_behind if self._way else ""

    @property
    def cost(self) -> float | None:
        """What it has cost so far, or None if no price is known."""
        state = self.state
        return None if self._price is None else self._price.cost(state.prompt_tokens, state.completion_tokens)

    @property
    def first(self) -> FirstAnswer | None:
        """The first prompt of this run and its answer; None until that arrives."""
        number = self._numbers[0] if self._numbers else None
        if number is None or self.state.is_open(number):
            return None
        answer, prompt = self.state.answers.get(number), self._work.messages(number)[-1].text
        return FirstAnswer(prompt, answer.text if answer else f"failed: {self.state.errors.get(number, '')}")

    @property
    def progress(self) -> Progress:
        """How much of it is done."""
        to_ask = len(self._numbers) if self._looked_up else 0
        return progress_of(
            self.state, self._run, rows=len(self.rows), to_ask=to_ask, cost=self.cost, stopped=self.stopped
        )

    async def plan(self) -> Plan:
        """Look up the answers that are kept, and return what the rest would cost; nothing is sent."""
        await self._look_up()
        return make_plan(
            self._work,
            self.state,
            self._numbers,
            rows=len(self.rows),
            targets=[target.name for target in self.targets],
            price=self._price,
            ledger=self._client.usage,
            at_once=self._options.concurrency or Lane(self._client, self.targets).most or _USUAL_AT_ONCE,
            max_tokens=self._parameters.max_tokens,
            notes=self.notes,
        )

    async def wait(self) -> Result:
        """Run it, or wait until it ends; cancelling the wait stops it.

        Returns:
            The answers to the rows.

        """
        task = self._begin()
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await self._stop(task)
            raise
        return self._result

    async def write_batch(self, path: str | Path) -> int:
        """Write what is to be asked as JSON lines, for ``vllm run-batch`` or a batch service; nothing is sent.

        Args:
            path: the file.

        Returns:
            How many lines it has; rows with an answer that is kept are not among them.

        Raises:
            UsageError: the target is not a model of an OpenAI-compatible server, or the file cannot be written.

        """
        await self._look_up()
        target = self.targets[0]
        backend = whole_backend(self._client, target)
        if backend is None or not target.model:
            hint = "Use a server's model as the target, such as openai:URL#MODEL."
            raise UsageError(f"{target.name} has no model that a batch file could ask", hint=hint)
        try:
            with line_file(path) as file:
                for numbers in slices(self._numbers):
                    file.writelines(f"{self._line(number, target, backend)}\n" for number in numbers)
                    await asyncio.sleep(0)
        finally:
            await self._close_keeping()
        return len(self._numbers)

    async def read_batch(self, path: str | Path) -> Result:
        """Take the answers of a file that ``vllm run-batch`` or a batch service made, and keep them.

        Args:
            path: the file, or several files joined into one.

        Returns:
            The answers to the rows; those that are not in the file are not asked.

        Raises:
            UsageError: the file cannot be read, or has no answer to any of the rows.

        """
        await self._look_up()
        try:
            await take_answers(path, self._work, self.state, self._new_run(), self.targets[0].name)
        finally:
            await self._close_keeping()
        return self._result

    def _line(self, number: int, target: Target, backend: WholeBackend) -> str:
        request = with_schema(self._work.request(number), backend)
        return request_line(self._work.keys[number], target.model, request, target.server)

    def cancel(self) -> None:
        """Stop it, from any thread; what had arrived is kept, and is returned to the code that waits for it."""
        self._cancelled = _STOPPED
        if self._task is not None and self._loop is not None and not self._task.done():
            with contextlib.suppress(RuntimeError):  # its loop is closed
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def again(self) -> Result:
        """Ask the rows that failed or were not asked; see `Result.retry`."""
        if self.running:
            raise UsageError("the rows are still being asked", hint="Wait for the end, or cancel the job first.")
        failed = self.state.failed()
        if self._recordings:
            self._recordings.check(failed or self._still_open())
        for number in failed:
            self.state.reopen(number)
        self._task, self._run, self._cancelled = None, None, ""
        self._numbers = self._still_open()
        return await self.wait()

    def _begin(self) -> asyncio.Task[None]:
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._all())
        return self._task

    async def _stop(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            self._cancelled = self._cancelled or _STOPPED
            task.cancel()
            await asyncio.wait({task})

    async def _all(self) -> None:
        """Look up what is known, ask the rest, and close what was opened; a cancelled job ends like any other."""
        try:
            await self._look_up()
            if self._numbers and not self._cancelled:
                if self._recordings:
                    self._recordings.check(self._numbers)
                await self._ask()
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
        finally:
            if await run_to_the_end(self._close_keeping()) and not self._cancelled:  # what came is kept first
                raise asyncio.CancelledError

    async def _look_up(self) -> None:
        """Read the rows, and find the answers that are kept, once."""
        async with self._looking:
            if self._looked_up:
                return
            with made_for(self.targets[0].name, self._parameters):
                await self._work.read()
            how: Any = {"fresh": self._options.fresh, "with_thinking": self._options.with_reply}
            for number in await look_up(self._work, self.state, self._opened, self._recordings, **how):
                self._tell(number)
            if self._keeping is not None and self._keeping.unread:
                self.notes += (self._keeping.unread,)
            self._looked_up = True
            self._numbers = self._still_open()

    def _still_open(self) -> Sequence[int]:
        """List the requests that are to be asked."""
        limit, first = self._options.limit, self._work.first
        return self.state.open(len(first) if limit is None else bisect_left(first, limit))

    def _new_run(self) -> Run:
        options, client = self._options, self._client
        lane = Lane(client, self.targets, shaped=self._work.shape is not None)
        most = min(filter(None, (options.concurrency, lane.most)), default=None)
        return Run(
            self._work,
            self.state,
            self._numbers,
            lane=lane,
            pace=Pace(most, fixed=most is not None),
            keeping=self._opened(),
            bounds=options.bounds,
            price=self._price,
            clock=client.settings.clock,
            patience=client.settings.retry_timeout,
            with_thinking=self._options.with_reply or self._recordings is not None,
            told=self._ended,
        )

    async def _ask(self) -> None:
        self._run = self._new_run()
        shared: Any = {"work": self._work, "keeping": self._opened(), "parameters": self._parameters}
        again = self._way is not None
        self._way = way_of(self._client, self.targets, self._options, run=self._run, again=again, **shared)
        await self._way.run()
        self.notes += self._way.notes

    def _ended(self, number: int) -> None:
        """Record the answer that came, and tell of it."""
        answer = self.state.answers.get(number)
        if self._recordings and answer is not None:
            self._recordings.take(number, answer)
        self._tell(number)

    def _tell(self, number: int) -> None:
        for hearer in self._hearers:
            hearer.put_nowait(number)

    def _opened(self) -> Keeping:
        if self._keeping is None:
            keep = self._options.keep
            path = None if keep is False else usual_path() if keep is True else Path(keep)
            self._keeping = Keeping(path)
        return self._keeping

    async def _close_keeping(self) -> None:
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            await keeping.finish()
            await asyncio.get_running_loop().run_in_executor(None, keeping.close)
        self.unkept = keeping.trouble if keeping is not None else ""
        said = [self.unkept]
        if self._recordings:
            said += await self._recordings.finish()
        self.notes += tuple(note for note in said if note and note not in self.notes)
