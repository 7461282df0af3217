"""A conversation shown as an ordinary output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rendering.transcripts import conversation_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import Conversation, Turn


def show_conversation(conversation: Conversation, turns: Sequence[Turn]) -> None:
    """Show a conversation as Markdown that is safe, and as plain text."""
    from IPython.display import publish_display_data  # noqa: PLC0415 - only in a session

    publish_display_data(conversation_bundle(conversation, turns))  # type: ignore[no-untyped-call]
