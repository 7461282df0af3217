"""Answers in a shape: types to JSON Schema, each server's dialect of it, what an answer holds, the words of a repair.

No network and no files. `as_shape` makes a `Shape` of whatever says one.
"""

from __future__ import annotations

from .shape import Shape, as_shape

__all__ = ["Shape", "as_shape"]
