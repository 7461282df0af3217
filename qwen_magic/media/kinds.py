"""Which kind of picture bytes are, as their first ones tell, and which files' names say that they are one."""

from __future__ import annotations

import re

_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
}
_BITMAP = re.compile(rb"BM.{4}\x00{4}.{4}[\x0c\x28\x40\x6c\x7c]\x00{3}", re.DOTALL)
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.DOTALL | re.IGNORECASE)
_LOOKED_AT = 4096

SUFFIXES = frozenset(
    ".png .apng .jpg .jpeg .jpe .jfif .gif .webp .bmp .dib .tif .tiff .heic .heif .avif .svg".split()  # noqa: SIM905
)
"""The endings of the names of pictures' files, in lower case."""


def kind_of_bytes(data: bytes) -> str:
    """Tell which kind of picture bytes are, such as "png" or "svg"; "" where they are none that is known."""
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return "heic" if data[8:12] in _HEIC else "avif" if data[8:12] in _AVIF else ""
    if _BITMAP.match(data):
        return "bmp"
    return "svg" if _SVG.match(data[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf")) else ""
