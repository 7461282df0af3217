"""Parsers and writers of text: server-sent events, Markdown, thinking, secrets, JSON in answers and so on.

They do not do any I/O, and know nothing of messages, servers or front ends.
"""

from __future__ import annotations
