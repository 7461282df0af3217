"""The result of a batch whose rows are no longer at hand: its prompts are the rows."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

from ..errors import SchemaError, UsageError
from ..messages import Message
from ..request import Request
from ..schema import as_shape
from ..schema.answers import value_of
from .answers import Answers
from .result import Result
from .rows import rows_of
from .state import State
from .work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .kept_answer import KeptAnswer
    from .sent_batches import SentBatch, SentLine


class SentWork(Work):
    """The requests of a batch, of which the prompts alone are known.

    Args:
        batch: the batch.
        lines: its requests.

    """

    def __init__(self, batch: SentBatch, lines: Sequence[SentLine]) -> None:
        self._prompts = [line.prompt for line in lines]
        self.shape = as_shape(json.loads(batch.shape)) if batch.shape else None
        self.keys = [line.key for line in lines]
        self.first = array("q", range(len(lines)))
        self.skipped = {}
        self._numbers = array("q", range(len(lines)))
        self._others = {}

    def messages(self, number: int) -> tuple[Message, ...]:
        """Make the messages of a request."""
        return (Message("user", self._prompts[number]),)

    def request(self, number: int) -> Request:
        """Make a request."""
        return Request(self.messages(number), schema=self.shape)


class _Over:
    """What a result asks of its job, where that is over and elsewhere."""

    over, stopped, cost = True, "", None

    async def again(self) -> Result:
        hint = "Run client.map with the same prompt and rows: it asks those without an answer."
        raise UsageError("the rows of the batch were not kept", hint=hint)


def result_of_batch(batch: SentBatch, lines: Sequence[SentLine], known: Mapping[bytes, KeptAnswer]) -> Result:
    """Put a batch's answers and failures into a result whose rows have one column, the prompt.

    Args:
        batch: the batch.
        lines: its requests.
        known: their answers, by their keys.

    """
    work = SentWork(batch, lines)
    rows = rows_of([{"prompt": line.prompt} for line in lines])
    state = State(work, len(lines))
    for number, line in enumerate(lines):
        answer = known.get(line.key)
        if answer is None or line.error:
            state.fail(number, line.error or "its answer was removed from the kept answers")
            continue
        try:
            value = (
                ()
                if work.shape is None
                else (value_of(work.shape, answer.text, answer.thinking, answer.finish_reason),)
            )
        except SchemaError as error:
            state.fail(number, error.what, answer)
        else:
            state.recorded(number, answer, *value)
    return Result(Answers(rows, work, state), _Over())
