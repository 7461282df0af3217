"""IPython: the magics and the progressive output."""

from __future__ import annotations
