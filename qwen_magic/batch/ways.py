"""The ways in which a job's rows are asked: from here, by the workers of an executor, through a batch service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..client.whole import held_to
from .elsewhere import Elsewhere, check_executor, left_here
from .service import Service, ServiceRun, check_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backends.target import Target
    from ..client.client import QwenClient
    from ..parameters import Parameters
    from .keeping import Keeping
    from .options import MapOptions
    from .run import Run
    from .work import Work


class Way(Protocol):
    """A way in which rows are asked."""

    @property
    def left_behind(self) -> str:
        """What goes on elsewhere when nobody waits for it, in one line; "" where nothing does."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of how they were asked."""

    async def run(self) -> None:
        """Ask all that is open, and give what comes to the run."""


class _Here:
    left_behind = ""
    notes: tuple[str, ...] = ()

    def __init__(self, client: QwenClient, targets: Sequence[Target], options: MapOptions, run: Run) -> None:
        self._client, self._names = client, [target.name for target in targets]
        self._options, self._run = options, run

    async def run(self) -> None:
        with held_to(self._client, self._names, self._options.rpm, self._options.tpm):
            await self._run.run()


def check_way(client: QwenClient, targets: Sequence[Target], options: MapOptions) -> tuple[str, ...]:
    """Refuse what cannot be asked in the way that the options name, before anything is sent.

    Returns:
        What is to be said of it.

    Raises:
        UsageError: it is so.

    """
    if options.batch:
        check_batch(client, targets)
    if options.executor is None:
        return ()
    check_executor(options, targets)
    return left_here(client, targets)


def way_of(
    client: QwenClient,
    targets: Sequence[Target],
    options: MapOptions,
    *,
    run: Run,
    work: Work,
    keeping: Keeping,
    parameters: Parameters,
    again: bool,
) -> Way:
    """Choose the way in which a run's rows are asked.

    Args:
        client: the client.
        targets: the targets, in order.
        options: what names the way.
        run: takes what comes.
        work: all different requests.
        keeping: where answers are kept.
        parameters: the sampling parameters.
        again: whether the job ran before, so that what is on its way is waited for even where all is to be fresh.

    """
    if options.batch:
        return ServiceRun(Service(client, targets[0], keeping), run, work, fresh=options.fresh and not again)
    if options.executor is not None:
        return Elsewhere(client, targets, options, run=run, work=work, keeping=keeping, parameters=parameters)
    return _Here(client, targets, options, run)
