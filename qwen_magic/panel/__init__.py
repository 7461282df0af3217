"""The chat panel: a widget that shows a conversation."""

from __future__ import annotations
