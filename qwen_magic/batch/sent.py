"""What is done with batches that were sent earlier: listed, waited for, cancelled, forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..backends.targets import parse_target
from ..errors import QwenError, UsageError
from .keeping import Keeping, usual_path
from .lane import is_sure
from .sent_batches import SentBatches
from .sent_work import result_of_batch
from .service import FIRST_WAIT, LONGER, LONGEST_WAIT, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..client.client import QwenClient
    from .result import Result
    from .sent_batches import SentBatch


async def listed(client: QwenClient, keep: bool | str | Path, *, ask: bool) -> list[SentBatch]:  # noqa: FBT001 - as `map`
    """List the batches; see `QwenClient.batches`."""
    async with _opened(keep) as keeping:
        found = await SentBatches(keeping).all()
        if ask:
            found = [batch if batch.taken else await _asked(client, batch, keeping) for batch in found]
        return found


async def waited_for(client: QwenClient, id_: str, keep: bool | str | Path) -> Result:  # noqa: FBT001
    """Wait for a batch; see `QwenClient.batch`."""
    async with _opened(keep) as keeping:
        batch = await _found(keeping, id_)
        service, wait = _service(client, batch, keeping), FIRST_WAIT
        while not batch.taken:
            try:
                batch, state = await service.look(batch)
                if state.over:
                    await service.take(batch, state)
                    break
            except QwenError as error:
                if is_sure(error) or not (error.target or keeping.locked):  # what is ours does not pass
                    raise
            await client.settings.clock.sleep(wait)
            wait = min(wait * LONGER, LONGEST_WAIT)
        lines = await service.sent.lines(batch)
        return result_of_batch(batch, lines, await keeping.known([line.key for line in lines]))


async def cancelled(client: QwenClient, id_: str, keep: bool | str | Path) -> SentBatch:  # noqa: FBT001
    """Cancel a batch; see `QwenClient.cancel_batch`."""
    async with _opened(keep) as keeping:
        batch = await _found(keeping, id_)
        return await _service(client, batch, keeping).cancel(batch)


async def forgotten(id_: str, keep: bool | str | Path) -> None:  # noqa: FBT001
    """Forget a batch; see `QwenClient.forget_batch`."""
    async with _opened(keep) as keeping:
        await SentBatches(keeping).forget(await _found(keeping, id_))


@asynccontextmanager
async def _opened(keep: bool | str | Path) -> AsyncIterator[Keeping]:  # noqa: FBT001
    keeping = Keeping(usual_path() if isinstance(keep, bool) else Path(keep))
    try:
        yield keeping
    finally:
        await asyncio.get_running_loop().run_in_executor(None, keeping.close)


async def _found(keeping: Keeping, id_: str) -> SentBatch:
    batch = await SentBatches(keeping).by_id(id_)
    if batch is None:
        raise UsageError(f"no batch {id_} was sent from this machine", hint="%qwen batches lists those that were sent.")
    return batch


async def _asked(client: QwenClient, batch: SentBatch, keeping: Keeping) -> SentBatch:
    with contextlib.suppress(QwenError):
        return (await _service(client, batch, keeping).look(batch))[0]
    return batch


def _service(client: QwenClient, batch: SentBatch, keeping: Keeping) -> Service:
    """Return the service that has a batch: at the client's own target of that name, which may have a login."""
    own = next((target for target in client.targets if target.name == batch.target), None)
    return Service(client, own or parse_target(batch.target), keeping)
