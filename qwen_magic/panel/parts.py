"""The parts of messages as a page shows them: texts, thumbnails, lines for files, what tools were told and gave."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from ..chat.question import with_text
from ..media.thumbnails import thumbnail
from ..messages import File, Image, Text, ToolCall, ToolResult
from ..text.cutting import cut
from .protocol import PagePart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..messages import Message, Part

_TOOL_CHARACTERS = 4000
"""The most of what a tool was told or gave that a page is told; the whole is kept."""


def prompt_parts(parts: Sequence[Part], prompt: str, source: str) -> list[PagePart]:
    """Return a prompt that is more than text as a page shows it; [] for one that is all text.

    Args:
        parts: the parts of the user's message, or none.
        prompt: its text.
        source: its text as it was written; "" where it is the same.

    """
    if not parts:
        return []
    as_sent = not source and any(isinstance(part, Text) for part in parts)
    shown = parts if as_sent else with_text(parts, source or prompt)
    return [_page_part(part) for part in shown if part != Text("")]


def step_parts(steps: Sequence[Message], answer: str) -> list[PagePart]:
    """Return what was said and done before an answer's last text, as a page shows it.

    Args:
        steps: all that was said after the prompt, or nothing where it is one text.
        answer: the last text, which the page shows by itself.

    """
    if not steps:
        return []
    *before, last = steps
    rest = [part for part in last.parts if not isinstance(part, Text)] if last.text == answer else last.parts
    tools = {call.id: call.name for step in steps for call in step.tool_calls}
    return [_page_part(part, tools) for part in (*(part for step in before for part in step.parts), *rest)]


def _page_part(part: Part, tools: Mapping[str, str] = MappingProxyType({})) -> PagePart:
    """Return a part as a page shows it; the tool of a result that does not name it is found by the call's id."""
    match part:
        case Text(text):
            return PagePart(kind="text", name="", mime="", size=0, text=text)
        case Image():
            image = PagePart(kind="image", name=part.name, mime=part.mime, size=len(part.data), text=part.url)
            if drawn := part.data and thumbnail(part.data, part.sha256):
                image["thumbnail"] = drawn
            return image
        case File():
            return PagePart(kind="file", name=part.name, mime=part.mime, size=len(part.data), text="")
        case ToolCall():
            text = cut(part.arguments, _TOOL_CHARACTERS).text
            return PagePart(kind="call", name=part.name, mime="", size=0, text=text)
        case ToolResult():
            text = cut(part.text, _TOOL_CHARACTERS).text
            kind: Literal["failure", "result"] = "failure" if part.failed else "result"
            return PagePart(kind=kind, name=part.name or tools.get(part.id, ""), mime="", size=0, text=text)
