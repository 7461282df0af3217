"""Pictures that cells have shown, for a prompt: a figure is drawn anew where it still is what was shown."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from ..chat.pictures import how_made
from ..chat.question import Attached
from ..errors import UsageError
from ..media.bitmaps import from_bytes
from ..media.figures import draw
from ..parts import Image, Text
from .context import MOST_CELLS
from .shown_pictures import MOST_PICTURES, shown_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..media.picture import Picture
    from .context import Cells, CellText
    from .shown_pictures import ShownPicture


def along(cells: Sequence[CellText]) -> Attached:
    """Give the pictures that cells have shown, which go along with a prompt; one that cannot is said.

    Args:
        cells: the cells, in their order.

    """
    named = [one for cell in cells for one in _named(cell)]
    kept = named[-MOST_PICTURES:]
    found = []
    notes = [f"the last {len(kept)} of {len(named)} pictures from cells were sent"] if len(kept) < len(named) else []
    for name, shown in kept:
        try:
            found.append(_attached(_drawn(shown, name), name, along=True))
        except UsageError as error:
            notes.append(f"left out: {error.what}")
    return Attached(
        tuple(chain.from_iterable(one.parts for one in found)),
        tuple(notes),
        tuple(made for one in found for made in one.made),
    )


def last_figure(cells: Cells) -> Attached:
    """Give the last picture that a cell has shown; without one, Matplotlib's current figure.

    Args:
        cells: the cells of the session.

    Raises:
        UsageError: there is none, or it cannot be sent.

    """
    for cell in reversed(cells.last(MOST_CELLS)):
        if cell.pictures:
            name, shown = _named(cell)[-1]
            return _attached(_drawn(shown, name), name)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        raise UsageError("no figure was shown in this session", hint="Plot one first, or name it in the prompt: {fig}.")
    return _attached(draw(pyplot.gcf(), name="the current figure"), "the current figure")


def _attached(picture: Picture, name: str, *, along: bool = False) -> Attached:
    image = Image(picture.data, picture.mime, name, along=along)
    made = how_made(name, image, picture.made)
    return Attached((Text(f"{name}:\n"), image, Text("\n\n")), made=(made,) if made else ())


def _named(cell: CellText) -> list[tuple[str, ShownPicture]]:
    several = len(cell.pictures) > 1
    return [
        (f"{'plot' if one.figure else 'picture'}{f' {place}' if several else ''} of cell {cell.execution_count}", one)
        for place, one in enumerate(cell.pictures, 1)
    ]


def _drawn(shown: ShownPicture, name: str) -> Picture:
    figure = shown.figure() if shown.figure else None
    return draw(figure, name=name) if figure is not None and _is_same(figure, shown) else from_bytes(shown.data, name)


def _is_same(figure: object, shown: ShownPicture) -> bool:
    """Tell whether a figure would be shown now as it was shown then."""
    shell = get_ipython()
    with suppress(Exception):  # artists of the user's raise anything
        again = shell.display_formatter.formatters["image/png"](figure) if shell else None  # type: ignore[union-attr]
        found = shown_picture({"image/png": again})
        return found is not None and found.data == shown.data
    return False
