"""The sizes of pictures: how many tokens a Qwen model reads one as, how large it may be, what a file's head says.

Source: Qwen3-VL reads a token for each 32 x 32 pixels, and DashScope at most 1,280 tokens of a picture unless it is
told otherwise.
"""

from __future__ import annotations

import math
import struct

MOST_TOKENS = 1280
PATCH = 32
"""The side of the square of pixels that is one token."""
MOST_PIXELS = MOST_TOKENS * PATCH * PATCH

_PNG = b"\x89PNG\r\n\x1a\n"
_NO_SIZE = {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that stand among those of a frame, and are none."""


def tokens_of(data: bytes) -> int:
    """Estimate how many tokens a picture is, by the size that its file's head tells; without one, the most."""
    size = pixels_of(data)
    if size is None:
        return MOST_TOKENS
    return min(max(1, math.ceil(size[0] / PATCH) * math.ceil(size[1] / PATCH)), MOST_TOKENS)


def pixels_of(data: bytes) -> tuple[int, int] | None:
    """Read width and height, in pixels, of the head of a PNG's or a JPEG's file; None where it tells none."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 24:  # noqa: PLR2004 - of the format
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    return _of_jpeg(data) if data.startswith(b"\xff\xd8") else None


def fitted(width: int, height: int) -> tuple[int, int]:
    """Return a size of the same shape that a target takes whole; never a larger one."""
    if width * height <= MOST_PIXELS:
        return width, height
    scale = math.sqrt(MOST_PIXELS / (width * height))
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
