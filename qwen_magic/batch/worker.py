"""A part of the rows asked in another process: what a worker is told, what it does, what it gives back.

All of it can be pickled, and no key is in it: a worker finds the servers' keys in its own environment.
"""

from __future__ import annotations

import asyncio
import json
import threading
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..client.client import QwenClient
from ..loop import background_loop
from ..request import Request
from ..schema import as_shape
from .bounds import Bounds
from .keeping import Keeping
from .lane import Lane
from .pace import Pace
from .run import Run
from .state import State
from .work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message
    from ..parameters import Parameters
    from .kept_answer import KeptAnswer


@dataclass(frozen=True)
class WorkerClient:
    """A client as a worker makes it.

    Attributes:
        targets: the names of the targets, without any login or query.
        requests: the worker's share of the requests a minute, or None.
        tokens: its share of the tokens a minute, or None.
        concurrency: how many it asks at once, or None for as many as it finds good.
        trust_env: whether proxies come from its environment.
        timeouts: the client's times in seconds, by their names.
        schema_retries: how often a value that does not fit is asked for again.

    """

    targets: tuple[str, ...]
    requests: int | None = None
    tokens: int | None = None
    concurrency: int | None = None
    trust_env: bool = True
    timeouts: tuple[tuple[str, float], ...] = ()
    schema_retries: int = 2


@dataclass(frozen=True)
class Part:
    """Some requests.

    Attributes:
        keys: their keys.
        messages: the messages of each.
        parameters: the sampling parameters of all.
        shape: the shape of the answers as a JSON Schema, or "".

    """

    keys: tuple[bytes, ...]
    messages: tuple[tuple[Message, ...], ...]
    parameters: Parameters
    shape: str = ""


@dataclass(frozen=True)
class PartAnswers:
    """What came of a part.

    Attributes:
        answers: the answers, by the requests' keys.
        failures: why others have none, and what had arrived of their answers; who is in neither was not asked.
        stopped: why the rest was not asked, or "".

    """

    answers: dict[bytes, KeptAnswer]
    failures: dict[bytes, tuple[str, KeptAnswer | None]]
    stopped: str = ""


class PartWork(Work):
    """The requests of a part.

    Args:
        part: the part.

    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self.shape = as_shape(json.loads(part.shape)) if part.shape else None
        self.keys = list(part.keys)
        self.first = array("q", range(len(part.keys)))
        self.skipped = {}
        self._numbers = array("q", range(len(part.keys)))
        self._others = {}

    def messages(self, number: int) -> tuple[Message, ...]:
        """Give the messages of a request."""
        return self._part.messages[number]

    def request(self, number: int) -> Request:
        """Make a request."""
        return Request(self.messages(number), self._part.parameters, self.shape)


_lock = threading.Lock()
_made: dict[WorkerClient, tuple[QwenClient, Pace]] = {}
"""The clients of this process: one for all its parts, so that their limits hold from one part to the next."""


def ask_part(told: WorkerClient, part: Part) -> PartAnswers:
    """Ask a part of the rows; what a worker runs.

    Args:
        told: the client.
        part: the part.

    Raises:
        QwenError: nothing can be asked with such a client here.

    """
    with _lock:
        if told not in _made:
            _made[told] = _client(told), Pace(told.concurrency, fixed=told.concurrency is not None)
        client, pace = _made[told]
    return background_loop().run(_asked(client, pace, part))


def _client(told: WorkerClient) -> QwenClient:
    return QwenClient(
        told.targets,
        requests_per_minute=told.requests,
        tokens_per_minute=told.tokens,
        trust_env=told.trust_env,
        schema_retries=told.schema_retries,
        **dict(told.timeouts),  # type: ignore[arg-type] # the names are those of times
    )


async def _asked(client: QwenClient, pace: Pace, part: Part) -> PartAnswers:
    work, keeping = PartWork(part), Keeping(None)
    state = State(work, len(part.keys))
    run = Run(
        work,
        state,
        range(len(part.keys)),
        lane=Lane(client, client.targets, shaped=work.shape is not None),
        pace=pace,
        keeping=keeping,
        bounds=Bounds(),
        price=None,
        clock=client.settings.clock,
        patience=client.settings.retry_timeout,
        with_thinking=True,
    )
    try:
        await run.run(alone=False)
    finally:
        await asyncio.get_running_loop().run_in_executor(None, keeping.close)
    failed = set(state.failed())
    return PartAnswers(
        {part.keys[number]: answer for number, answer in state.answers.items() if number not in failed},
        {part.keys[number]: (state.errors[number], state.answers.get(number)) for number in sorted(failed)},
        run.stopped,
    )


def part_of(work: Work, numbers: Sequence[int], parameters: Parameters) -> Part:
    """Make a part of the requests of some work."""
    shape = "" if work.shape is None else json.dumps(work.shape.json_schema)
    keys, messages = (work.keys[number] for number in numbers), (work.messages(number) for number in numbers)
    return Part(tuple(keys), tuple(messages), parameters, shape)
