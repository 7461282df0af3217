"""Conversations in SQLite: turns with places, versions and branches, for several kernels and threads at once.

It keeps what it is given: it asks nobody, leaves no secret out (see `Turn.with_texts`), and knows nothing of cells
and pages but the key of the cell that a turn came from. What is not named here is for this package alone.
"""

from __future__ import annotations

from .rows import Conversation, SearchHit, Turn
from .store import Store

__all__ = ["Conversation", "SearchHit", "Store", "Turn"]
