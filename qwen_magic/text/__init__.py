"""Parsers and writers of text: server-sent events, Markdown, thinking, secrets, JSON in answers and so on.

No module in here does any I/O, and none knows of messages, servers or front ends.
"""

from __future__ import annotations
