"""A picture that is ready to be sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture as it is sent.

    Attributes:
        data: its file: a PNG or a JPEG, without what a camera writes into one.
        mime: which of the two.
        width: in pixels.
        height: in pixels.
        made: how its size came about: "drawn anew at 1280x960", "shrunk from 4000x3000", or "".
        note: what is to be said of it besides, such as that it is the first of 12 frames, or "".
        name: the name of its file, or "".

    """

    data: bytes
    mime: str
    width: int
    height: int
    made: str = ""
    note: str = ""
    name: str = ""

    def __repr__(self) -> str:
        return f"Picture({self.mime}, {self.width}x{self.height}, {len(self.data)} bytes)"
