"""How many examples a property is tried on."""

from __future__ import annotations

import os

QUICK = 15


def examples(number: int) -> int:
    """Give that number in CI, and few in a quick run."""
    return number if os.environ.get("CI") else min(number, QUICK)
