"""What a setting of the magic can be set to, where that is one of a few words."""

from __future__ import annotations

FORMATS = ("markdown", "text", "code", "json", "html", "math")
"""How an answer can be shown."""
