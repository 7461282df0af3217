"""What is said of thinking that was switched on or off, once it is seen whether the model thinks."""

from __future__ import annotations

import re
from dataclasses import replace

from ..events import Event, Reset, Responder, Status, TextDelta, ThinkingDelta

IGNORED = "it thinks, though thinking was switched off"
ALWAYS = "its thinking cannot be switched off"
"""What a backend says where a server refuses to switch thinking off."""
_NOT_TAKEN = re.compile(r"it does not take (.+)")


class ThinkingNotes:
    """Hold back "it does not take thinking" until the answer shows whether that is so.

    Args:
        wanted: whether the model was to think; None where nobody said.

    """

    def __init__(self, wanted: bool | None) -> None:  # noqa: FBT001 - one of three
        self._wanted = wanted
        self._held: list[Status] = []
        self._target = ""
        self._told = wanted is not False

    def feed(self, event: Event) -> list[Event]:
        """Turn one event into those that it means."""
        match event:
            case Responder(target):
                self._target = target
            case Status(text, "warning"):
                self._told = self._told or text == ALWAYS
                if "thinking" in _names(text):
                    self._held.append(event)
                    return []
            case ThinkingDelta(text) | Reset(_, text) if text.strip():
                return [*self._thinks(), event]
            case TextDelta(text) | Reset(text) if text.strip():
                return [*self.close(), event]
        return [event]

    def close(self) -> list[Event]:
        """Give out what was held back: the model does not think."""
        held, self._held = self._held, []
        return [*held]

    def _thinks(self) -> list[Event]:
        found: list[Event] = [
            replace(status, text=f"it does not take {', '.join(left)}")
            for status in self._held
            if (left := [name for name in _names(status.text) if name != "thinking"])
        ]
        self._held = []
        if not self._told:
            self._told = True
            found.append(Status(IGNORED, "warning", self._target))
        return found


def _names(text: str) -> list[str]:
    found = _NOT_TAKEN.fullmatch(text)
    return found[1].split(", ") if found else []
