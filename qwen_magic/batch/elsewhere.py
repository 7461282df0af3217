"""Rows asked by the workers of an executor: parts are handed out, and their answers kept here as they come."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..client.whole import held_to
from ..errors import UsageError, one_line
from ..text.secrets import without_secrets
from .kept_answer import KeptAnswer
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
_LOOK = 1.0
"""Seconds after which it is looked whether time is up, though no worker says anything."""
_MOST = 2**62
_TIMES = ("connect", "stall", "retry", "wake", "failover", "first_token")


def workers_of(executor: Any) -> int | None:
    """Tell how many workers an executor has, each with a memory of its own; None where it does not say."""
    client: Any = getattr(executor, "_client", None)
    if hasattr(client, "scheduler_info"):  # Dask's
        with suppress(Exception):  # it may be closed
            return len(client.scheduler_info(n_workers=-1).get("workers", ())) or None
        return None
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


class _Going:
    """A part that a worker asks at this moment.

    Args:
        future: what the executor gave for it.
        heard: set, on the loop that waits, when it is over.

    Raises:
        TypeError: that is no future of the standard library.

    """

    def __init__(self, future: Any, heard: asyncio.Event) -> None:
        if not isinstance(future, Future):
            raise TypeError(f"its submit gives a {type(future).__name__}, no concurrent.futures.Future")
        self._future: Future[Any] = future
        loop = asyncio.get_running_loop()

        def tell(_: object) -> None:
            with suppress(RuntimeError):  # its loop is closed
                loop.call_soon_threadsafe(heard.set)

        future.add_done_callback(tell)

    @property
    def over(self) -> bool:
        """Whether something came of it."""
        return self._future.done()

    def cancel(self) -> None:
        """Have it not begun, where it was not yet."""
        self._future.cancel()

    def came(self) -> PartAnswers | BaseException:
        """Return its answers, or why there are none."""
        if self._future.cancelled():
            return CancelledError("it was cancelled")
        error = self._future.exception()
        if error is not None:
            return error
        found = self._future.result()
        if isinstance(found, PartAnswers) and _is_whole(found):
            return found
        return TypeError("it gave back something else than answers")


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
    notes: tuple[str, ...] = ()

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
        self._going: dict[_Going, _Handed] = {}
        self._heard = asyncio.Event()
        self._broken = ""

    async def run(self) -> None:
        """Ask all: the first row alone."""
        run, clock = self._run, self._client.settings.clock
        run.begun = clock.now()
        try:
            open_ = deque(run.left())
            while open_ and not run.knows_an_answer and not self._over() and run.asked < _TRIES:
                self._parts.append(_Handed([open_.popleft()]))
                await self._all()
            if run.knows_an_answer:
                self._parts.extend(self._cut(list(open_)))
                await self._all()
            elif not self._over():
                run.stopped = "the first rows were not answered"
        finally:
            await self._leave()
            run.waiting, run.ended = "", clock.now()
        if self._broken and not run.stopped:
            self.notes = (f"the workers took no more ({self._broken}): the rest was asked from here",)
            await self._from_here()

    def _over(self) -> bool:
        return bool(self._broken) or self._run.over_time()

    def _cut(self, numbers: list[int]) -> list[_Handed]:
        size = max(1, min(_LARGEST, -(-len(numbers) // (self._most * _PARTS_EACH))))
        return [_Handed(numbers[start : start + size]) for start in range(0, len(numbers), size)]

    async def _all(self) -> None:
        """Hand out all parts, as many at once as there are workers, and take what comes of each."""
        clock, last = self._client.settings.clock, float("inf")
        while (self._parts and not self._over()) or self._going:
            while self._parts and len(self._going) < self._most and not self._over():
                self._hand_out()
            self._run.waiting = f"{len(self._going)} of {self._workers} workers ask"
            if self._going and not any(going.over for going in self._going):
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._heard.wait(), _LOOK)
            self._heard.clear()
            for going in [going for going in self._going if going.over]:
                await self._take(going)
            if self._over():
                last = min(last, clock.now() + self._client.settings.stall_timeout)
                if clock.now() >= last:  # of workers that are silent for so long nobody knows whether they are there
                    return

    def _hand_out(self) -> None:
        part = self._parts.popleft()
        part.tries += 1
        try:
            future = self._executor.submit(ask_part, self._told(), part_of(self._work, part.numbers, self._parameters))
            self._going[_Going(future, self._heard)] = part
        except Exception as error:  # noqa: BLE001 - broken, shut down, or whatever it raises: it takes no more
            self._broken = _said(error)

    async def _take(self, going: _Going) -> None:
        """Take what came of a part; only then it is gone, so that an interrupt meanwhile finds it here."""
        part, came = self._going[going], going.came()
        if isinstance(came, PartAnswers):
            await self._came(came)
            self._ask_rest(part, came)
        elif isinstance(came, BrokenExecutor):
            self._broken = _said(came)
        else:
            self._again(part, _said(came))
        del self._going[going]

    async def _leave(self) -> None:
        """Have what was not begun not begun, and take what had come."""
        for going in self._going:
            going.cancel()
        for going in self._going:
            if going.over and isinstance(came := going.came(), PartAnswers):
                await self._came(came)
        self._going.clear()

    def _ask_rest(self, part: _Handed, came: PartAnswers) -> None:
        """Ask again what a worker left out without a word."""
        left = [number for number in part.numbers if self._run.is_open(number)]
        if left and not came.stopped:
            self._again(_Handed(left, part.tries), "it left rows out")

    def _again(self, part: _Handed, why: str) -> None:
        """Ask a part again whose worker failed; where several did, its rows fail."""
        if part.tries < _TRIES:
            self._parts.append(part)
            return
        for number in part.numbers:
            self._run.take_failure(number, f"the worker failed: {why}")

    async def _came(self, answers: PartAnswers) -> None:
        """Keep what a worker gave, and only then count it; what another one gave before stays."""
        run = self._run
        given = [(self._numbers[key], key) for key in (*answers.answers, *answers.failures) if key in self._numbers]
        open_ = [(number, key) for number, key in given if run.is_open(number)]
        kept = (self._keeping.keep(key, answers.answers[key]) for _, key in open_ if key in answers.answers)
        await asyncio.shield(asyncio.gather(*kept))
        for number, key in open_:
            if key in answers.answers:
                run.take_kept(number, answers.answers[key])
            else:
                run.take_failure(number, *answers.failures[key])
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
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - an exception of anybody's
        words = ""
    words = one_line(without_secrets(words), 200)
    if isinstance(error, CancelledError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _is_whole(answers: PartAnswers) -> bool:
    """Tell whether answers are such as this version keeps: a worker may have another one."""
    try:
        partial = [one for _, one in answers.failures.values() if one is not None]
        kept = [_is_kept(one) for one in (*answers.answers.values(), *partial)]
        words = [answers.stopped, *(said for said, _ in answers.failures.values())]
    except (AttributeError, TypeError, ValueError):
        return False
    return all(kept) and all(isinstance(one, str) for one in words)


def _is_kept(answer: Any) -> bool:
    words = (answer.text, answer.thinking, answer.target, answer.model, answer.finish_reason, answer.date)
    counts = (answer.prompt_tokens, answer.completion_tokens)
    return (
        isinstance(answer, KeptAnswer)
        and all(isinstance(one, str) for one in words)
        and all(one is None or (isinstance(one, int) and one < _MOST) for one in counts)
        and isinstance(answer.seconds, (int, float))
    )
