"""What a user is advised besides an answer: that a local model could answer, and what a small one is good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backends.registry import kinds
from ..backends.targets import kind_of_name
from ..errors import AuthError, ChainError, ConnectError, ContextError, NotFoundError, QwenError, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reply import Reply


_OFFERS_AFTER = (ConnectError, ServerError, ChainError)
"""Servers that failed."""
_OFFERS_NOT_AFTER = (AuthError, ContextError, NotFoundError)
"""What was asked of them was wrong."""


class Advice:
    """The advice of a session: some of it is given once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def on_failure(self, error: QwenError) -> None:
        """Add to an error's hint who could answer instead, where that is so."""
        failed: Sequence[Any] = error.errors if isinstance(error, ChainError) else (error,)
        if not isinstance(error, _OFFERS_AFTER) or isinstance(error, _OFFERS_NOT_AFTER):
            return
        tried = {kind.name for one in failed if (kind := kind_of_name(one.target))}
        offers = (kind.offer for kind in kinds() if kind.offer and kind.name not in tried)
        offer = next((offer() if callable(offer) else offer for offer in offers), "")
        if offer and offer not in error.hint:
            error.hint = f"{error.hint} {offer}".strip()

    def on_reply(self, reply: Reply) -> str:
        """Say, once in a session, what is to be thought of the answers of such a target; else ""."""
        kind = None if reply.recorded else kind_of_name(reply.target)
        if kind is None or not kind.caveat or kind.name in self._told:
            return ""
        self._told.add(kind.name)
        return kind.caveat
