"""Recorded answers of rows: given back from a replay file, and written there in groups as they come."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ReplayError, UsageError
from .kept_answer import KeptAnswer
from .slices import slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backends.target import Target
    from ..replay import Mode, RecordedAnswer, Replay
    from ..reply import Reply
    from .work import Work

_DIFFERENT = "differ from what was recorded: %qwen replay diff shows how"


@dataclass(frozen=True)
class Recordings:
    """What is done with recorded answers, and where they are.

    Attributes:
        replay: the recorded answers.
        mode: what is done with them.
        target_is_open: whether nobody chose the targets, so that answers are found whoever would be asked.
        cell: the id of the cell that asks, or "".

    """

    replay: Replay
    mode: Mode
    target_is_open: bool = False
    cell: str = ""


class RowRecordings:
    """The recorded answers of some rows.

    An answer that does not fit its shape is recorded too: the row fails again, for the same reason.

    Args:
        recordings: where they are, and what is done with them.
        work: the different requests of the rows.
        targets: the targets, in order.
        chosen: whether the targets were named for these rows.

    """

    def __init__(self, recordings: Recordings, work: Work, targets: Sequence[Target], *, chosen: bool) -> None:
        self._replay, self._mode, self._cell = recordings.replay, recordings.mode, recordings.cell
        self._work = work
        is_open = recordings.target_is_open and not chosen
        self._targets = "" if is_open else ",".join(target.name for target in targets)
        self._waiting: dict[str, Reply] = {}
        self._writing: asyncio.Task[None] | None = None
        self._different = 0
        self._trouble = ""

    @property
    def are_all(self) -> bool:
        """Whether nothing else may be given, so that nobody is asked."""
        return self._mode == "only"

    @property
    def anew(self) -> bool:
        """Whether all is asked, whatever is recorded."""
        return self._mode == "fresh"

    async def known(self, numbers: Sequence[int]) -> dict[int, KeptAnswer]:
        """Find the recorded answers of some requests, by their numbers."""
        if self.anew:
            return {}
        loop = asyncio.get_running_loop()
        found: dict[int, KeptAnswer] = {}
        for some in slices(numbers):
            found |= await loop.run_in_executor(None, self._known, some)
        return found

    def take(self, number: int, answer: KeptAnswer, *, soon: bool = True) -> None:
        """Record an answer that is not from there, soon or by `finish`, which waits for it."""
        if self.are_all:
            return
        request = self._work.request(number)
        self._waiting[self._key(number)] = answer.reply(request)
        if soon and not self._trouble and (self._writing is None or self._writing.done()):
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def finish(self) -> list[str]:
        """Wait until all that was taken is written; return what is to be said of it, a line each."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        self._trouble = ""  # what could not be written at first may be now
        await self._write()
        different = f"{self._different:,} of the answers {_DIFFERENT}" if self._different else ""
        return [different, self._trouble, *self._replay.file.pop_warnings()]

    def check(self, numbers: Sequence[int]) -> None:
        """Refuse to ask, where nobody may be asked.

        Args:
            numbers: the requests that are to be asked.

        Raises:
            UsageError: nobody may be asked, and there are some.

        """
        if numbers and self.are_all:
            raise not_recorded(len(numbers))

    def _key(self, number: int) -> str:
        from ..replay import replay_key  # noqa: PLC0415 - only where something is recorded

        return replay_key(self._targets, self._work.request(number))

    def _known(self, numbers: Sequence[int]) -> dict[int, KeptAnswer]:
        found: dict[int, KeptAnswer] = {}
        for number in numbers:
            recorded = self._replay.find(self._key(number))
            if recorded is not None:
                found[number] = _kept(recorded)
        return found

    async def _write(self) -> None:
        """Write what waits until nothing does; what cannot be written is told, and costs no answer."""
        loop = asyncio.get_running_loop()
        while self._waiting and not self._trouble:
            waiting, self._waiting = self._waiting, {}
            try:
                self._different += await loop.run_in_executor(None, self._keep, waiting)
            except (ReplayError, OSError, MemoryError) as error:
                self._trouble = f"the answers were not recorded: {error}"
                self._waiting = {**waiting, **self._waiting}  # tried once more at the end

    def _keep(self, replies: dict[str, Reply]) -> int:
        return self._replay.keep_all(self._mode, replies, self._cell)


def not_recorded(number: int) -> UsageError:
    """Return the error of rows that would have to be asked, where only recorded answers may be given.

    Args:
        number: how many rows have no recorded answer.

    """
    from ..replay.replay import RECORD_FIRST  # noqa: PLC0415 - only where something is recorded

    what = f"{number:,} of the rows {'has' if number == 1 else 'have'} no recorded answer"
    return UsageError(f"{what}, and only recorded answers may be given", hint=RECORD_FIRST)


def of_rows(
    given: Recordings | None, replay: str | None, work: Work, targets: Sequence[Target], *, chosen: bool
) -> RowRecordings | None:
    """Find the recorded answers of some rows: where nobody says where they are, they lie in the working folder.

    Args:
        given: where they are.
        replay: what is done with them, where that is not said: "on", "only", "fresh" or "off"; None for what
            ``QWEN_REPLAY`` says.
        work: the different requests of the rows.
        targets: the targets, in order.
        chosen: whether the targets were named for these rows.

    Returns:
        None where nothing is replayed or recorded.

    Raises:
        UsageError: there is no such mode.

    """
    if given is not None:
        return RowRecordings(given, work, targets, chosen=chosen)
    if not replay and not os.environ.get("QWEN_REPLAY"):
        return None
    from ..replay import Replay, ReplayFile  # noqa: PLC0415 - only where something is recorded
    from ..replay.usual import replay_files_in, replay_mode  # noqa: PLC0415

    mode = replay_mode(replay)
    if mode == "off":
        return None
    usual = Recordings(Replay(ReplayFile(*replay_files_in(Path.cwd()))), mode)
    return RowRecordings(usual, work, targets, chosen=chosen)


def _kept(recorded: RecordedAnswer) -> KeptAnswer:
    usage = recorded.usage
    return KeptAnswer(
        recorded.text,
        recorded.thinking,
        recorded.target,
        recorded.model,
        recorded.finish_reason,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.estimated,
        recorded.seconds,
        recorded.date,
    )
