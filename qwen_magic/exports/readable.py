"""Parts as a person sees them in an export: which pictures are shown, and what stands in the place of the rest."""

from __future__ import annotations

import re

from ..errors import one_line
from ..parts import Image, Part, describe

_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Kinds of picture that hold no program, and that every page can draw."""
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_DIGITS = 16
_ENDINGS = {"image/jpeg": "jpg"}
LARGEST_SHOWN = 2_000_000
"""Bytes of a picture that is shown; a larger one makes a page slow, and is named alone."""


def has_pixels(part: Part) -> bool:
    """Tell whether a part is a picture that any page can draw; what would be fetched is not."""
    return isinstance(part, Image) and part.mime in _SHOWN


def is_shown(part: Part) -> bool:
    """Tell whether a part is a picture that is shown within a text, and not named alone."""
    return isinstance(part, Image) and has_pixels(part) and len(part.data) <= LARGEST_SHOWN


def label(part: Part) -> str:
    """Name a part that is not shown, on one line."""
    return f"[{describe(part)}]"


def escaped(text: str) -> str:
    """Return a line that Markdown shows as it is."""
    return _PUNCTUATION.sub(r"\\\1", one_line(text))


def picture_name(picture: Image) -> str:
    """Name a picture for a file or an attachment, the same for the same bytes."""
    return f"{picture.sha256[:_DIGITS]}.{_ENDINGS.get(picture.mime, picture.mime.partition('/')[2])}"
