"""Asking targets how they fare, side by side, before anybody asks them anything else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import QwenError, StallError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ..backends.base import Deadlines
    from ..backends.capabilities import Capabilities
    from ..backends.descriptions import Description
    from ..backends.target import Target
    from .health import Health, TargetState

    Describe = Callable[[Target, Deadlines], Awaitable[Description]]

_SECONDS = 10.0
_CONNECT_SECONDS = 5.0


async def check(
    targets: Sequence[Target], describe: Describe, health: Health, deadlines: Deadlines
) -> list[TargetState]:
    """Ask targets what they offer, note how each fared, and tell it.

    Args:
        targets: the targets.
        describe: asks one of them.
        health: where it is noted.
        deadlines: how long to wait; a check waits less.

    """
    deadlines = replace(deadlines, connect=min(deadlines.connect, _CONNECT_SECONDS))
    await asyncio.gather(*(_check(target, describe, health, deadlines) for target in targets))
    return [health.state(target) for target in targets]


async def seeing(
    capabilities: Callable[[str], Awaitable[Capabilities]], targets: Sequence[str]
) -> dict[str, bool | None]:
    """Ask targets side by side whether they take pictures; None where that is not known.

    Args:
        capabilities: tells what one of them can do.
        targets: the targets' names.

    """
    found = await asyncio.gather(*map(capabilities, targets), return_exceptions=True)
    if error := next((one for one in found if isinstance(one, BaseException) and not isinstance(one, QwenError)), None):
        raise error
    return {
        name: None if isinstance(one, BaseException) else one.images for name, one in zip(targets, found, strict=True)
    }


async def _check(target: Target, describe: Describe, health: Health, deadlines: Deadlines) -> None:
    started = time.perf_counter()
    try:
        found = await asyncio.wait_for(describe(target, deadlines), _SECONDS)
    except asyncio.TimeoutError:
        health.failed(target, StallError(f"no answer within {_SECONDS:g} s", target=target.name))
    except QwenError as error:
        health.failed(target, error)
    else:
        health.succeeded(target, time.perf_counter() - started, found.models)
