"""Replay: the same question is answered from what was recorded, at once and without a network.

A question is its model, its messages and its parameters, wherever it is asked: two cells that ask the very same get the
same recorded answer. Cells that should get answers of their own differ in their ``seed``.

Nothing here asks a model, decides what is asked, or knows of cells but for the words that name one. What is not named
here is for this package alone.
"""

from __future__ import annotations

from .file import ReplayFile
from .key import replay_key
from .recorded import RecordedAnswer, recorded_of
from .replay import Mode, Replay, difference
from .stream import ReplayedStream

__all__ = [
    "Mode",
    "RecordedAnswer",
    "Replay",
    "ReplayFile",
    "ReplayedStream",
    "difference",
    "recorded_of",
    "replay_key",
]
