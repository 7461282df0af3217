"""A panel beside the notebook: through ipywidgets' ``sidecar`` where it is installed."""

from __future__ import annotations

from typing import Any

from IPython.display import display

_HOW = (
    "A panel beside the notebook needs the package sidecar: %pip install sidecar, then reload the page. "
    "Or right-click the panel and choose Create New View for Cell Output; the panel fills that view."
)


class Dock:
    """The view beside the notebook in which a panel is shown."""

    def __init__(self) -> None:
        self._sidecar: Any = None

    def show(self, panel: object) -> bool:
        """Show a panel beside the notebook; where that cannot be, print how a user does it, and return False."""
        try:
            from sidecar import Sidecar  # noqa: PLC0415 - an extra of the user's
        except ImportError:
            print(_HOW)  # noqa: T201 - the output
            return False
        if self._sidecar is not None:
            self._sidecar.close()
        self._sidecar = Sidecar(title="Qwen", anchor="split-right")
        with self._sidecar:
            display(panel)  # type: ignore[no-untyped-call]
        return True
