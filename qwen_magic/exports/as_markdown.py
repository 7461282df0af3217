"""A conversation as Markdown to read, which can be imported again to the letter.

Prompts are quoted, answers stand as they are. Before each section stands an HTML comment, which no reader sees, with
the section's length in characters, and after it one that ends it::

    <!-- qwen_magic: answer {"length": 42} -->
    ...
    <!-- qwen_magic: end -->

So a section may hold anything, such comments too; what would steer a terminal stands in the comment alone. Where
somebody has edited the text and its length is not right any more, the section goes on to the next comment that ends
one. What stands outside is for the eye alone.

Of a prompt or an answer that is more than text each part is a section: a picture is shown from a ``data:`` URL, tool
arguments and results stand in fences, and for all else a line names it and its bytes stand in the comment. No address
becomes a link or a picture.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..message_json import parts_to_json, to_base64
from ..parts import File, Image, Text, ToolCall, ToolResult, data_url, describe, read_data_url
from ..text.fences import find_fences, split_lines, write_fence
from ..text.surrogates import mended
from ..text.terminal import printable_json, safe_terminal
from .plain import ImportedConversation, conversation_from, format_date, heading_values, parse, turn_values
from .readable import escaped, has_pixels, is_shown, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..parts import Part
    from ..store.rows import Conversation, Turn

_QUOTED = ("system", "prompt")
_TEXTS = ("system", "prompt", "thinking", "answer")
_SECTIONS = (*_TEXTS, "part")
_MARK = re.compile(
    rf"^<!-- qwen_magic: (?P<kind>conversation|turn|step|{'|'.join(_SECTIONS)}) (?P<values>\{{.*\}}) -->\r?\n",
    re.MULTILINE,
)
_END = "\n<!-- qwen_magic: end -->"
_CLOSED = re.compile(rf"(?:\n(?:`{{3,}}|~{{3,}}))?{_END}")
"""The end of a section; before it the fence that closes one which the section left open."""
_SHOWN_IMAGE = re.compile(r"!\[.*\]\((?P<url>data:[^()\s]*)\)\s*", re.DOTALL)
_FENCED = {ToolCall: ("arguments", "json"), ToolResult: ("text", "text")}
_FIELDS_OF_BODIES = {"text": "text", "tool_call": "arguments", "tool_result": "text"}
"""The field of a part, by its type, that its section's body holds."""


def to_markdown(
    conversation: Conversation,
    turns: Sequence[Turn],
    *,
    marked: bool = True,
    address: Callable[[Image], str] | None = None,
) -> str:
    """Write a conversation as Markdown.

    Args:
        conversation: the conversation.
        turns: its turns.
        marked: whether the comments that an import needs are written; without them it is for the eye alone.
        address: gives the address, such as a file's beside the text, at which a picture is shown that is for the eye
            alone; without it such a picture is only named.

    Returns:
        Title, system prompt, and the turns, each with its target and date.

    """
    page = _Page(marked, address)
    page.mark("conversation", heading_values(conversation, turns))
    page.add(f"# {conversation.name}", "")
    if conversation.system:
        page.add("System prompt:", "")
        page.section("system", conversation.system)
    for number, turn in enumerate(turns, 1):
        page.add(f"## {number}", "")
        values = turn_values(turn).items()
        page.mark("turn", {name: value for name, value in values if value and name not in (*_TEXTS, "parts", "steps")})
        if turn.system != conversation.system:
            page.add("System prompt of this turn:", "")
            page.section("system", turn.system)
        if not turn.parts or turn.prompt != turn.messages[0].text:
            page.section("prompt", turn.prompt)
        for part in turn.parts:
            page.part(part, quoted=True)
        if turn.thinking:
            page.add("<details><summary>Thinking</summary>", "")
            page.section("thinking", turn.thinking)
            page.add("</details>", "")
        for step in turn.steps:
            page.mark("step", {"role": step.role})
            for part in step.parts:
                page.part(part)
        if not turn.steps or turn.answer != turn.steps[-1].text:
            page.section("answer", turn.answer)
        page.add(f"*{_facts(turn)}*", "")
    text = "\n".join(page.lines)
    return text if marked else safe_terminal(text)


def from_markdown(text: str) -> ImportedConversation:
    """Read a conversation from Markdown that `to_markdown` wrote.

    Raises:
        UsageError: it is no such Markdown.

    """
    if (first := _MARK.search(text)) and first[0].endswith("\r\n"):  # some program has changed all line ends
        text = text.replace("\r\n", "\n")
    head: Mapping[str, Any] = {}
    system = ""
    turns: list[dict[str, Any]] = []
    for kind, values, body in _marked(text):
        if kind == "conversation":
            head = values
        elif kind == "turn":
            turns.append({"system": system, **values})
            turns[-1].pop("parts", None)
            turns[-1].pop("steps", None)
        elif turns and kind == "step":
            turns[-1].setdefault("steps", []).append({"role": values.get("role"), "parts": []})
        elif turns and kind == "part":
            _parts_of(turns[-1], values).append(_read_part(values, body))
        elif turns:
            turns[-1][kind] = body
        elif kind == "system":
            system = body
    if not head:
        hint = "To import a conversation, export it as .json or .ipynb."
        raise UsageError("the Markdown is not an exported conversation", hint=hint)
    return conversation_from({**head, "system": system}, [_with_texts(turn) for turn in turns])


