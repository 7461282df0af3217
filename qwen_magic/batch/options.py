"""What a job over many rows can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..text.variables import Reference
    from .prices import Given
    from .prompts import Variable
    from .recordings import Recordings


def _no_variable(_: Reference) -> None:
    return None


@dataclass(frozen=True)
class MapOptions:
    """How rows are asked.

    Attributes:
        schema: the shape of each answer, or None for a text.
        system: the system prompt.
        target: a target or a chain, or None for the client's own.
        targets: the targets each of which is asked every row, or None.
        into: the name of the answer's column, or None.
        limit: only so many of the first rows are asked, or None for all.
        concurrency: how many are asked at once; without it the number finds itself.
        rpm: requests a minute, at most.
        tpm: tokens a minute, at most.
        max_cost: where it stops, in the currency of the prices.
        max_tokens_total: where it stops, in tokens read and written.
        max_seconds: where it stops.
        fresh: whether all is asked, whatever is known.
        with_reply: whether thinking and usage are kept for each row.
        batch: whether the target's batch service is asked: later, and for less.
        executor: whose workers ask the rows, or None for this process.
        workers: how many workers that has, or None where it says so itself.
        prices: what a million tokens in and out cost.
        replay: what is done with recorded answers: "on", "only", "fresh" or "off"; None for what the environment says.
        recordings: where they are, where that is not the working folder.
        keep: whether answers are kept for the next time; a path for a file of one's own.
        change: changes each text of the rows before it is sent, such as by leaving out what is secret, or None.
        variable: gives the text of a variable of a prompt, or parts where it is a picture, or None where there is none.
        parameters: the sampling parameters.

    """

    schema: Any = None
    system: str | None = None
    target: Any = None
    targets: Any = None
    into: str | None = None
    limit: int | None = None
    concurrency: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_seconds: float | None = None
    fresh: bool = False
    with_reply: bool = False
    batch: bool = False
    executor: Any = None
    workers: int | None = None
    prices: Given | None = None
    replay: str | None = None
    recordings: Recordings | None = None
    keep: bool | str | Path = True
    change: Callable[[str], str] | None = None
    variable: Variable = _no_variable
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("limit", "concurrency", "rpm", "tpm", "workers"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise UsageError(f"{name} is {value!r}", hint="Give a whole number from 1 on, or leave it out.")
        if self.into is not None and (not isinstance(self.into, str) or not self.into.strip()):
            raise UsageError(f"into is {self.into!r}", hint="Give the name of a column.")

        if self.batch:
            self._check_batch()

    def _check_batch(self) -> None:
        """Refuse what a batch service would not keep to.

        Raises:
            UsageError: it is so.

        """
        for name in ("concurrency", "rpm", "tpm", "max_cost", "max_tokens_total", "executor"):
            if getattr(self, name) is not None:
                hint = "Leave one of them out; with limit fewer rows are asked."
                raise UsageError(f"{name} cannot be given with a batch: the service sets its own pace", hint=hint)
        if self.keep is False:
            hint = "Let answers be kept, or ask without a batch."
            raise UsageError("a batch is found again by the answers that are kept, and keeping is off", hint=hint)

    @property
    def bounds(self) -> Bounds:
        """Where it stops by itself."""
        return Bounds(self.max_cost, self.max_tokens_total, self.max_seconds)
