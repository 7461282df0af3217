"""What a user is advised besides an answer: that a local model could answer, and what a small one is good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import AuthError, ChainError, ConnectError, ContextError, NotFoundError, QwenError, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reply import Reply

_LOCAL_HINT = "A small Qwen can answer on this machine: %qwen use local (491 MB, once)."
_SMALL = "a small model on this machine: fair at short code, unreliable in facts and arithmetic"


class Advice:
    """The advice of a session: some of it is given once."""

    def __init__(self) -> None:
        self._told_small = False

    def on_failure(self, error: QwenError) -> None:
        """Add to an error's hint that a local model could answer, where that is so."""
        if _local_could_answer(error) and _LOCAL_HINT not in error.hint:
            error.hint = f"{error.hint} {_LOCAL_HINT}".strip()

    def on_reply(self, reply: Reply) -> str:
        """Say, once in a session, what a small local model is good for; else ""."""
        if self._told_small or not _is_local(reply.target) or reply.recorded:
            return ""
        self._told_small = True
        return _SMALL


def _local_could_answer(error: QwenError) -> bool:
    """Tell whether the local model is worth a word: servers failed, not what was asked of them."""
    failed: Sequence[Any] = error.errors if isinstance(error, ChainError) else (error,)
    if not isinstance(error, (ConnectError, ServerError, ChainError)):
        return False
    if isinstance(error, (AuthError, ContextError, NotFoundError)):
        return False
    return not any(_is_local(one.target) for one in failed)


def _is_local(target: str) -> bool:
    return target.partition(":")[0] == "local"
