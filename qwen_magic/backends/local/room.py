"""What of the local models fits into this machine's memory, and what can be said of that before a download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import EngineError
from . import machine
from .engine import memory_needed
from .known_weights import KNOWN, size_words
from .small_models import SMALL

if TYPE_CHECKING:
    from .known_weights import Weights


def sizes_by_name() -> dict[str, int]:
    """Return the models that go by one word, and their sizes in bytes, the smallest first."""
    sizes = {name: known.size for name, known in KNOWN.items()} | {name: one.size for name, one in SMALL.items()}
    return dict(sorted(sizes.items(), key=lambda item: item[1]))


def largest_that_fits(room: int | None) -> str:
    """Name the largest of the models that go by one word which fits.

    Args:
        room: the memory, in bytes; None where that is unknown.

    Returns:
        Its name, or "" where none fits, or nothing is known.

    """
    fitting = [name for name, size in sizes_by_name().items() if room is not None and memory_needed(size) <= room]
    return fitting[-1] if fitting else ""


def check_room(weights: Weights, room: int | None) -> None:
    """Refuse weights that this machine's memory cannot hold.

    Args:
        weights: which ones.
        room: the memory that there is for them, in bytes; None where that is unknown.

    Raises:
        EngineError: the model is too large.

    """
    needed = memory_needed(weights.size)
    if room is None or needed <= room:
        return
    fitting = largest_that_fits(room)
    raise EngineError(
        f"{weights.title} takes about {size_words(needed)} of memory, {size_words(room)} are free: it was not fetched",
        hint=f"Use local:{fitting}, which fits." if fitting else "Close other programs, or use another target.",
    )


def memory_words() -> str:
    """Say how much memory there is, and which model it has room for; "" where that is unknown."""
    total, free = machine.total_memory(), machine.available_memory()
    if total is None or free is None:
        return ""
    fitting = largest_that_fits(free)
    most = f"; local:{fitting} is the largest of these that fits" if fitting else ""
    return f"This machine has {size_words(total)} of memory, {size_words(free)} of it free{most}."
