"""Messages, in our own form and in that of OpenAI's chat API; what they are made of stands in `parts`.

Nothing is sent, fetched or read from a file here, and nothing is left out to make a conversation fit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import Any, Literal, Protocol, TypeVar, cast

from .errors import UsageError
from .media.sizes import tokens_of
from .openai_form import Content, fields_of, part_as_dict, parts_of, sequence, text_at, tool_call_of
from .parts import PARTS, File, Image, Part, Text, ToolCall, ToolResult, data_url, shortened, with_texts

__all__ = [
    "ROLES",
    "Content",
    "File",
    "Image",
    "Message",
    "MessageLike",
    "Part",
    "Prompt",
    "Role",
    "Text",
    "ToolCall",
    "ToolResult",
    "data_url",
    "split_system",
    "to_message",
    "to_messages",
]

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
_PLAIN = {"role", "content"}
"""The fields of most messages; what has no others, and texts alone, is read at once."""
_LANGCHAIN = {"HumanMessageChunk": "user", "AIMessageChunk": "assistant", "SystemMessageChunk": "system"}
_ALIASES = {"developer": "system", "human": "user", "ai": "assistant"}
"""Other names of roles: OpenAI's newer one, and LangChain's."""
_TAKES: dict[Role, tuple[type[Part], ...]] = {
    "system": (Text,),
    "user": (Text, Image, File),
    "assistant": (Text, Image, File, ToolCall),
    "tool": (ToolResult, Image, File),
}
_NOUNS: dict[type, str] = {
    Text: "text of its own",
    Image: "an image",
    File: "a file",
    ToolCall: "a tool call",
    ToolResult: "a tool's result",
}
_OF_A_PROMPT = ("text", "image_url", "file", "input_text", "input_image", "input_file")
_OF_OTHER_FORMS = ("function_call", "audio")
"""What a message of OpenAI's form may have that we have no part for."""
_PLACES = "Images and files belong in a user's message, tool calls in an assistant's, results in a tool's."
_LONGEST_SHOWN = 200
_MOST_COUNTED = 1 << 16
_MOST_ENCODED = 4096
"""Characters of a text that is kept as JSON, too; of a longer one it would take much room, and is as soon made anew."""
_counted: dict[tuple[int, int], int] = {}
"""Texts' tokens by their hashes and lengths: who asks with mappings makes the same messages time and again."""


@cache
def _same(kinds: frozenset[type[Part]]) -> frozenset[type[Part]]:
    return kinds


