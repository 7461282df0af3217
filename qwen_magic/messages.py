"""The nouns: messages, replies and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from .errors import UsageError

if TYPE_CHECKING:
    from .events import FinishReason
    from .text.fences import CodeBlock

Role = Literal["system", "user", "assistant"]
_MEASURABLE_SECONDS = 0.05
"""Seconds of writing below which a speed says nothing."""
ROLES: tuple[Role, ...] = ("system", "user", "assistant")


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise UsageError(f"a message has the role {self.role!r}", hint=f"Use one of {', '.join(ROLES)}.")
        if not isinstance(self.content, str):
            raise UsageError(f"a message's content is of type {type(self.content).__name__}", hint="Give it as a str.")

    def as_dict(self) -> dict[str, str]:
        """Return the message in the form that OpenAI's chat API takes."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True)
class Usage:
    """What an answer cost, in tokens.

    Attributes:
        prompt_tokens: tokens read, or None where that is not known.
        completion_tokens: tokens written, the thinking's with them, or None.
        estimated: whether we estimated them from the text, because the server does not tell.

    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    estimated: bool = False


@dataclass(frozen=True)
class Reply:
    """A finished, interrupted or broken-off answer.

    Attributes:
        text: the answer.
        thinking: what the model thought before it, where that was told apart.
        usage: tokens, as the server counted them, or estimated.
        target: the target string that gave the answer; of a continued one, its end.
        model: the model's name, as far as it is known.
        finish_reason: "stop", "length", "interrupted" or "error".
        seconds: from the request to the end.
        first_token_seconds: from the request to the first token, or None if none came.
        messages: the messages that were sent, with the answer as the last.
        thinking_seconds: how long the model thought before it answered, or None if it did not.
        earlier_targets: where the answer was continued after a break, the targets that gave its earlier parts.
        recorded: where it was replayed, the time at which it was recorded, in ISO 8601 and UTC; else "".

    """

    text: str = ""
    thinking: str = ""
    usage: Usage = Usage()
    target: str = ""
    model: str = ""
    finish_reason: FinishReason = "stop"
    seconds: float = 0.0
    first_token_seconds: float | None = None
    messages: tuple[Message, ...] = ()
    thinking_seconds: float | None = None
    earlier_targets: tuple[str, ...] = ()
    recorded: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The answer's fenced code blocks; of an answer that is nothing but code, without a fence, that code."""
        from .text.bare_code import answer_blocks  # noqa: PLC0415 - light import

        return answer_blocks(self.text)

    @property
    def code(self) -> str:
        """The code of `code_blocks`, joined by blank lines; "" where there is none."""
        return "\n\n".join(block.code for block in self.code_blocks)

    @property
    def json(self) -> Any:
        """The first JSON value of the answer; `qwen_magic.text.json_values` says what counts as one.

        Raises:
            UsageError: there is none.

        """
        from .text.json_values import find_json  # noqa: PLC0415 - light import

        found = find_json(self.text)
        if found is None:
            raise UsageError("no JSON in the answer", hint="Ask for JSON alone; .text has the answer.")
        return found.value

    @property
    def tables(self) -> list[Any]:
        """The answer's tables, of Markdown, CSV and TSV: pandas DataFrames, or without pandas `Table` objects."""
        from .text.tables import as_frames, find_tables  # noqa: PLC0415 - light import

        return as_frames(find_tables(self.text))

    @property
    def tokens_per_second(self) -> float | None:
        """How fast it was written, the wait for the first token apart; None where that cannot be told."""
        writing = self.seconds - (self.first_token_seconds or 0.0)
        tokens = self.usage.completion_tokens
        return tokens / writing if tokens and writing >= _MEASURABLE_SECONDS else None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        from .text.safe import safe_markdown  # noqa: PLC0415 - light import

        return {"text/markdown": safe_markdown(self.text), "text/plain": self.text}


MessageLike = Message | Mapping[str, Any]
Prompt = str | Sequence[MessageLike]


def to_messages(prompt: Prompt, system: str | None = None) -> tuple[Message, ...]:
    """Bring what a caller gave into one form.

    Args:
        prompt: the prompt, or a conversation as Messages or ``{"role", "content"}`` mappings whose last is the user's.
        system: a system prompt; it takes the place of one among the messages.

    Returns:
        The messages: at most one system message, which is the first, and the user's prompt as the last.

    Raises:
        UsageError: nothing was asked, or a message is malformed.

    """
    if isinstance(prompt, str):
        given: list[Message] = [Message("user", prompt)]
    elif isinstance(prompt, Mapping) or not isinstance(prompt, Sequence):
        raise UsageError(f"messages of type {type(prompt).__name__}", hint="Give a str or a list of messages.")
    else:
        given = [_to_message(cast("MessageLike", item)) for item in prompt]
    systems = [m.content for m in given if m.role == "system" and m.content.strip()]
    turns = [_without_thinking(m) for m in given if m.role != "system"]
    if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
        raise UsageError("nothing was asked", hint="End the messages with a user's prompt that is not empty.")
    text = "\n\n".join(systems) if system is None else system
    head = (Message("system", text),) if text.strip() else ()
    return (*head, *turns)


def split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Part the system prompt ("" without one) from the turns."""
    system = next((m.content for m in messages if m.role == "system"), "")
    return system, [m for m in messages if m.role != "system"]


def with_answer(reply: Reply) -> Reply:
    """Return the reply with its answer as the last of its messages."""
    if not reply.text:
        return reply
    return replace(reply, messages=(*reply.messages, Message("assistant", reply.text)))


def _without_thinking(message: Message) -> Message:
    """Leave out what a model thought before an earlier answer: it is no part of the conversation."""
    if message.role != "assistant" or "think" not in message.content:
        return message
    from .text.thinking import strip_thinking  # noqa: PLC0415 - light import

    return Message("assistant", strip_thinking(message.content))


def _to_message(item: MessageLike) -> Message:
    if isinstance(item, Message):
        return item
    if isinstance(item, Mapping) and {"role", "content"} <= item.keys():
        return Message(item["role"], item["content"])
    raise UsageError("a message without role and content", hint='Give {"role": "user", "content": "..."}.')
