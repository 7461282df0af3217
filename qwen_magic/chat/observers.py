"""Who follows exchanges: the display of the cell that asks, the panels, the recorder of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from ..events import Event

ExchangeT_contra = TypeVar("ExchangeT_contra", contravariant=True)


class Observer(Protocol[ExchangeT_contra]):
    """Who follows one exchange; called in the thread that runs it; calls never overlap."""

    def on_event(self, event: Event) -> None:
        """Hear of one event."""
        ...

    def on_end(self, exchange: ExchangeT_contra) -> None:
        """Hear that the exchange is over and its turn kept; it has the reply, and the error where it failed."""
        ...


class Audience(Protocol[ExchangeT_contra]):
    """Who may want to follow each exchange of a session, such as its panels."""

    def observe(self, exchange: ExchangeT_contra) -> Observer[ExchangeT_contra] | None:
        """Return who follows an exchange that begins, or None where nobody looks on."""
        ...

    def close(self) -> None:
        """Stop what runs for it, and follow nothing any more."""
        ...
