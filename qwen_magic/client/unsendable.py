"""What of a request a target cannot send or see: told before it is asked, so that nothing is lost without a word."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import File, Image, ToolCall, ToolResult

if TYPE_CHECKING:
    import aiohttp

    from ..backends.base import Backend, Deadlines
    from ..messages import Part
    from ..request import Request

_WORDS: dict[type[Part], str] = {
    Image: "pictures",
    File: "files",
    ToolCall: "tool calls",
    ToolResult: "results of tools",
}


def check_sendable(backend: Backend, target: str, request: Request) -> None:
    """Refuse a request of which a target would be sent only a part.

    Args:
        backend: who would send it.
        target: the target's name.
        request: the request.

    Raises:
        UsageError: a message has a part that the backend cannot send.

    """
    if backend.sends.issuperset(_WORDS):
        return
    kinds = _kinds(request)
    left = [words for kind, words in _WORDS.items() if kind in kinds - backend.sends]
    if left:
        raise UsageError(
            f"it takes no {' and no '.join(left)}",
            target=target,
            hint="Leave them out, or ask a server of the kind openai: whose model takes them.",
        )


async def check_seen(
    backend: Backend, target: str, request: Request, session: aiohttp.ClientSession, deadlines: Deadlines
) -> None:
    """Refuse a request with pictures where it is known that the target's model sees none; unknown is tried.

    Args:
        backend: who would send it.
        target: the target's name.
        request: the request.
        session: how the target is asked what it can do.
        deadlines: how long to wait.

    Raises:
        UsageError: its model sees no pictures.

    """
    if Image not in _kinds(request):
        return
    if (await backend.capabilities(session, deadlines)).images is False:
        raise UsageError(
            "it takes no pictures",
            target=target,
            hint="Ask one that does, such as dashscope:qwen-vl-max or openai:URL#MODEL, or leave them out.",
        )


def _kinds(request: Request) -> frozenset[type[Part]]:
    return frozenset().union(*map(attrgetter("kinds"), request.messages))