@dataclass(frozen=True, init=False, repr=False)
class Message:
    """One message of a conversation.

    Args:
        role: "system", "user", "assistant" or "tool".
        content: a text, or a list of parts, texts and mappings in OpenAI's form.
        parts: the parts, if no content is given.

    Attributes:
        role: who wrote it.
        parts: its parts, in order; neighbouring texts are joined, and none is empty. As in OpenAI's form, tool calls
            come last, and a tool's message begins with its one result.

    Raises:
        UsageError: there is no such role, or a part is not allowed: a system message only has text, a user's also
            images and files, an assistant's also tool calls.

    """

    role: Role
    parts: tuple[Part, ...]

    def __init__(self, role: Role, content: Content = None, *, parts: Sequence[Part] = ()) -> None:
        if not isinstance(role, str) or role not in ROLES:
            raise UsageError(f"a message has the role {shortened(role)}", hint=f"Use one of {', '.join(ROLES)}.")
        object.__setattr__(self, "role", role)
        if type(content) is str and role != "tool":  # as most are: a long conversation is made of thousands
            object.__setattr__(self, "parts", (Text(content),) if content else ())
            return
        given = parts if content is None else content  # so that dataclasses.replace can give another content
        object.__setattr__(self, "parts", _in_order(role, _joined(parts_of(given))))

    def __repr__(self) -> str:
        said = repr(self.content)
        said = said if len(said) <= _LONGEST_SHOWN else f"{said[:_LONGEST_SHOWN]}…"
        return f"Message(role={self.role!r}, content={said})"

    @cached_property
    def kinds(self) -> frozenset[type[Part]]:
        """The kinds of its parts; computed once, since a long conversation is sent again and again."""
        return _same(frozenset(map(type, self.parts)))

    @cached_property
    def text(self) -> str:
        """Its text; in a tool's message, the text of the result."""
        return "".join([part.text for part in self.parts if isinstance(part, (Text, ToolResult))])

    @property
    def tokens(self) -> int:
        """About how many tokens its text and its pictures have for a Qwen model; counted once."""
        if Image not in self.kinds:
            return self._text_tokens
        return self._text_tokens + sum(tokens_of(part.data) for part in self.parts if type(part) is Image)

    @cached_property
    def _text_tokens(self) -> int:
        text = self.text
        key = hash(text), len(text)
        if (tokens := _counted.get(key)) is None:
            from .text.tokens import estimate_tokens  # noqa: PLC0415 - light import

            if len(_counted) >= _MOST_COUNTED:
                _counted.clear()
            tokens = _counted[key] = estimate_tokens(text)
        return tokens

    @property
    def content(self) -> str | tuple[Part, ...]:
        """Its text if it only has text, else its parts."""
        return self.text if all(isinstance(part, Text) for part in self.parts) else self.parts

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Its tool calls."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    def as_dict(self, url: Callable[[Image | File], str] = data_url) -> dict[str, Any]:
        """Return the message in the form of OpenAI's chat API; if it only has text, its content is a str.

        `to_message` makes the same message from it again, except for what that form cannot hold: the name of an image,
        and the name of a tool's result and whether it failed.

        Args:
            url: returns the address for the bytes of an image or a file; by default a ``data:`` URL.

        """
        if self.plain:
            return self.plain.copy()
        told: dict[str, Any] = {"role": self.role}
        others = [part for part in self.parts if not isinstance(part, ToolCall)]
        if others and isinstance(others[0], ToolResult):
            told["tool_call_id"] = others[0].id
        if all(isinstance(part, (Text, ToolResult)) for part in others):
            told["content"] = self.text if others or not self.tool_calls else None
        else:
            told["content"] = [part_as_dict(part, url) for part in others]
        if self.tool_calls:
            told["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        return told

    @cached_property
    def plain(self) -> dict[str, Any] | None:
        """What `as_dict` returns, where it is one text; all who send it share it, and nobody changes it."""
        return {"role": self.role, "content": self.text} if [*map(type, self.parts)] == [Text] else None

    @cached_property
    def encoded(self) -> bytes | None:
        """The same as JSON, where it is short: a long conversation is sent again and again."""
        return json.dumps(self.plain).encode() if self.plain and len(self.text) <= _MOST_ENCODED else None

    def with_texts(self, change: Callable[[str], str]) -> Message:
        """Return the message with each text in it changed: tool arguments and results, names and addresses as well.

        Args:
            change: gives the new text for an old one, such as `text.secrets.redact`.

        """
        return Message(self.role, parts=[with_texts(part, change) for part in self.parts])


class HasContent(Protocol):
    """A message of another library: it has a ``role``, or LangChain's ``type``, and a ``content``."""

    @property
    def content(self) -> Any:
        """A text, or a list of parts."""


MessageLike = Message | Mapping[str, Any] | HasContent
Prompt = str | Sequence[MessageLike] | Sequence[Any]
"""A text; texts and pictures in order, as one prompt; or a conversation."""
_Messages = TypeVar("_Messages", bound=Sequence[Message])


def to_messages(prompt: Prompt, system: str | None = None) -> tuple[Message, ...]:
    """Bring what a caller gave into one form.

    Args:
        prompt: the prompt; texts and pictures in order, as one prompt; or a conversation as Messages, mappings in
            OpenAI's form (``{"role", "content"}``, an assistant's with ``tool_calls``, a tool's with its
            ``tool_call_id``) or objects with these attributes, such as the OpenAI SDK's and LangChain's messages; its
            last is the user's or a tool's.
        system: a system prompt; it takes the place of one among the messages.

    Returns:
        The messages: at most one system message, which is the first, and what is to be answered as the last.

    Raises:
        UsageError: nothing was asked, or a message cannot be taken; then its number, from 1, is named with the reason.

    """
    if not isinstance(system, (str, type(None))):
        raise UsageError(f"a system prompt of type {type(system).__name__}", hint="Give it as a str.")
    if isinstance(prompt, str):
        given: list[Message] = [Message("user", prompt)]
    elif isinstance(prompt, (Mapping, bytes, bytearray, memoryview)) or not isinstance(prompt, Sequence):
        raise UsageError(f"messages of type {type(prompt).__name__}", hint="Give a str or a list of messages.")
    else:
        if _is_one_prompt(prompt):
            prompt = [Message("user", prompt)]
        given = [to_message(item, number) for number, item in enumerate(prompt, 1)]
    systems = [message.text for message in given if message.role == "system" and message.text.strip()]
    turns = check_asks([_without_thinking(message) for message in given if message.role != "system"])
    text = "\n\n".join(systems) if system is None else system
    head = (Message("system", text),) if text.strip() else ()
    return (*head, *turns)


def read_more(known: Sequence[Message], items: Sequence[Any], number: int) -> list[Message] | None:
    """Bring what follows on messages that came out of `to_messages` into the same form.

    Args:
        known: the messages.
        items: what follows, see `to_message`.
        number: the first one's number in the conversation, from 1.

    Returns:
        The new messages; None where a system message is among them, which would stand at the beginning.

    Raises:
        UsageError: nothing was asked, or a message cannot be taken.

    """
    more = [to_message(item, place) for place, item in enumerate(items, number)]
    if any(message.role == "system" for message in more):
        return None
    check_asks(more or known)
    return [_without_thinking(message) for message in more]


def _is_one_prompt(given: Sequence[Any]) -> bool:
    """Tell whether a list is one prompt of texts, pictures and other parts, and no conversation."""
    first = given[0] if given else None
    if type(first) in (Message, dict):
        return isinstance(first, dict) and "role" not in first and first.get("type") in _OF_A_PROMPT
    return first is not None and (isinstance(first, (str, PARTS)) or not _is_message(first))


def _is_message(item: object) -> bool:
    return isinstance(item, Mapping) or hasattr(item, "content")


def check_asks(messages: _Messages) -> _Messages:
    """Return messages that end with something to be answered.

    Raises:
        UsageError: nothing was asked.

    """
    last = messages[-1] if messages else None
    if last is None or last.role not in ("user", "tool") or not _says_something(last):
        raise UsageError("nothing was asked", hint="End the messages with a user's prompt that is not empty.")
    return messages


def to_message(item: object, number: int) -> Message:
    """Bring one message into our form.

    Args:
        item: a Message, which stays what it is, a mapping in OpenAI's form, or an object with its attributes.
        number: its number in the conversation, from 1, for what is said of it where it cannot be taken.

    Raises:
        UsageError: it cannot be taken.

    """
    if isinstance(item, Message):
        return item
    if type(item) is dict and item.keys() == _PLAIN and {type(value) for value in item.values()} == {str}:
        with suppress(UsageError):  # another name of a role
            return Message(item["role"], item["content"])
    try:
        return _from_fields(_fields(item))
    except UsageError as error:
        raise UsageError(f"message {number}: {error.what}", hint=error.hint) from None


def split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Part the system prompt ("" without one) from the turns."""
    system = next((m.text for m in messages if m.role == "system"), "")
    return system, [m for m in messages if m.role != "system"]


def _says_something(message: Message) -> bool:
    return bool(message.text.strip()) or any(not isinstance(part, Text) for part in message.parts)


def _without_thinking(message: Message) -> Message:
    """Leave out what a model thought before an earlier answer: it is no part of the conversation."""
    if message.role != "assistant" or "think" not in message.text:
        return message
    from .text.thinking import strip_thinking  # noqa: PLC0415 - light import

    parts = [Text(strip_thinking(part.text)) if isinstance(part, Text) else part for part in message.parts]
    return message if [*message.parts] == parts else Message("assistant", parts=parts)


def _fields(item: object) -> Mapping[str, Any]:
    """Read a message's fields; of LangChain's, its type is the role."""
    fields = fields_of(item, ("role", "type", "content", "tool_calls", "tool_call_id", "name", "refusal"))
    if not isinstance(item, Mapping):
        fields = {"content": None, **fields} if hasattr(item, "content") else fields
        fields = {**fields, **{name: given for name in _OF_OTHER_FORMS if (given := getattr(item, name, None))}}
    if "role" in fields or "type" not in fields:
        return fields
    data = fields.get("data")  # of `messages_to_dict`
    fields = {**fields, **(data if isinstance(data, Mapping) else {})}
    return {**fields, "role": _LANGCHAIN.get(str(fields["type"]), fields["type"])}


def _role(given: Any) -> Role:
    given = given.value if isinstance(given, Enum) else given
    return cast("Role", _ALIASES.get(given, given) if isinstance(given, str) else given)


def _from_fields(item: Mapping[str, Any]) -> Message:
    if "role" not in item or not item.keys() & {"content", "tool_calls", "refusal"}:
        raise UsageError("it does not have a role and a content", hint='Give {"role": "user", "content": "..."}.')
    for name in _OF_OTHER_FORMS:
        if item.get(name):
            raise UsageError(f"its {name} cannot be taken", hint="Give a content, or tool_calls.")
    role, content, calls = _role(item["role"]), item.get("content"), item.get("tool_calls")
    said = _joined(parts_of(content))
    if not said and (refusal := text_at(item, "refusal", "")):
        said = [Text(refusal)]
    if content is None and not said and not calls and role != "assistant":
        raise UsageError("its content is None", hint="Give a str, or a list of parts.")
    if role == "tool" and not any(isinstance(part, ToolResult) for part in said):
        text = "".join(part.text for part in said if isinstance(part, Text))
        result = ToolResult(text_at(item, "tool_call_id"), text, text_at(item, "name", ""))
        said = [result, *(part for part in said if not isinstance(part, Text))]
    return Message(role, parts=[*said, *map(tool_call_of, sequence(calls, "tool_calls") if calls else [])])


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Join texts that follow each other, and leave out empty ones."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Text) and found and isinstance(found[-1], Text):
            found[-1] = Text(found[-1].text + part.text)
        elif not isinstance(part, Text) or part.text:
            found.append(part)
    return found


def _in_order(role: Role, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Refuse what has no place in a message of that role, and bring the rest into the order of OpenAI's form."""
    for part in parts:
        if not isinstance(part, _TAKES[role]):
            hint = 'Give {"role": "tool", "tool_call_id": "...", "content": "..."}.' if role == "tool" else _PLACES
            raise UsageError(f"a message of the role {role} cannot have {_NOUNS[type(part)]}", hint=hint)
    if role == "tool" and sum(isinstance(part, ToolResult) for part in parts) != 1:
        hint = "Give each ToolResult in a message of its own."
        raise UsageError("a message of the role tool does not have exactly one result", hint=hint)
    first = [part for part in parts if isinstance(part, ToolResult)]
    last = [part for part in parts if isinstance(part, ToolCall)]
    rest = [part for part in parts if not isinstance(part, (ToolResult, ToolCall))]
    return (*first, *_joined(rest), *last)
