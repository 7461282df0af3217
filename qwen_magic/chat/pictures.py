"""Pictures in a prompt: each stands where the prompt names it, or before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..media.sizes import pixels_of
from ..parts import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..parts import Image, Part
    from .workspace import Pictured


def placed(prompt: str, pictures: Sequence[Pictured]) -> tuple[str, tuple[Part, ...]]:
    """Put pictures in the places of their marks.

    Args:
        prompt: the prompt, with the marks.
        pictures: the pictures.

    Returns:
        The prompt without marks, and its parts in order; no parts where there is no picture.

    """
    if not pictures:
        return prompt, ()
    images = {one.mark: one.image for one in pictures}
    pieces = re.split(f"({'|'.join(map(re.escape, images))})", prompt)
    parts = tuple(images.get(piece) or Text(piece) for piece in pieces if piece)
    return "".join(part.text for part in parts if isinstance(part, Text)), parts


def how_made(name: str, image: Image, made: str) -> str:
    """Tell the size of a picture, and how it came about; "" where there is nothing to tell."""
    size = pixels_of(image.data)
    return (
        f"{name}: {made}" + (f" to {size[0]}x{size[1]}" if size and made.startswith("shrunk") else "") if made else ""
    )
