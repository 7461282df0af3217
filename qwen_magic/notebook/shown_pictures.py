"""Pictures among the outputs of cells: what was shown, and the figure that it shows."""

from __future__ import annotations

import base64
import binascii
import sys
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PICTURES = 10
"""Pictures of one cell that are kept, and of all cells that go along."""
_MOST_BYTES = 10 * 2**20
_KINDS = ("image/png", "image/jpeg")


class ShownPicture(NamedTuple):
    """A picture among a cell's outputs.

    Attributes:
        data: what was shown, the bytes of a PNG or a JPEG.
        figure: the figure of Matplotlib's that it shows, as long as that is there, or None.

    """

    data: bytes
    figure: weakref.ref[Any] | None = None


def shown_picture(bundle: Mapping[str, Any], value: object = None) -> ShownPicture | None:
    """Return the picture that is displayed; None where there is none.

    Args:
        bundle: the representations by MIME type.
        value: what is displayed, where that is known.

    """
    for kind in _KINDS:
        data = bundle.get(kind)
        if isinstance(data, str):
            try:
                data = base64.b64decode(data)
            except (binascii.Error, ValueError):
                continue
        if isinstance(data, bytes) and 0 < len(data) <= _MOST_BYTES:
            figures = sys.modules.get("matplotlib.figure")
            is_figure = figures is not None and isinstance(value, figures.Figure)
            return ShownPicture(data, weakref.ref(value) if is_figure else None)
    return None
