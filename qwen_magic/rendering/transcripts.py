"""A conversation as an ordinary output, which a notebook keeps wherever it is opened."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from ..exports import to_markdown
from ..text.bundles import mime_bundle
from ..text.shown import shown_markdown
from .thoughts import folded_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import Conversation, Turn

_WRITTEN = "<details><summary>Thinking</summary>\n\n{}\n\n</details>"
"""How an export writes the thinking; as a text of somebody else's it would be shown with its tags."""


def conversation_bundle(conversation: Conversation, turns: Sequence[Turn]) -> dict[str, str]:
    """Return a conversation as a mime bundle: Markdown that is safe, drawn as a cell draws answers, and plain text."""
    word = uuid.uuid4().hex  # stands in the place of the thinking, and in no text
    marked = [replace(turn, thinking=word if turn.thinking.strip() else "") for turn in turns]
    pieces = to_markdown(conversation, marked, marked=False).split(_WRITTEN.format(word))
    thoughts = [folded_block("thought", turn.thinking.strip()) for turn in turns if turn.thinking.strip()]
    shown = [shown_markdown(piece).strip("\n") for piece in pieces]
    rest = [part for pair in zip(thoughts, shown[1:], strict=True) for part in pair]
    plain = to_markdown(conversation, turns, marked=False)
    return mime_bundle("\n\n".join([shown[0], *rest]) + "\n", plain)


def as_bundle(markdown: str) -> dict[str, str]:
    """Return Markdown that somebody else wrote as a mime bundle, safe for a page and a terminal."""
    return mime_bundle(shown_markdown(markdown), markdown)
