"""The sizes of pictures: how many tokens a Qwen model reads one as, how large it may be, what a file's head says.

Which model reads a picture is set for a stretch of work by `read_by`: a picture is made deep within a prompt.

Source: Qwen2-VL, Qwen2.5-VL and QVQ read a token for each 28 x 28 pixels, Qwen3-VL and later ones for 32 x 32, as their
cards and Alibaba Cloud's documentation state, and DashScope at most 1,280 tokens of a picture unless it is told
otherwise.
"""

from __future__ import annotations

import math
import re
import struct
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TOKENS = 1280
PATCH = 32
"""The side of the square of pixels that is one token."""
MOST_PIXELS = MOST_TOKENS * PATCH * PATCH
_OLD_PATCH = 28
_OLD = re.compile(
    r"(?i)qwen[-_]?2(?:[._]?5)?[-_]?(?:vl|omni)|(?<![a-z])qvq(?![a-z])|qwen-vl-(?:max|plus)-(?:2024|2025-0[1-7])"
)
"""The models that read smaller squares, by their names."""
_MOST_TOKENS_HIGH = 16_384
_reading: ContextVar[tuple[int, int]] = ContextVar("reading", default=(PATCH, MOST_TOKENS))
"""The side of a token's square, and the most tokens of a picture."""

_PNG = b"\x89PNG\r\n\x1a\n"
_NO_SIZE = {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that stand among those of a frame, and are none."""


@contextmanager
def read_by(model: str, *, high: bool = False, most: int | None = None) -> Iterator[None]:
    """Make and count pictures for a model, within the block.

    Args:
        model: its name, or a target's that has it; of a chain, the first target's counts.
        high: whether DashScope is told to read pictures in high resolution; others know no such thing.
        most: the pixels that DashScope is told to read at most; it does not look at them in high resolution.

    """
    first = model.partition(",")[0].lower()
    patch, tokens = _OLD_PATCH if _OLD.search(first) else PATCH, MOST_TOKENS
    if "dashscope" in first and (high or most):
        tokens = _MOST_TOKENS_HIGH if high else max(1, (most or 0) // patch**2)
    before = _reading.set((patch, tokens))
    try:
        yield
    finally:
        _reading.reset(before)


def most_pixels() -> int:
    """Return how many pixels the model reads of a picture."""
    patch, most = _reading.get()
    return most * patch**2


def tokens_of(data: bytes) -> int:
    """Estimate how many tokens a picture is, by the size that its file's head tells; without one, the most."""
    size, (patch, most) = pixels_of(data), _reading.get()
    if size is None:
        return most
    return min(max(1, math.ceil(size[0] / patch) * math.ceil(size[1] / patch)), most)


def pixels_of(data: bytes) -> tuple[int, int] | None:
    """Read width and height, in pixels, of the head of a PNG's or a JPEG's file; None where it tells none."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 24:  # noqa: PLR2004 - of the format
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    return _of_jpeg(data) if data.startswith(b"\xff\xd8") else None


def fitted(width: int, height: int) -> tuple[int, int]:
    """Return a size of the same shape that a target takes whole; never a larger one."""
    if width * height <= (most := most_pixels()):
        return width, height
    scale = math.sqrt(most / (width * height))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _of_jpeg(data: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:  # noqa: PLR2004
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:  # noqa: PLR2004
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 1 if marker == 0xFF else 2 + max(length, 2)  # noqa: PLR2004 - a filling byte
    return None
