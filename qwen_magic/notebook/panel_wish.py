"""What ``%qwen panel`` asks for."""

from __future__ import annotations

from typing import NamedTuple


class PanelWish(NamedTuple):
    """A panel that is to be shown.

    Attributes:
        name: its conversation's name; "" for the session's.
        lasting: whether what was said is to stand below it wherever the notebook is opened without a kernel.
        side: whether it is to stand beside the notebook.
        height: its height in pixels, or None.

    """

    name: str = ""
    lasting: bool = True
    side: bool = False
    height: int | None = None
