"""What replay can be set to."""

from __future__ import annotations

MODES = ("on", "only", "fresh", "off")
