"""What a session of the magic can be set to; `magics` holds it as traits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..chat.settings import SessionSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class NotebookSettings(SessionSettings, Protocol):
    """The settings of a session with cells.

    Attributes:
        format: how answers are shown.
        confirm_above: rows from which a cell has to be run with --yes.
        confirm_above_cost: the same for what they cost.

    """

    format: str
    confirm_above: int
    confirm_above_cost: float

    def traits(self, **metadata: object) -> Mapping[str, Any]:
        """Return the settings that have such metadata, by their names; each knows its default."""
        ...
