"""The neighbours' checks, which the properties use."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), *(str(TESTS / folder) for folder in ("fuzz", "text", "rendering", "panel"))]
