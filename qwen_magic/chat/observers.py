"""Who follows a session's answers besides the cell that asked: the panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..client.stream import Stream
    from ..events import Event
    from ..replay import ReplayedStream
    from ..reply import Reply
    from .question import Asked


class Follower(Protocol):
    """What one answer is told to, from any thread."""

    def take(self, event: Event) -> None:
        """Hear of one event."""

    def finish(self, reply: Reply, note: str = "") -> None:
        """Hear that the answer is over and kept; the note is what stands below it."""


class Audience(Protocol):
    """Who follows the answers of a session."""

    def follow(self, asked: Asked, stream: Stream | ReplayedStream) -> Follower | None:
        """Return what the answer is to be told to, or None where nobody looks on."""

    def close(self) -> None:
        """Stop what runs, and follow nothing any more."""
