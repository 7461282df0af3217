"""The transcript that a notebook saves: each turn in a trait of its own, so that an answer sends itself alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .protocol import PagePart, PageTurn, SavedTurn
    from .transcript import MarkedTurn

SAVED_TURNS = 200
"""How many turns are shown and saved, the last ones."""


def trait_of(slot: int) -> str:
    """Return the name of the trait that holds a saved turn."""
    return f"turn_{slot}"


class SavedTurns:
    """Which trait holds which turn; one keeps its trait for as long as it is saved."""

    def __init__(self) -> None:
        self._saved: dict[str, tuple[int, SavedTurn]] = {}
        self._free = list(reversed(range(SAVED_TURNS)))

    def changes(self, turns: Sequence[MarkedTurn]) -> dict[str, SavedTurn | None]:
        """Return the traits that have to change so that these turns are saved, and no others.

        Args:
            turns: the turns; the last ones are saved.

        Returns:
            What the traits are to hold, by their names; None for one that is free again.

        """
        wanted = {shown.turn["key"]: shown for shown in turns[-SAVED_TURNS:]}
        changed: dict[str, SavedTurn | None] = {}
        for key in [key for key in self._saved if key not in wanted]:
            slot, _ = self._saved.pop(key)
            self._free.append(slot)
            changed[trait_of(slot)] = None
        for key, shown in wanted.items():
            slot, saved = self._saved.get(key, (-1, None))
            if saved and (saved["turn"] is shown.turn or saved == {"order": shown.order, "turn": shown.turn}):
                continue
            slot = slot if saved else self._free.pop()
            self._saved[key] = slot, {"order": shown.order, "turn": shown.turn}
            changed[trait_of(slot)] = {"order": shown.order, "turn": without_thumbnails(shown.turn)}
        return changed


def without_thumbnails(turn: PageTurn) -> PageTurn:
    """Return a turn as it is saved: a notebook does not grow by pictures, and they go nowhere with it."""
    if not any("thumbnail" in part for part in (*turn.get("parts", ()), *turn.get("steps", ()))):
        return turn
    saved = turn.copy()
    saved["parts"], saved["steps"] = [_bare(part) for part in turn["parts"]], [_bare(part) for part in turn["steps"]]
    return saved


def _bare(part: PagePart) -> PagePart:
    bare = part.copy()
    bare.pop("thumbnail", None)
    return bare
