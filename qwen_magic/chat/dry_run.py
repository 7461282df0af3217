"""What would be sent, in words, for ``--dry-run``. Nothing is sent, and nothing is changed in what would be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..client.picture_size import made_for
from ..media.sizes import pixels_of, tokens_of
from ..parts import File, Image, Text, ToolCall, ToolResult, describe, size, with_texts
from ..text.counts import counted
from ..text.secrets import find_secrets, mask
from ..text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message
    from ..parts import Part
    from ..request import Request

_COUNTED = ((Image, "image"), (File, "file"), (ToolCall, "tool call"), (ToolResult, "tool result"))


def preview(targets: Sequence[str], request: Request, notes: Sequence[str] = ()) -> str:
    """Write out what would be sent; what looks like a secret is masked, for it would stay in the notebook.

    Args:
        targets: the targets' names, in the order in which they are asked.
        request: the messages and the parameters.
        notes: what else is to be said.

    """
    with made_for(targets[0] if targets else "", request.parameters):
        return _preview(targets, request, notes)


def _preview(targets: Sequence[str], request: Request, notes: Sequence[str]) -> str:
    parts = [part for message in request.messages for part in message.parts]
    texts = [text for part in parts if (text := _text(part))]
    characters, tokens = sum(map(len, texts)), sum(map(estimate_tokens, texts))
    tokens += sum(tokens_of(part.data) for part in parts if isinstance(part, Image))
    counts = ((len(request.messages), "message"), (characters, "character"), (tokens, "token"))
    messages, size, read = (counted(count, noun) for count, noun in counts)
    said = [messages, size, f"≈ {read}"]
    lines = [
        "Nothing was sent. This is what would be:",
        f"target      {', '.join(targets)}",
        f"size        {', '.join([*said, *_counts(parts)])}",
    ]
    given = request.parameters.given()
    if request.parameters.extra:
        given["extra"] = dict(request.parameters.extra)
    if given:
        lines.append(f"parameters  {json.dumps(given, ensure_ascii=False, sort_keys=True, default=str)}")
    lines += [f"note        {note}" for note in notes]
    found = [secret for part in parts for secret in find_secrets(_text(part) or describe(part))]
    if found:
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in found))
        lines.append(f"secrets     ⚠ {len(found)}: {kinds}. They would be sent as they are; --redact replaces them.")
    for message in request.messages:
        lines += ["", *_message_lines(message)]
    return "\n".join(lines)


def _message_lines(message: Message) -> list[str]:
    size = counted(sum(len(_text(part)) for part in message.parts), "character")
    return [f"── {message.role} · {size}", *map(_shown, message.parts)] + [""] * (not message.parts)


def _shown(part: Part) -> str:
    """Return a part as it is shown in its place, its secrets masked."""
    masked = with_texts(part, mask)
    if isinstance(masked, Text):
        return masked.text
    if isinstance(masked, Image) and masked.data:
        size = pixels_of(masked.data)
        pixels = f", {size[0]}x{size[1]} pixels" if size else ""
        return f"[{describe(masked)}{pixels}, ≈ {counted(tokens_of(masked.data), 'token')}]"
    return f"[{describe(masked)}]\n{masked.text}" if isinstance(masked, ToolResult) else f"[{describe(masked)}]"


def _text(part: Part) -> str:
    """Return what a part costs in text: all that the model reads of it but a picture or a file."""
    match part:
        case Text(text) | ToolResult(text=text):
            return text
        case ToolCall():
            return f"{part.name}({part.arguments})"
    return ""


def _counts(parts: Sequence[Part]) -> list[str]:
    """Count what is not text, with the bytes that would be sent of it."""
    counts = []
    for kind, name in _COUNTED:
        here = [part for part in parts if isinstance(part, kind)]
        data = sum(len(part.data) for part in here if isinstance(part, (Image, File)))
        if here:
            counts.append(f"{counted(len(here), name)}{f' ({size(data)})' if data else ''}")
    return counts
