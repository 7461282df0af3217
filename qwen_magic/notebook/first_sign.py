"""The first sign of life of a kernel's first question: it is shown before what the question needs is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text.bundles import mime_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT = "⏳ starting…"


class FirstSign:
    """A display that says that something begins, and then becomes the answer's first."""

    def __init__(self) -> None:
        self._display_id = ""

    def show(self, publish: Callable[[dict[str, str], str, bool], None]) -> None:
        """Show it.

        Args:
            publish: sends a mime bundle to a display id, as a new display or an update.

        """
        import uuid  # noqa: PLC0415 - loading the extension stays light

        self._display_id = uuid.uuid4().hex
        publish(mime_bundle(f"*{_TEXT}*", _TEXT), self._display_id, False)  # noqa: FBT003 - IPython's

    def take(self) -> str:
        """Give its display id to who goes on with it; "" where nothing is shown."""
        taken, self._display_id = self._display_id, ""
        return taken

    def clear(self, publish: Callable[[dict[str, str], str, bool], None]) -> None:
        """Empty it where nobody went on with it."""
        if taken := self.take():
            # Of another kind: JupyterLab draws its first Markdown late, and would do so in an empty one's place.
            publish({"text/plain": ""}, taken, True)  # noqa: FBT003 - IPython's


def publish(data: dict[str, str], display_id: str, update: bool) -> None:  # noqa: FBT001 - IPython's own form
    """Send a mime bundle to a display of the running cell; "" is one that is not updated."""
    from IPython.display import publish_display_data  # noqa: PLC0415 - only in a notebook

    publish_display_data(data, metadata={}, transient={"display_id": display_id} if display_id else {}, update=update)  # type: ignore[no-untyped-call]
