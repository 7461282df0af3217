"""Small copies of the pictures that a dry run shows: drawn in the kernel, so that a page fetches nothing for them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..media.sizes import pixels_of
from ..media.thumbnails import SIDE, thumbnail
from ..parts import Image, describe
from .front_end import updates_displays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..parts import Part

_MOST_SHOWN = 20


def show_thumbnails(shell: InteractiveShell, parts: Sequence[Part]) -> None:
    """Show small copies of the pictures among the parts of a prompt, where the front end can.

    Args:
        shell: the shell whose cell runs.
        parts: the parts.

    """
    pictures = [part for part in parts if isinstance(part, Image) and part.data]
    if not pictures or not updates_displays(shell):
        return
    figures = [figure for one in pictures[:_MOST_SHOWN] if (figure := _figure(one))]
    if not figures:
        return
    from IPython.display import publish_display_data  # noqa: PLC0415 - only in a session

    plain = "\n".join(describe(one) for one in pictures[:_MOST_SHOWN])
    row = f'<div style="display: flex; flex-wrap: wrap; gap: 1em">{"".join(figures)}</div>'
    publish_display_data({"text/html": row, "text/plain": plain})  # type: ignore[no-untyped-call]


def _figure(picture: Image) -> str:
    source = thumbnail(picture.data)
    if not source:
        return ""
    size = pixels_of(picture.data)
    caption = " · ".join(filter(None, [picture.name, f"{size[0]}x{size[1]}" if size else ""]))
    return (
        f'<figure style="margin: 0; max-width: {SIDE}px"><img src="{source}" alt="{escape(describe(picture))}">'
        f'<figcaption style="overflow-wrap: anywhere">{escape(caption)}</figcaption></figure>'
    )
