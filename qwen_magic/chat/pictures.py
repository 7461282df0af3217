"""Pictures in a prompt: each stands where the prompt names it, or before it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..media.sizes import pixels_of
from ..parts import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..parts import Image, Part
    from .question import Question
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


def in_front(question: Question, parts: Sequence[Part]) -> Question:
    """Put texts and pictures in front of a question's prompt."""
    if not parts:
        return question
    own = question.parts or (Text(question.prompt),)
    given = (*parts, *own)
    text = "".join(part.text for part in given if isinstance(part, Text))
    whole = given if any(not isinstance(part, Text) for part in given) else ()
    return replace(question, prompt=text, parts=whole, source=question.source or question.prompt)


def how_made(name: str, image: Image, made: str) -> str:
    """Tell the size of a picture, and how it came about; "" where there is nothing to tell."""
    size = pixels_of(image.data)
    return (
        f"{name}: {made}" + (f" to {size[0]}x{size[1]}" if size and made.startswith("shrunk") else "") if made else ""
    )
