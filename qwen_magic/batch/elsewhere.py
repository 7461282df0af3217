"""Rows asked by the workers of an executor: parts are handed out, and their answers kept here as they come."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..client.whole import held_to
from ..errors import UsageError
from ..text.secrets import without_secrets
from .worker import PartAnswers, WorkerClient, ask_part, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backends.target import Target
    from ..client.client import QwenClient
    from ..parameters import Parameters
    from .keeping import Keeping
    from .options import MapOptions
    from .run import Run
    from .work import Work

_LARGEST = 32
_PARTS_EACH = 4
"""Parts that each worker gets at least, so that none waits for the others, and little is lost with one."""
_TRIES = 3
"""How often a part is handed out whose worker died, or failed by itself."""
_MINUTE = 60.0
_TIMES = ("connect", "stall", "retry", "wake", "failover", "first_token")


def workers_of(executor: Any) -> int | None:
    """Tell how many workers an executor has, each with a memory of its own; None where it does not say."""
    client: Any = getattr(executor, "_client", None)
    if hasattr(client, "scheduler_info"):  # Dask's
        return len(client.scheduler_info(n_workers=-1).get("workers", ())) or None
    for name in ("_max_workers", "num_workers"):
        number = getattr(executor, name, None)
        if isinstance(number, int) and number > 0:
            return number
    return None


def check_executor(options: MapOptions, targets: Sequence[Target]) -> None:
    """Refuse what no workers could do, before anything is sent.

    Raises:
        UsageError: it is so.

    """
    if not callable(getattr(options.executor, "submit", None)):
        hint = "Give a concurrent.futures.Executor, such as Dask's client.get_executor()."
        raise UsageError(f"executor is of type {type(options.executor).__name__}", hint=hint)
    if any(target.kind == "space" for target in targets):
        raise UsageError("a public Space is asked one row at a time", hint="Leave out executor.")
    known = options.workers or workers_of(options.executor)
    for name in ("rpm", "tpm"):
        limit = getattr(options, name)
        if limit is None:
            continue
        if known is None:
            hint = "Give workers=N, the number of its processes."
            raise UsageError(f"{name} cannot be shared: the number of workers is not known", hint=hint)
        if limit < known:
            raise UsageError(f"{name} of {limit} cannot be shared by {known} workers", hint="Use fewer workers.")


def left_here(client: QwenClient, targets: Sequence[Target]) -> tuple[str, ...]:
    """Say what of a client does not go to workers, for it may be secret."""
    settings = client.settings
    given = {
        "headers": settings.headers,
        "the proxy": settings.proxy,
        "the token": settings.hf_token and settings.hf_token != os.environ.get("HF_TOKEN"),
        "options": any(map(_is_given, settings.options.values())),
        "the login in the address": any(target.login or target.query for target in targets),
    }
    found = [name for name, value in given.items() if value]
    if not found:
        return ()
    return (f"{', '.join(found)} are not given to the workers, which use their own environment",)


@dataclass
class _Handed:
    """A part that was handed out.

    Attributes:
        numbers: its requests.
        tries: how often it was.

    """

    numbers: list[int]
    tries: int = 0


class Elsewhere:
    """Ask what is open in the workers of an executor.

    Each worker makes its own client, and gets its share of the limits. A part whose worker died is asked again; where
    the whole executor is broken, the rest is asked from here.

    Args:
        client: the client whose targets and times the workers are told.
        targets: the targets, in order.
        options: the executor, and the limits that are shared.
        run: takes what comes.
        work: all different requests.
        keeping: where answers are kept.
        parameters: the sampling parameters.

    """

    left_behind = ""

    def __init__(
        self,
        client: QwenClient,
        targets: Sequence[Target],
        options: MapOptions,
        *,
        run: Run,
        work: Work,
        keeping: Keeping,
        parameters: Parameters,
    ) -> None:
        self._client, self._names = client, [target.name for target in targets]
        self._options, self._executor = options, options.executor
        self._run, self._work, self._keeping, self._parameters = run, work, keeping, parameters
        self._workers = options.workers or workers_of(options.executor) or os.cpu_count() or 1
        self._most = min(self._workers, options.concurrency or self._workers)
        self._numbers = dict(zip(work.keys, range(len(work.keys)), strict=True))
        self._parts: deque[_Handed] = deque()
        self._broken = ""

    async def run(self) -> None:
        """Ask all: the first row alone."""
        run, clock = self._run, self._client.settings.clock
        run.begun = clock.now()
        handed: dict[asyncio.Future[PartAnswers], _Handed] = {}
        try:
            open_ = deque(run.left())
            while open_ and not run.knows_an_answer and not self._over() and run.asked < _TRIES:
                self._parts.append(_Handed([open_.popleft()]))
                await self._all(handed)
            if run.knows_an_answer:
                self._parts.extend(self._cut(list(open_)))
                await self._all(handed)
            elif not self._over():
                run.stopped = "the first rows were not answered"
        finally:
            for future in handed:
                future.cancel()
            await asyncio.gather(*handed, return_exceptions=True)
            run.waiting, run.ended = "", clock.now()
        if self._broken and not run.stopped:
            await self._from_here()

    def _over(self) -> bool:
        return bool(self._broken) or self._run.over_time()

    def _cut(self, numbers: list[int]) -> list[_Handed]:
        size = max(1, min(_LARGEST, -(-len(numbers) // (self._most * _PARTS_EACH))))
        return [_Handed(numbers[start : start + size]) for start in range(0, len(numbers), size)]

    async def _all(self, handed: dict[asyncio.Future[PartAnswers], _Handed]) -> None:
        """Hand out all parts, as many at once as there are workers, and take what comes of each."""
        while (self._parts and not self._over()) or handed:
            while self._parts and len(handed) < self._most and not self._over():
                self._hand_out(handed)
            if not handed:
                return
            self._run.waiting = f"{len(handed)} of {self._workers} workers ask"
            done, _ = await asyncio.wait(handed, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                await self._take(handed.pop(future), future)

    def _hand_out(self, handed: dict[asyncio.Future[PartAnswers], _Handed]) -> None:
        part = self._parts.popleft()
        part.tries += 1
        try:
            future = self._executor.submit(ask_part, self._told(), part_of(self._work, part.numbers, self._parameters))
        except (BrokenExecutor, RuntimeError) as error:  # the latter where it was shut down
            self._broken = _said(error)
        else:
            handed[asyncio.wrap_future(future)] = part

    async def _take(self, part: _Handed, future: asyncio.Future[PartAnswers]) -> None:
        if future.cancelled():
            self._again(part, "it was cancelled")
            return
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            self._broken = _said(error)
        elif error is not None:
            self._again(part, _said(error))
        else:
            await self._came(future.result())

    def _again(self, part: _Handed, why: str) -> None:
        """Ask a part again whose worker failed; where several did, its rows fail."""
        if part.tries < _TRIES:
            self._parts.append(part)
            return
        for number in part.numbers:
            self._run.take_failure(number, f"the worker failed: {why}")

    async def _came(self, answers: PartAnswers) -> None:
        """Keep what a worker gave, and only then count it."""
        run, numbers = self._run, self._numbers
        await asyncio.gather(*(self._keeping.keep(key, answer) for key, answer in answers.answers.items()))
        for key, answer in answers.answers.items():
            run.take_kept(numbers[key], answer)
        for key, (words, partial) in answers.failures.items():
            run.take_failure(numbers[key], words, partial)
        if answers.stopped:
            run.stopped = run.stopped or f"in a worker: {answers.stopped}"

    async def _from_here(self) -> None:
        """Ask the rest without the workers, when a minute no longer has what they sent."""
        options, run, clock = self._options, self._run, self._client.settings.clock
        if options.rpm is not None or options.tpm is not None:
            run.waiting = (
                f"the workers are gone ({self._broken}): waiting a minute until the limits they used are free again"
            )
            await clock.sleep(_MINUTE)
        run.keep_open()
        with held_to(self._client, self._names, options.rpm, options.tpm):
            await run.run()

    def _told(self) -> WorkerClient:
        options, settings = self._options, self._client.settings
        return WorkerClient(
            tuple(self._names),
            _share(options.rpm, self._workers),
            _share(options.tpm, self._workers),
            max(1, options.concurrency // self._most) if options.concurrency else None,
            settings.trust_env,
            tuple((f"{name}_timeout", getattr(settings, f"{name}_timeout")) for name in _TIMES),
        )


def _is_given(options: object) -> bool:
    """Tell whether the options of a kind of backend are other than its usual ones."""
    try:
        return options != type(options)()
    except TypeError:  # some have to be given
        return True


def _share(limit: int | None, workers: int) -> int | None:
    return None if limit is None else max(1, limit // workers)


def _said(error: BaseException) -> str:
    words = without_secrets(" ".join(str(error).split()))[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
