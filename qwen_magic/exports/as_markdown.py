"""A conversation as Markdown to read, which can be imported again to the letter.

Prompts are quoted, answers stand as they are. Before each part stands an HTML comment, which no reader sees, with
the part's length in characters, and after it one that ends it::

    <!-- qwen_magic: answer {"length": 42} -->
    ...
    <!-- qwen_magic: end -->

So a part may hold anything, such comments too. Where somebody has edited the text and its length is not right any
more, the part goes on to the next comment that ends one. What stands outside of the parts is for the eye alone.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..text.fences import find_fences, split_lines
from ..text.surrogates import mended
from .as_json import Imported, date, heading, imported, parsed, turn_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..store.rows import Conversation, Turn

_QUOTED = ("system", "prompt")
_PARTS = ("system", "prompt", "thinking", "answer")
_MARK = re.compile(
    rf"^<!-- qwen_magic: (?P<kind>conversation|turn|{'|'.join(_PARTS)}) (?P<values>\{{.*\}}) -->\r?\n", re.MULTILINE
)
_END = "\n<!-- qwen_magic: end -->"
_CLOSED = re.compile(rf"(?:\n(?:`{{3,}}|~{{3,}}))?{_END}")
"""The end of a part; before it the fence that closes one which the part left open."""


def to_markdown(conversation: Conversation, turns: Sequence[Turn], *, marked: bool = True) -> str:
    """Write a conversation as Markdown.

    Args:
        conversation: the conversation.
        turns: its turns.
        marked: whether the comments that an import needs are written; without them it is for the eye alone.

    Returns:
        Title, system prompt, and the turns, each with its target and date.

    """
    page = _Page(marked)
    page.mark("conversation", heading(conversation))
    page.add(f"# {conversation.name}", "")
    if conversation.system:
        page.add("System prompt:", "")
        page.part("system", conversation.system)
    for number, turn in enumerate(turns, 1):
        page.add(f"## {number}", "")
        page.mark("turn", {name: value for name, value in turn_values(turn).items() if name not in _PARTS and value})
        if turn.system != conversation.system:
            page.add("System prompt of this turn:", "")
            page.part("system", turn.system)
        page.part("prompt", turn.prompt)
        if turn.thinking:
            page.add("<details><summary>Thinking</summary>", "")
            page.part("thinking", turn.thinking)
            page.add("</details>", "")
        page.part("answer", turn.answer)
        page.add(f"*{_facts(turn)}*", "")
    return "\n".join(page.lines)


def from_markdown(text: str) -> Imported:
    """Read a conversation from Markdown that `to_markdown` wrote.

    Raises:
        UsageError: it is no such Markdown.

    """
    if (first := _MARK.search(text)) and first[0].endswith("\r\n"):  # some program has changed all line ends
        text = text.replace("\r\n", "\n")
    told: Mapping[str, Any] = {}
    system = ""
    turns: list[dict[str, Any]] = []
    for kind, values, body in _marked(text):
        if kind == "conversation":
            told = values
        elif kind == "turn":
            turns.append({"system": system, **values})
        elif turns:
            turns[-1][kind] = body
        elif kind == "system":
            system = body
    if not told:
        hint = "Only Markdown that %qwen export wrote can be imported."
        raise UsageError("the Markdown is no exported conversation", hint=hint)
    return imported({**told, "system": system}, turns)


class _Page:
    """The lines of a text as it is put together."""

    def __init__(self, marked: bool) -> None:  # noqa: FBT001 - private
        self.lines: list[str] = []
        self._marked = marked

    def add(self, *lines: str) -> None:
        self.lines += map(mended, lines)

    def mark(self, kind: str, values: Mapping[str, Any]) -> None:
        if self._marked:
            # Within a comment no two hyphens may stand, and in JSON they stand in strings alone.
            written = json.dumps(values, ensure_ascii=False).replace("--", "-\\u002d")
            self.add(f"<!-- qwen_magic: {kind} {written} -->")

    def part(self, kind: str, text: str) -> None:
        body = mended(text)
        if kind in _QUOTED:
            body = "\n".join(f"> {line}" for line in body.split("\n"))
        self.mark(kind, {"length": len(body)})
        self.add(body)
        if fence := _open_fence(body):
            self.add(fence)
        if self._marked:
            self.add(_END.lstrip("\n"))
        self.add("")


def _marked(text: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Find the marks: each one's kind, values, and the part that it begins."""
    place = 0
    while match := _MARK.search(text, place):
        kind, values, place = match["kind"], parsed(match["values"]), match.end()
        body = ""
        if kind in _PARTS:
            body, place = _part(text, place, values.get("length"))
            if kind in _QUOTED:
                body = "\n".join(_unquoted(line) for line in body.split("\n"))
        yield kind, values, body


def _part(text: str, start: int, length: object) -> tuple[str, int]:
    """Return a part and the place after its end."""
    if isinstance(length, int) and length >= 0 and (closed := _CLOSED.match(text, start + length)):
        return text[start : start + length], closed.end()
    end = text.find(_END, start - 1)
    if end < 0:
        raise UsageError("a part of the Markdown has no end", hint="Export it again.")
    return text[start:end], end + len(_END)


def _unquoted(line: str) -> str:
    return line[2:] if line.startswith("> ") else line.removeprefix(">")


def _open_fence(text: str) -> str:
    """Return what closes the fence that a text leaves open, or ""."""
    last = next(iter(reversed(list(find_fences(split_lines(text))))), None)
    return last.opening.mark if last and not last.closed and last.opening.depth == 0 else ""


def _facts(turn: Turn) -> str:
    ending = turn.finish_reason if turn.finish_reason != "stop" else ""
    return " · ".join(part for part in (turn.target, date(turn.asked_at), ending) if part) or "imported"
