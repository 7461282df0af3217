"""How the main thread waits on the background loop, and what an interrupt shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..text.terminal import safe_line

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

T = TypeVar("T")


class Interrupted(KeyboardInterrupt):
    """The user stopped what ran; shown as one line."""

    def __str__(self) -> str:
        return safe_line(super().__str__())

    def _render_traceback_(self) -> Sequence[str]:
        return [f"Interrupted: {self}" if str(self) else "Interrupted"]


def as_one_line(interrupt: KeyboardInterrupt) -> Interrupted:
    """Return an interrupt as one that is shown without a traceback, whatever it stopped."""
    return interrupt if isinstance(interrupt, Interrupted) else Interrupted("stopped; what had arrived is kept")


def wait_for(coroutine: Coroutine[Any, Any, T], stopped: str) -> T:
    """Run a coroutine on the background loop and wait for what it returns.

    Args:
        coroutine: what is run.
        stopped: what an interrupt says.

    Raises:
        Interrupted: the user did not wait; the coroutine is cancelled.

    """
    from ..loop import background_loop  # noqa: PLC0415 - loading the extension stays light

    try:
        return background_loop().run(coroutine)
    except KeyboardInterrupt:
        raise Interrupted(stopped) from None
