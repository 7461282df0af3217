"""What a session of the magic can be set to; `magics` holds it as traits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..chat.settings import SessionSettings

if TYPE_CHECKING:
    from collections.abc import Iterable


class NotebookSettings(SessionSettings, Protocol):
    """The settings of a session with cells.

    Attributes:
        format: how answers are shown.

    """

    format: str

    def trait_names(self, **metadata: object) -> Iterable[str]:
        """Return the names of the settings that have such metadata."""
        ...
