"""What several front ends draw with: safe HTML, deltas, highlighting, the lines below an answer.

It decides nothing about when something is drawn, and shows nothing itself: it makes texts of texts.
"""

from __future__ import annotations
