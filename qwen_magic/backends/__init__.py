"""Backends: what speaks to one kind of target, behind one small interface.

They know one exchange of one request, and nothing of chains, conversations, notebooks or displays.
"""

from __future__ import annotations
