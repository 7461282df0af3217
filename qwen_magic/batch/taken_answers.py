"""The answers of a file that a cluster or a batch service made, taken for the rows that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from .batch_files import read_lines
from .request_lines import answer_of_line

if TYPE_CHECKING:
    from pathlib import Path

    from .run import Run
    from .state import State
    from .work import Work


async def take_answers(path: str | Path, work: Work, state: State, run: Run, target: str) -> None:
    """Take the answers of a file.

    An answer counts more than a failure of the same request, in whatever order they stand; of several the first counts.

    Args:
        path: the file.
        work: the different requests of the rows.
        state: what has become of them.
        run: takes and keeps what is found.
        target: the target's name.

    Raises:
        UsageError: the file cannot be read, or has no answer to any of the rows.

    """
    numbers = {key: number for number, key in enumerate(work.keys)}
    errors: dict[int, str] = {}
    ours = not numbers
    for line in read_lines(path):
        told = answer_of_line(line, target)
        number = numbers.get(told.key) if told is not None else None
        if told is None or number is None:
            continue
        ours = True
        if not state.is_open(number):
            continue
        if told.error:
            errors.setdefault(number, told.error)
        else:
            await run.take(number, told.events, "", target)
    for number, words in errors.items():
        if state.is_open(number):
            run.take_failure(number, words)
    if not ours:
        hint = "Give the prompt, rows and options that its requests were written with."
        raise UsageError(f"{path} has no answer to any of the rows", hint=hint)