class _Page:
    """The lines of a text as it is put together."""

    def __init__(self, marked: bool, address: Callable[[Image], str] | None) -> None:  # noqa: FBT001 - private
        self.lines: list[str] = []
        self._marked = marked
        self._address = address

    def add(self, *lines: str) -> None:
        self.lines += map(mended, lines)

    def mark(self, kind: str, values: Mapping[str, Any]) -> None:
        if self._marked:
            # Within a comment no two hyphens may stand, and in JSON they stand in strings alone.
            written = printable_json(json.dumps(values, ensure_ascii=False)).replace("--", "-\\u002d")
            self.add(f"<!-- qwen_magic: {kind} {written} -->")

    def section(
        self, kind: str, text: str, values: Mapping[str, Any] | None = None, *, quoted: bool | None = None
    ) -> None:
        body = mended(text)
        if quoted if quoted is not None else kind in _QUOTED:
            body = "\n".join(f"> {line}" for line in body.split("\n"))
        letters, body = body, safe_terminal(body) if self._marked else body
        exact = {} if body == letters else {"exact": letters}  # the file may be printed, and is read to the letter
        self.mark(kind, {**(values or {}), "length": len(body), **exact})
        self.add(body)
        if fence := _open_fence(body):
            self.add(fence)
        if self._marked:
            self.add(_END.lstrip("\n"))
        self.add("")

    def part(self, part: Part, *, quoted: bool = False) -> None:
        """Write a part of a prompt, which is quoted, or of the last step."""
        (values,) = parts_to_json([part], to_base64)
        if quoted:
            values["of"] = "prompt"
        match part:
            case Text(text):
                del values["text"]
                self.section("part", text, values, quoted=quoted)
            case ToolCall() | ToolResult():
                field, language = _FENCED[type(part)]
                values.pop(field, None)
                body = write_fence(getattr(part, field), language).removesuffix("\n")
                self.add(f"*{escaped(_title(part))}*", "")
                self.section("part", body, values)
            case Image() if self._marked and is_shown(part):
                del values["data"]
                self.section("part", f"![{escaped(part.name)}]({data_url(part)})", values)
            case Image() if not self._marked and self._address and has_pixels(part):
                self.section("part", f"![{escaped(part.name)}]({self._address(part)})", values)
            case Image() | File():
                self.section("part", f"*{escaped(label(part))}*", values)


def _marked(text: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Find the marks: each one's kind, values, and the body of the section that it begins."""
    place = 0
    while match := _MARK.search(text, place):
        kind, values, place = match["kind"], parse(match["values"]), match.end()
        body = ""
        if kind in _SECTIONS:
            body, place = _body(text, place, values.get("length"))
            if isinstance(exact := values.get("exact"), str) and safe_terminal(exact) == body:  # nobody has edited it
                body = exact
            if kind in _QUOTED or (values.get("of"), values.get("type")) == ("prompt", "text"):
                body = "\n".join(_unquoted(line) for line in body.split("\n"))
        yield kind, values, body


def _body(text: str, start: int, length: object) -> tuple[str, int]:
    """Return a section's body and the place after its end."""
    if isinstance(length, int) and 0 <= length <= len(text) and (closed := _CLOSED.match(text, start + length)):
        return text[start : start + length], closed.end()
    end = text.find(_END, start - 1)
    if end < 0:
        raise UsageError("a section of the Markdown has no end", hint="Export it again.")
    return text[start:end], end + len(_END)


def _parts_of(turn: dict[str, Any], values: Mapping[str, Any]) -> list[Any]:
    """Return where a part belongs: the prompt, or the last step."""
    if values.get("of") == "prompt":
        return turn.setdefault("parts", [])  # type: ignore[no-any-return]
    if not turn.get("steps"):
        raise UsageError("a part of the Markdown does not belong to a step", hint="Export it again.")
    return turn["steps"][-1]["parts"]  # type: ignore[no-any-return]


def _read_part(values: Mapping[str, Any], body: str) -> dict[str, Any]:
    """Return a part as `parts_to_json` wrote it: what its mark says, and what its body holds of it."""
    part = {name: value for name, value in values.items() if name not in ("of", "length", "exact")}
    kind = part.get("type")
    field = _FIELDS_OF_BODIES.get(kind) if isinstance(kind, str) else None
    if field == "text" and kind == "text":
        part[field] = body
    elif field:
        first, last = body.find("\n"), body.rfind("\n")
        if first == last:
            raise UsageError("a tool's arguments or result have lost their fence", hint="Export it again.")
        part[field] = body[first + 1 : last]
    elif shown := _SHOWN_IMAGE.fullmatch(body):
        part["data"] = to_base64(read_data_url(shown["url"])[0])
    return part


def _with_texts(turn: dict[str, Any]) -> dict[str, Any]:
    """Add the prompt and the answer of a turn whose parts say them."""
    if "prompt" not in turn and "parts" in turn:
        turn["prompt"] = _text(turn["parts"])
    if "answer" not in turn and "steps" in turn:
        turn["answer"] = _text(turn["steps"][-1]["parts"])
    return turn


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    return "".join(part["text"] for part in parts if part.get("type") in ("text", "tool_result"))


def _unquoted(line: str) -> str:
    return line[2:] if line.startswith("> ") else line.removeprefix(">")


def _open_fence(text: str) -> str:
    """Return what closes the fence that a text leaves open, or ""."""
    last = next(iter(reversed(list(find_fences(split_lines(text))))), None)
    return last.opening.mark if last and not last.closed and last.opening.depth == 0 else ""


def _title(part: ToolCall | ToolResult) -> str:
    return f"tool call {part.name}" if isinstance(part, ToolCall) else describe(part)


def _facts(turn: Turn) -> str:
    ending = turn.finish_reason if turn.finish_reason != "stop" else ""
    return " · ".join(part for part in (turn.target, format_date(turn.asked_at), ending) if part) or "imported"
