"""Rows asked through a batch service: sent in files, found again by any later kernel, waited for, taken, kept.

What is interrupted goes on at the service; what asks the same rows again waits for the batch that they are in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..backends.openai.batch_service import has_no_batches
from ..client.whole import batch_service, has_batches, reply_of, whole_backend, with_schema
from ..errors import NotFoundError, ProtocolError, QwenError, ServerError, StoreError, UsageError
from ..messages import Message
from ..request import Request
from .batch_files import batch_files
from .kept_answer import KeptAnswer
from .lane import is_sure
from .request_lines import answer_of_line, request_line
from .sent_batches import SentBatches, SentLine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence

    from ..backends.openai.batch_service import BatchState
    from ..backends.target import Target
    from ..client.client import QwenClient
    from .batch_files import BatchFile
    from .keeping import Keeping
    from .request_lines import LineAnswer
    from .run import Run
    from .sent_batches import SentBatch
    from .work import Work

FIRST_WAIT, LONGEST_WAIT, LONGER = 5.0, 60.0, 1.5
"""Seconds until it is asked how far a batch is: more each time, for most take minutes or hours."""
_AT_ONCE = 500
_FINISHED = ("stop", "length")
_BAD_REQUEST, _NOT_FOUND = 400, 404
_FETCHES = 3
"""How often answers are fetched of which there are fewer than the service counts; then the rest has none."""


def check_batch(client: QwenClient, targets: Sequence[Target]) -> None:
    """Refuse targets that have no batch service, before anything is sent.

    Raises:
        UsageError: it is so.

    """
    target = targets[0]
    hint = "Name one server's model, such as -t dashscope:qwen-plus or openai:https://api.openai.com/v1#MODEL."
    if len(targets) > 1:
        raise UsageError("a batch can be sent to one target only, and there are several", hint=hint)
    if not has_batches(client, target):
        raise UsageError(f"{target.name} has no batch service", hint=hint)
    if not _model(target):
        raise UsageError(f"{target.name} does not say which model a batch is for", hint=hint)


class Service:
    """The batches of one target.

    Args:
        client: who asks.
        target: the target.
        keeping: where answers and batches are kept.

    Attributes:
        sent: the batches that were sent.
        clock: the time.

    """

    def __init__(self, client: QwenClient, target: Target, keeping: Keeping) -> None:
        self._client, self.target, self.keeping = client, target, keeping
        self.clock = client.settings.clock
        self.sent = SentBatches(keeping)
        self._short: Counter[int] = Counter()

    async def send(
        self, requests: Iterable[tuple[bytes, Request]], shape: str, too_long: Callable[[bytes, str], None]
    ) -> AsyncGenerator[SentBatch, None]:
        """Send requests, in as many batches as they need.

        Args:
            requests: the requests, each with its key; they are made in another thread, a file's at a time.
            shape: the shape of the answers as JSON, or "".
            too_long: called with the key of a request that no batch takes, and why.

        Yields:
            Each batch, when it is begun.

        Raises:
            UsageError: the target has no batch service.
            QwenError: something could not be sent; what was is kept.

        """
        backend, target = whole_backend(self._client, self.target), self.target
        if backend is None:
            raise UsageError(f"{target.name} has no batch service")
        prompts: dict[bytes, str] = {}

        def lines() -> Iterator[tuple[bytes, str]]:
            for key, request in requests:
                prompts[key] = request.messages[-1].text
                yield key, request_line(key, _model(target), with_schema(request, backend), target.server, batch=True)

        refused = list[tuple[bytes, str]]()
        async with batch_service(self._client, target) as service:
            limits = service.limits
        files = batch_files(lines(), limits, lambda key, why: refused.append((key, why)))
        try:
            while (file := await asyncio.get_running_loop().run_in_executor(None, next, files, None)) is not None:
                name = await self._upload(file)
                told = [SentLine(key, prompts.pop(key)) for key in file.numbers]
                try:
                    batch = await self.sent.add(name, target.name, _model(target), shape, told)
                except StoreError:  # nobody would find it again
                    await self._delete(name)
                    raise
                yield await self.begin(batch)
        finally:
            for key, why in refused:
                too_long(key, why)

    async def _delete(self, *files: str) -> None:
        """Delete files at the service; where that fails, they stay there as long as it keeps any."""
        with contextlib.suppress(QwenError):
            async with batch_service(self._client, self.target) as service:
                for file in files:
                    with contextlib.suppress(QwenError):
                        await service.delete(file)

    async def _upload(self, file: BatchFile[bytes]) -> str:
        """Upload a file of requests; return the service's id of it."""
        try:
            async with batch_service(self._client, self.target) as service:
                return await service.upload(file.file)
        except ServerError as error:
            if has_no_batches(error):
                hint = "Ask without a batch: the rows are then asked one by one."
                raise UsageError(f"{self.target.name} has no batch service", hint=hint) from None
            raise

    async def begin(self, batch: SentBatch) -> SentBatch:
        """Have a batch begun, unless it was, and nobody heard it."""
        if batch.id:
            return batch
        try:
            async with batch_service(self._client, self.target) as service:
                state = await service.of_file(batch.file) or await service.create(batch.file)
        except ServerError as error:
            if error.status in (_BAD_REQUEST, _NOT_FOUND):  # of a file that it no longer has
                error.hint = f"%qwen batches forget {batch.file} gives it up, and its rows are then asked again"
            raise
        return await self._noted(batch, state)

    async def _noted(self, batch: SentBatch, state: BatchState) -> SentBatch:
        """Keep what the service says; where that cannot be now, it is asked again, and an id is found by its file."""
        with contextlib.suppress(StoreError):
            return await self.sent.note(batch, state)
        return batch.with_state(state)

    async def look(self, batch: SentBatch) -> tuple[SentBatch, BatchState]:
        """Ask how far a batch is.

        Raises:
            QwenError: nobody says.

        """
        batch = await self.begin(batch)
        try:
            async with batch_service(self._client, self.target) as service:
                state = await service.state(batch.id)
        except NotFoundError as error:
            error.what = f"the service does not know the batch {batch.id}"
            error.hint = f"Use the key that it was sent with, or give it up with %qwen batches forget {batch.id}"
            raise
        return await self._noted(batch, state), state

    async def cancel(self, batch: SentBatch) -> SentBatch:
        """Have a batch stopped at the service."""
        batch = await self.begin(batch)
        async with batch_service(self._client, self.target) as service:
            return await self._noted(batch, await service.cancel(batch.id))

    async def take(self, batch: SentBatch, state: BatchState) -> dict[bytes, str]:
        """Keep the answers of a batch that is over; delete its files at the service when all are kept.

        What came before a failure is kept. Of several lines for one request the first answer counts.

        Returns:
            Why some requests have no answer, by their keys.

        Raises:
            QwenError: the answers cannot be fetched or kept, or some of those that the service counts are not there
                yet; nothing is deleted.

        """
        lines = {line.key: line for line in await self.sent.lines(batch)}
        errors = dict.fromkeys(lines, _without_answer(state))
        silent, given = set(lines), set[bytes]()
        date, names = datetime.now(timezone.utc).isoformat(timespec="seconds"), dict[str, str]()
        writing: list[Coroutine[object, object, None]] = []
        try:
            async for told, said in self._told(batch, state):
                if told.key not in errors:  # it is none of ours, or has its answer
                    continue
                try:
                    answer = _answer(lines[told.key], told.events, told.error, self.target.name, date, names)
                except QwenError as error:
                    errors[told.key] = said(error.what)
                else:
                    errors.pop(told.key)
                    writing.append(self.keeping.keep(told.key, answer))
                silent.discard(told.key)
                given.update(() if told.error else (told.key,))
                if len(writing) >= _AT_ONCE:
                    await asyncio.gather(*writing)
                    writing.clear()
        finally:
            await asyncio.gather(*writing)
        if self.keeping.trouble:
            raise StoreError(self.keeping.trouble, hint="Free some space; until then the answers stay at the service.")
        if short := max(0, min(state.done, len(lines)) - len(given)):
            self._check_again(batch, state, len(given))
            errors.update(dict.fromkeys(silent, _STAYS))
        await self.sent.taken(batch, errors)
        if not short:
            await self._delete(batch.file, *state.files)
        return errors

    async def _told(
        self, batch: SentBatch, state: BatchState
    ) -> AsyncGenerator[tuple[LineAnswer, Callable[[str], str]], None]:
        """Fetch what the files of a batch say of any request, and what takes keys out of a failure's words."""
        async with batch_service(self._client, self.target) as service:
            for file in state.files:
                try:
                    async with contextlib.aclosing(service.lines(file)) as found:
                        async for line in found:
                            if told := answer_of_line(line, self.target.name):
                                yield told, service.said
                except NotFoundError as error:
                    error.what = f"the service no longer has the answers of the batch {batch.id}"
                    error.hint = f"%qwen batches forget {batch.id} gives it up, and its rows are then asked again"
                    raise

    def _check_again(self, batch: SentBatch, state: BatchState, came: int) -> None:
        """Have a file fetched again that has fewer answers than the service counts, so many times."""
        self._short[batch.number] += 1
        if self._short[batch.number] < _FETCHES:
            what = f"the service counts {state.done:,} answers, and {came:,} came"
            raise ProtocolError(what, target=self.target.name, hint="Ask again later.")


