"""The transcript that a notebook saves, among the traits of a panel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def is_saved_turn(name: str) -> bool:
    """Tell whether a trait is one of those that hold a saved turn."""
    return re.fullmatch(r"turn_\d+", name) is not None


def saved_turns(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the turns that are saved, in their order."""
    found = [value for name, value in state.items() if is_saved_turn(name) and value]
    return [value["turn"] for value in sorted(found, key=lambda value: value["order"])]


def as_traits(turns: Sequence[dict[str, Any]], slots: int = 4) -> dict[str, Any]:
    """Give the traits in which a notebook has saved these turns, the last in the first."""
    traits: dict[str, Any] = {f"turn_{slot}": {} for slot in range(len(turns) + slots)}
    for place, turn in enumerate(turns):
        traits[f"turn_{len(turns) - place}"] = {"order": 3 * place, "turn": turn}
    return {"saved": 1, **traits}
