"""A conversation as an ordinary output, which a notebook keeps wherever it is opened."""

from __future__ import annotations

import uuid
from dataclasses import replace
from textwrap import indent
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
    pieces, thinking = _around_thinking(conversation, turns)
    shown = [shown_markdown(piece).strip("\n") for piece in pieces]
    markdown = _joined(shown, [folded_block("thought", text) for text in thinking])
    return mime_bundle(markdown, conversation_text(conversation, turns))


def conversation_text(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Return a conversation as text for a terminal, with the thinking indented."""
    pieces, thinking = _around_thinking(conversation, turns)
    return _joined([piece.strip("\n") for piece in pieces], [f"[thought]\n{indent(text, '    ')}" for text in thinking])


def _around_thinking(conversation: Conversation, turns: Sequence[Turn]) -> tuple[list[str], list[str]]:
    """Return a conversation's Markdown in the pieces around the thinking, and the thinking."""
    word = uuid.uuid4().hex  # stands in the place of the thinking, and in no text
    thinking = [turn.thinking.strip() for turn in turns]
    marked = [replace(turn, thinking=word if text else "") for turn, text in zip(turns, thinking, strict=True)]
    pieces = to_markdown(conversation, marked, marked=False).split(_WRITTEN.format(word))
    return pieces, [text for text in thinking if text]


def _joined(pieces: Sequence[str], between: Sequence[str]) -> str:
    rest = [part for pair in zip(between, pieces[1:], strict=True) for part in pair]
    return "\n\n".join([pieces[0], *rest]) + "\n"


def as_bundle(markdown: str) -> dict[str, str]:
    """Return Markdown that somebody else wrote as a mime bundle, safe for a page and a terminal."""
    return mime_bundle(shown_markdown(markdown), markdown)
