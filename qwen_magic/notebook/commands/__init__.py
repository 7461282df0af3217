"""The commands of ``%qwen``: one module a group, and `table` with all of them."""

from __future__ import annotations
