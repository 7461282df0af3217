"""A conversation as an ordinary output, which a notebook keeps wherever it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exports import to_markdown
from ..text.bundles import mime_bundle
from ..text.shown import shown_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import Conversation, Turn


def conversation_bundle(conversation: Conversation, turns: Sequence[Turn]) -> dict[str, str]:
    """Return a conversation as a mime bundle: Markdown that is safe, and plain text."""
    return as_bundle(to_markdown(conversation, turns, marked=False))


def as_bundle(markdown: str) -> dict[str, str]:
    """Return Markdown that somebody else wrote as a mime bundle, safe for a page and a terminal."""
    return mime_bundle(shown_markdown(markdown), markdown)
