"""The commands of ``%qwen``: one module a group, and `table` with all of them.

A command reads its line and prints; what it does to conversations, targets and answers is not its own: `chat`, `store`
and `client` do it.
"""

from __future__ import annotations
