"""What several front ends draw with: safe HTML, deltas, highlighting, the lines below an answer."""

from __future__ import annotations
