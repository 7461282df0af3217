"""What stands in a notebook in the panel's place when there is no kernel, or the widget's state was not saved.

JupyterLab then says "model not found" and no more. So an ordinary output stands below the panel: the page hides it
while it is there itself (panel.css), and without the page it tells what was there and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rendering.last_line import escape, one_line
from ..rendering.transcripts import conversation_bundle
from ..text.bundles import mime_bundle
from ..text.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import Conversation, Turn

_MARK = "[](#qwen-panel)"
"""An empty link, by which the style sheet knows it."""
_MOST_TURNS = 20
_LONGEST = 60_000
"""Characters of a transcript, which is sent anew after each answer; of a longer one the last turns are there."""


def stand_in(conversation: Conversation | None, turns: Sequence[Turn]) -> dict[str, str]:
    """Return what stands in for the panel, as a mime bundle.

    Args:
        conversation: the conversation that it shows, or None.
        turns: its turns.

    """
    if conversation is None or not turns:
        text = "A chat panel was here. Run %qwen panel to open it again."
        return mime_bundle(f"{_MARK}*{escape(text)}*", text)
    name = one_line(conversation.name)
    count = counted(len(turns), "turn")
    text = f"The chat panel of {name} was here, {count}. To go on with it, run %qwen panel {name}"
    shown = turns[-_MOST_TURNS:]
    bundle = conversation_bundle(conversation, shown)
    while len(bundle["text/plain"]) > _LONGEST and len(shown) > 1:
        shown = shown[len(shown) // 2 :]
        bundle = conversation_bundle(conversation, shown)
    left_out = "" if len(shown) == len(turns) else f", the last {counted(len(shown), 'turn')}"
    markdown = (
        f"{_MARK}*{escape(text)}*\n\n<details><summary>What was said{left_out}</summary>\n\n"
        f"{bundle['text/markdown'].rstrip()}\n\n</details>\n"
    )
    return mime_bundle(markdown, f"{text}\n\n{bundle['text/plain']}")