class ServiceRun:
    """Ask what is open through a batch service, and wait for it.

    Args:
        service: the target's batches.
        run: takes what comes; asks the first row alone.
        work: all different requests.
        fresh: whether rows are sent that are in a batch already.

    """

    def __init__(self, service: Service, run: Run, work: Work, *, fresh: bool = False) -> None:
        self._service, self._run, self._work = service, run, work
        self._keeping, self._clock, self._fresh = service.keeping, service.clock, fresh
        self._waiting: dict[int, SentBatch] = {}
        self._odd = 0

    notes: tuple[str, ...] = ()

    @property
    def left_behind(self) -> str:
        """What goes on at the service without us; "" where nothing does."""
        ids = [batch.id for batch in self._waiting.values() if batch.id]
        more = f" and {len(ids) - 1} more go" if len(ids) > 1 else " goes"
        return f"batch {ids[0]}{more} on at the service" if ids else ""

    async def run(self) -> None:
        """Send what is not on its way, wait, and give what comes to the run."""
        run = self._run
        run.begun = self._clock.now()
        try:
            await self._send()
            await self._wait()
        except QwenError as error:
            run.stopped = run.stopped or f"{error.what}. {error.hint}".rstrip(". ") + "; run it again to continue"
        finally:
            run.waiting, run.ended = "", self._clock.now()

    async def _send(self) -> None:
        run, keys, service = self._run, self._work.keys, self._service
        numbers = {keys[number]: number for number in run.left()}
        there = {} if self._fresh else await service.sent.on_their_way(list(numbers), service.target.name)
        if there:
            self._waiting = {batch.number: batch for batch in await service.sent.all() if batch.number in there}
            for found in there.values():
                for key in found:
                    numbers.pop(key, None)
        elif not run.knows_an_answer:  # one row tells whether the prompt is what was meant
            if not await run.first():
                run.stopped = run.stopped or "the first rows were not answered, so no batch was sent"
            numbers = {keys[number]: number for number in run.left()}
        if not numbers or run.stopped:
            return
        run.waiting = "sending the batch"
        requests = ((key, self._work.request(number)) for key, number in numbers.items())
        sending = service.send(requests, self._shape(), lambda key, why: run.take_failure(numbers[key], why))
        async with contextlib.aclosing(sending) as begun:
            async for batch in begun:
                self._waiting[batch.number] = batch

    async def _wait(self) -> None:
        wait = FIRST_WAIT
        numbers = {self._work.keys[number]: number for number in self._run.left()}
        while self._waiting and not self._run.stopped:
            said = [await self._look(batch, numbers) for batch in list(self._waiting.values())]
            if not self._waiting or self._run.over_time():
                return
            self._run.waiting = "; ".join(filter(None, said))
            await self._clock.sleep(wait)
            wait = min(wait * LONGER, LONGEST_WAIT)

    async def _look(self, batch: SentBatch, numbers: dict[bytes, int]) -> str:
        """Ask after one batch, and take it where it is over; say how far it is."""
        try:
            batch, state = await self._service.look(batch)
            self._waiting[batch.number] = batch
            if not state.over:
                self._odd = 0
                return f"batch {batch.id}: {batch.line}"
            errors = await self._service.take(batch, state)
            self._odd = 0
        except QwenError as error:
            self._odd += isinstance(error, ProtocolError)
            stays = isinstance(error, StoreError) and not self._keeping.locked
            if is_sure(error) or stays or self._odd >= _MOST_ODD:
                raise
            return f"batch {batch.id}: {error.what}, trying again"  # it may be hours until the network is back
        del self._waiting[batch.number]
        mine = [key for key in (line.key for line in await self._service.sent.lines(batch)) if key in numbers]
        known = await self._keeping.known(mine)
        for key in mine:
            if key not in errors and key in known:
                self._run.take_kept(numbers[key], known[key])
            else:
                self._run.take_failure(numbers[key], errors.get(key) or _NOTHING)
        return ""

    def _shape(self) -> str:
        import json  # noqa: PLC0415 - only where a batch is sent

        shape = self._work.shape
        return "" if shape is None else json.dumps(shape.json_schema)


_NOTHING = "the service gave no answer"
_MOST_ODD = 5
"""How often what makes no sense may come in a row: then it is no page of a network that is away for a while."""
_STAYS = "the service gave no answer, though it counts one; its file stays there"


def _answer(
    line: SentLine, events: Sequence[object], error: str, target: str, date: str, names: dict[str, str]
) -> KeptAnswer:
    """Make the answer to a request.

    Raises:
        QwenError: there is none.

    """
    if error:
        raise QwenError(error)
    reply = reply_of(Request((Message("user", line.prompt),)), events, target)  # type: ignore[arg-type] # they are events
    if reply.finish_reason not in _FINISHED:
        raise QwenError("the answer was broken off")
    return KeptAnswer.of(reply, date, names)


def _without_answer(state: BatchState) -> str:
    if state.status == "failed":
        return f"the batch failed: {state.error}" if state.error else "the batch failed"
    if state.status in ("expired", "cancelled"):
        return f"the batch {'expired' if state.status == 'expired' else 'was cancelled'} before it was answered"
    return _NOTHING


def _model(target: Target) -> str:
    return target.model or getattr(target.server, "model", "")
