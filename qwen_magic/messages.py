"""Messages and the parts that they are made of, in our own form and in that of OpenAI's chat API.

Source of the other form: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import unquote_to_bytes

from .errors import UsageError

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
_DATA_URL = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?(?P<base64>;base64)?,(?P<data>.*)", re.DOTALL)


@dataclass(frozen=True)
class Text:
    """A part that is text."""

    text: str


@dataclass(frozen=True)
class Image:
    """A part that is a picture: its bytes, or an address from which the server itself fetches it.

    Attributes:
        data: the bytes of the picture's file, or b"" where there is a url.
        mime: what kind of file it is.
        name: what it is called, or "".
        url: its address, or "".
        detail: how closely a server is to look at it ("low", "high", "auto"), or "" to leave that open.

    """

    data: bytes = field(default=b"", repr=False)
    mime: str = "image/png"
    name: str = ""
    url: str = ""
    detail: str = ""

    @property
    def sha256(self) -> str:
        """The hash of its bytes, in hexadecimal digits; "" where it has none."""
        return _sha256(self.data)


@dataclass(frozen=True)
class File:
    """A part that is a file.

    Attributes:
        data: its bytes.
        mime: what kind of file it is.
        name: its name, or "".

    """

    data: bytes = field(repr=False)
    mime: str = "application/octet-stream"
    name: str = ""

    @property
    def sha256(self) -> str:
        """The hash of its bytes, in hexadecimal digits."""
        return _sha256(self.data)


@dataclass(frozen=True)
class ToolCall:
    """A part by which a model calls a tool.

    Attributes:
        id: what the result refers to.
        name: the tool's name.
        arguments: its arguments, as the model wrote them; JSON, if the model kept to it.

    """

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True)
class ToolResult:
    """A part that is what a tool gave.

    Attributes:
        id: the id of the call.
        text: what the model is told.
        name: the tool's name, or "".
        failed: whether it is the text of a failure.

    """

    id: str
    text: str
    name: str = ""
    failed: bool = False


Part = Text | Image | File | ToolCall | ToolResult
"""What a message is made of."""
_PARTS = (Text, Image, File, ToolCall, ToolResult)
Content = str | Sequence[Any] | None
"""What is taken for a message's content: a text, a list of parts, texts and OpenAI's mappings, or None for nothing."""


@dataclass(frozen=True, init=False, repr=False)
class Message:
    """One message of a conversation.

    Args:
        role: "system", "user", "assistant" or "tool".
        content: a text; or a list of parts, texts and mappings in OpenAI's form, which are brought into ours.
        parts: the parts, where they are given as such.

    Attributes:
        role: who says it.
        parts: what it is made of, in order; texts that follow each other are one.

    Raises:
        UsageError: there is no such role, or something in it cannot be taken.

    """

    role: Role
    parts: tuple[Part, ...]

    def __init__(self, role: Role, content: Content = None, *, parts: Sequence[Part] = ()) -> None:
        if role not in ROLES:
            raise UsageError(f"a message has the role {role!r}", hint=f"Use one of {', '.join(ROLES)}.")
        object.__setattr__(self, "role", role)
        object.__setattr__(self, "parts", _joined([*_parts(content), *_parts(list(parts))]))

    def __repr__(self) -> str:
        return f"Message(role={self.role!r}, content={self.content!r})"

    @property
    def text(self) -> str:
        """Its text alone; of a tool's message, the result's."""
        return "".join(part.text for part in self.parts if isinstance(part, (Text, ToolResult)))

    @property
    def content(self) -> str | tuple[Part, ...]:
        """Its text where it is all text, else its parts."""
        return self.text if all(isinstance(part, Text) for part in self.parts) else self.parts

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that it calls."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    def as_dict(self) -> dict[str, Any]:
        """Return the message in the form that OpenAI's chat API takes; one that is all text has a text for content."""
        told: dict[str, Any] = {"role": self.role}
        result = next((part for part in self.parts if isinstance(part, ToolResult)), None)
        if result is not None:
            told["tool_call_id"] = result.id
        others = [part for part in self.parts if not isinstance(part, ToolCall)]
        if all(isinstance(part, (Text, ToolResult)) for part in others):
            told["content"] = self.text if others or not self.tool_calls else None
        else:
            told["content"] = [_as_dict(part) for part in others]
        if self.tool_calls:
            told["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        return told


MessageLike = Message | Mapping[str, Any]
Prompt = str | Sequence[MessageLike]


def to_messages(prompt: Prompt, system: str | None = None) -> tuple[Message, ...]:
    """Bring what a caller gave into one form.

    Args:
        prompt: the prompt, or a conversation as Messages or mappings in OpenAI's form (``{"role", "content"}``, an
            assistant's with ``tool_calls``, a tool's with its ``tool_call_id``), whose last is the user's or a tool's.
        system: a system prompt; it takes the place of one among the messages.

    Returns:
        The messages: at most one system message, which is the first, and what is to be answered as the last.

    Raises:
        UsageError: nothing was asked, or a message cannot be taken; then its number, from 1, is named with the reason.

    """
    if isinstance(prompt, str):
        given: list[Message] = [Message("user", prompt)]
    elif isinstance(prompt, Mapping) or not isinstance(prompt, Sequence):
        raise UsageError(f"messages of type {type(prompt).__name__}", hint="Give a str or a list of messages.")
    else:
        given = [_to_message(cast("MessageLike", item), number) for number, item in enumerate(prompt, 1)]
    systems = [m.text for m in given if m.role == "system" and m.text.strip()]
    turns = [_without_thinking(m) for m in given if m.role != "system"]
    if not turns or turns[-1].role not in ("user", "tool") or not _says_something(turns[-1]):
        raise UsageError("nothing was asked", hint="End the messages with a user's prompt that is not empty.")
    text = "\n\n".join(systems) if system is None else system
    head = (Message("system", text),) if text.strip() else ()
    return (*head, *turns)


def split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Part the system prompt ("" without one) from the turns."""
    system = next((m.text for m in messages if m.role == "system"), "")
    return system, [m for m in messages if m.role != "system"]


def data_url(part: Image | File) -> str:
    """Write a part's bytes as a ``data:`` URL."""
    return f"data:{part.mime};base64,{base64.b64encode(part.data).decode()}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""


def _says_something(message: Message) -> bool:
    return bool(message.text.strip()) or any(not isinstance(part, Text) for part in message.parts)


def _without_thinking(message: Message) -> Message:
    """Leave out what a model thought before an earlier answer: it is no part of the conversation."""
    if message.role != "assistant" or "think" not in message.text:
        return message
    from .text.thinking import strip_thinking  # noqa: PLC0415 - light import

    parts = [Text(strip_thinking(part.text)) if isinstance(part, Text) else part for part in message.parts]
    return Message("assistant", parts=parts)


def _to_message(item: MessageLike, number: int) -> Message:
    if isinstance(item, Message):
        return item
    try:
        return _from_mapping(item)
    except UsageError as error:
        raise UsageError(f"message {number}: {error.what}", hint=error.hint) from None


def _from_mapping(item: object) -> Message:
    if not isinstance(item, Mapping) or not item.keys() >= {"role"} or not item.keys() & {"content", "tool_calls"}:
        raise UsageError("no role and content", hint='Give {"role": "user", "content": "..."}.')
    role: Any
    role, content, calls = item["role"], item.get("content"), item.get("tool_calls") or ()
    role = "system" if role == "developer" else role
    if content is None and not calls and role != "assistant":
        raise UsageError("its content is None", hint="Give a str, or a list of parts.")
    if role == "tool":
        text = Message("tool", content).text
        rest = [part for part in _parts(content) if not isinstance(part, Text)]
        if not any(isinstance(part, ToolResult) for part in rest):
            result = ToolResult(_string(item, "tool_call_id"), text, str(item.get("name") or ""))
            return Message("tool", parts=[result, *rest])
    return Message(role, content, parts=[_tool_call(call) for call in _sequence(calls, "tool_calls")])


def _parts(content: Content) -> list[Part]:
    """Bring a message's content into our parts."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [_part(item, number) for number, item in enumerate(_sequence(content, "content"), 1)]


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Join texts that follow each other, and leave out empty ones."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Text) and found and isinstance(found[-1], Text):
            found[-1] = Text(found[-1].text + part.text)
        elif not isinstance(part, Text) or part.text:
            found.append(part)
    return tuple(found)


def _part(item: object, number: int) -> Part:
    if isinstance(item, _PARTS):
        return item
    if isinstance(item, str):
        return Text(item)
    kind = item.get("type") if isinstance(item, Mapping) else None
    match kind:
        case "text" | "input_text" | "output_text":
            return Text(_string(cast("Mapping[str, Any]", item), "text"))
        case "image_url" | "input_image":
            return _image(cast("Mapping[str, Any]", item))
        case "file" | "input_file":
            return _file(cast("Mapping[str, Any]", item))
    what = f"type {kind!r}" if kind is not None else f"a {type(item).__name__}"
    raise UsageError(f"part {number} of the content is of {what}", hint="Give texts, image_url or file parts.")


def _image(item: Mapping[str, Any]) -> Image:
    told = item.get("image_url")
    url, detail = (told.get("url"), told.get("detail")) if isinstance(told, Mapping) else (told, item.get("detail"))
    if not isinstance(url, str) or not url:
        raise UsageError("an image has no url", hint='Give {"type": "image_url", "image_url": {"url": "data:..."}}.')
    detail = detail if isinstance(detail, str) else ""
    if url.startswith("data:"):
        data, mime = _from_data_url(url)
        return Image(data, mime or "image/png", detail=detail)
    if not url.startswith(("http://", "https://")):
        raise UsageError("an image's url is neither data: nor http(s):", hint="Give its bytes as a data: URL.")
    return Image(url=url, detail=detail)


def _file(item: Mapping[str, Any]) -> File:
    told = item.get("file", item)
    content = told.get("file_data") if isinstance(told, Mapping) else None
    if not isinstance(content, str):
        raise UsageError("a file has no file_data", hint='Give {"type": "file", "file": {"file_data": "data:..."}}.')
    data, mime = _from_data_url(content if content.startswith("data:") else f"data:;base64,{content}")
    return File(data, mime or "application/octet-stream", str(told.get("filename") or ""))


def _from_data_url(url: str) -> tuple[bytes, str]:
    """Return the bytes and the kind of a ``data:`` URL (RFC 2397)."""
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise UsageError("a data: URL that cannot be read", hint='Write "data:image/png;base64,...".')
    try:
        data = base64.b64decode(match["data"], validate=True) if match["base64"] else unquote_to_bytes(match["data"])
    except (binascii.Error, ValueError):
        raise UsageError("a data: URL is no base64", hint='Write "data:image/png;base64,...".') from None
    return data, match["mime"] or ""


def _tool_call(call: object) -> ToolCall:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise UsageError("a tool call without its function", hint="Give calls as OpenAI's chat API does.")
    arguments = function.get("arguments", "{}")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(str(call.get("id") or ""), _string(function, "name"), written)


def _as_dict(part: Part) -> dict[str, Any]:
    match part:
        case Image():
            told = {"url": part.url or data_url(part), **({"detail": part.detail} if part.detail else {})}
            return {"type": "image_url", "image_url": told}
        case File():
            return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part)}}
        case ToolCall():
            raise AssertionError("a tool call stands beside the content")
    return {"type": "text", "text": part.text}


def _string(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise UsageError(f"its {name} is of type {type(value).__name__}", hint="Give it as a str.")
    return value


def _sequence(value: object, name: str) -> Sequence[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise UsageError(
            f"a message's {name} is of type {type(value).__name__}", hint="Give a str, or a list of parts."
        )
    return value
