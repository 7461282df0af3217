"""Parsers of text: no I/O, no IPython."""

from __future__ import annotations
