"""What is known of rows before any is asked: recorded answers first, then those that are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import SchemaError
from ..schema.answers import value_of
from .slices import slices

if TYPE_CHECKING:
    from collections.abc import Callable

    from .keeping import Keeping
    from .kept_answer import KeptAnswer
    from .recordings import RowRecordings
    from .state import State
    from .work import Work


async def look_up(
    work: Work,
    state: State,
    keeping: Callable[[], Keeping],
    recordings: RowRecordings | None,
    *,
    fresh: bool,
    with_thinking: bool,
) -> list[int]:
    """Take the answers that are known.

    Args:
        work: the different requests of the rows.
        state: takes the answers.
        keeping: opens what is kept.
        recordings: the recorded answers, or None.
        fresh: whether all is to be asked, whatever is known; not where only recorded answers may be given.
        with_thinking: whether the thinking stays in memory.

    Returns:
        The requests that nobody has to be asked, in order.

    """
    only, anew = (recordings.are_all, recordings.anew) if recordings else (False, False)
    if (fresh and not only) or anew:
        return []
    given = await recordings.known(range(len(work.keys))) if recordings else {}
    for some in slices(list(given)):
        for number in some:
            answer = given[number]
            if error := _take(work, state, number, answer, with_thinking=with_thinking):
                state.fail(number, error, answer, recorded=True)
        await asyncio.sleep(0)
    taken = list(given)
    for numbers in slices(range(len(work.keys))):
        known = await keeping().known([work.keys[number] for number in numbers if number not in given])
        for number in numbers if known else ():
            kept = known.get(work.keys[number])
            if kept is None or _take(work, state, number, kept, with_thinking=with_thinking):
                continue  # what has another shape now is asked again
            taken.append(number)
            if recordings:
                recordings.take(number, kept, soon=False)  # a plan alone writes nothing
    return taken


def _take(work: Work, state: State, number: int, answer: KeptAnswer, *, with_thinking: bool) -> str:
    """Take an answer; return why it does not fit its shape, or "" where it is taken."""
    shape = work.shape
    try:
        value = () if shape is None else (value_of(shape, answer.text, answer.thinking, answer.finish_reason),)
    except SchemaError as error:
        return error.what
    state.recorded(number, answer if with_thinking else answer.without_thinking(), *value)
    return ""
