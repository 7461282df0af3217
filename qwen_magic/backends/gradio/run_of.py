"""The run that speaks an endpoint's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .old_runs import FirstSSERun, PostRun, WebsocketRun
from .runs import QueueRun, Run

if TYPE_CHECKING:
    from .app_http import AppHttp
    from .endpoints import Endpoint, Payload

# By an endpoint's protocol; the others are those of today's queue.
_RUNS: dict[str, type[Run]] = {"ws": WebsocketRun, "post": PostRun, "sse": FirstSSERun}


def run_of(http: AppHttp, endpoint: Endpoint, payload: Payload, session_hash: str) -> Run:
    """Make the run that speaks an endpoint's protocol.

    Args:
        http: the app over one session.
        endpoint: which function is called.
        payload: what it is given.
        session_hash: the session that the event belongs to.

    """
    return _RUNS.get(endpoint.protocol, QueueRun)(http, endpoint, payload, session_hash)
