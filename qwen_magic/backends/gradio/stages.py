"""What the Hub says of a Space that does not answer: asleep, starting, or gone for good."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import aiohttp

from ...errors import QwenError
from .failures import WAKING_STAGES, stage_error

if TYPE_CHECKING:
    from .app_http import AppHttp


async def waking_stage(http: AppHttp) -> str:
    """Ask the Hub for a Space's stage.

    Args:
        http: the Space.

    Returns:
        The stage in words where the Space wakes up; "" where nobody tells, or it is no Space of the Hub.

    Raises:
        ServerError: it is in a stage in which waiting would not help.

    """
    space = http.site.space_id
    if not space:
        return ""
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        answer = await http.get_json(f"/api/spaces/{space}/runtime", base=hub)
    except (QwenError, aiohttp.ClientError, OSError, asyncio.TimeoutError):
        return ""
    stage = str(answer.get("stage", "")) if isinstance(answer, dict) else ""
    if error := stage_error(stage, http.name):
        raise error
    return f"the Space is {WAKING_STAGES[stage]}" if stage in WAKING_STAGES else ""
