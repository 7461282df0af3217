"""The sampling parameters as settings: a trait for each row of their table."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Float, Int, List, TraitType, Unicode

from ..parameters import SAMPLING, TABLE

_KINDS: dict[str, type[TraitType[Any, Any]]] = {"number": Float, "whole": Int, "switch": Bool}


def parameter_traits() -> dict[str, TraitType[Any, Any]]:
    """Make the settings of the sampling parameters, by their names; None leaves one to the target."""
    traits: dict[str, TraitType[Any, Any]] = {}
    for row in TABLE:
        if row.name in SAMPLING:
            help_ = f"{row.help[:1].upper()}{row.help[1:]}."
            kind = _KINDS.get(row.kind)
            trait = (
                kind(None, allow_none=True, help=help_) if kind else List(Unicode(), None, allow_none=True, help=help_)
            )
            traits[row.name] = trait.tag(config=True)
    return traits
