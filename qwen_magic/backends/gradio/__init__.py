"""Gradio apps: the queue protocol and its older forms, which endpoint chats, what goes into its inputs.

It sends text alone, keeps no session between two answers, and does not know which apps a user may mean but those of
`known_spaces`. All names in it but those of `kind` are for this package alone.
"""

from __future__ import annotations
