"""What of a request a target cannot send or see: told before it is asked, so that nothing is lost without a word.

Pictures of earlier turns, and those that only go along, are left out where a target takes none, and that is said; a
picture that the prompt itself names is why it is asked, and a target that takes none is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import File, Image, ToolCall, ToolResult
from .past_pictures import count_pictures, last_prompt, pictures_were, without_pictures

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
_OTHERS = "Leave them out, or ask a server of the kind openai: whose model takes them."
_SEEING = (
    "Leave them out, or ask a target that takes them, such as dashscope:qwen-vl-max or openai:URL#MODEL "
    "(%qwen targets --see)."
)


def check_sendable(
    backend: Backend, target: str, request: Request, *, but: frozenset[type[Part]] = frozenset()
) -> None:
    """Refuse a request of which a target would be sent only a part.

    Args:
        backend: who would send it.
        target: the target's name.
        request: the request.
        but: parts that may be left out.

    Raises:
        UsageError: a message has another part that the backend cannot send.

    """
    if backend.sends.issuperset(_WORDS):
        return
    left = [words for kind, words in _WORDS.items() if kind in request.kinds - backend.sends - but]
    if left:
        raise UsageError(f"it takes no {' and no '.join(left)}", target=target, hint=_OTHERS)


async def sendable(
    backend: Backend, target: str, request: Request, session: aiohttp.ClientSession, deadlines: Deadlines
) -> tuple[Request, str]:
    """Return what of a request a target can be sent, and what is to be said of that.

    Args:
        backend: who would send it.
        target: the target's name.
        request: the request.
        session: how the target is asked what it can do.
        deadlines: how long to wait.

    Returns:
        The request, without the pictures that can be left out where it is known that the target takes none, and the
        words for those, or "".

    Raises:
        UsageError: the newest prompt has a picture, or the conversation another part, that it cannot be sent.

    """
    check_sendable(backend, target, request, but=frozenset({Image}))
    if Image not in request.kinds:
        return request, ""
    sees = Image in backend.sends and (await backend.capabilities(session, deadlines)).images is not False
    return (request, "") if sees else _unseen(target, request)


async def would_send(
    backend: Backend, target: str, request: Request, session: aiohttp.ClientSession, deadlines: Deadlines
) -> tuple[Request, list[str]]:
    """Return what `sendable` does, and all that it would say; what it would refuse stays in the request."""
    try:
        request, left = await sendable(backend, target, request, session, deadlines)
    except UsageError as error:
        return request, [str(error)]
    return request, [left] if left else []


def _unseen(target: str, request: Request) -> tuple[Request, str]:
    """Leave out the pictures of a request; raise where the newest prompt needs one."""
    messages = request.messages
    newest = last_prompt(messages)
    if any(isinstance(part, Image) and not part.along for one in messages[newest:] for part in one.parts):
        raise UsageError("it takes no pictures", target=target, hint=_SEEING)
    without = tuple(map(without_pictures, messages))
    along, past = count_pictures(messages[newest:]), count_pictures(messages[:newest])
    which = "of earlier turns" if not along else "of cells" if not past else "of cells and earlier turns"
    said = pictures_were(along + past).replace(" w", f" {which} w", 1)
    return request.with_messages(without), f"{said} left out: {target} takes none"
