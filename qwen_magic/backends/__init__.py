"""Backends: what speaks to one kind of target, behind one small interface.

They know one exchange of one request, and nothing of chains, conversations, notebooks or displays. For a backend of
one's own: `base` (what it is), `kinds` (the row that offers it), `target`, `capabilities`, `descriptions`, and
`conformance`, a suite of tests for it.
"""

from __future__ import annotations
