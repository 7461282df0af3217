"""Messages of other libraries: objects with a role, LangChain's types; what is none is refused by its number."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from qwen_magic.errors import UsageError
from qwen_magic.messages import Message, ToolCall, to_messages


class LangChain:
    """A message as LangChain's: a type and no role."""

    def __init__(self, kind: str, content: Any, **more: Any) -> None:
        self.type, self.content = kind, content
        self.__dict__ |= more


class Role(str, Enum):
    USER = "user"


@dataclass
class Choice:
    """A message as the OpenAI SDK returns it."""

    role: str = "assistant"
    content: str | None = None
    refusal: str | None = None
    audio: Any = None
    function_call: Any = None
    tool_calls: list[Any] | None = field(default=None)


LAST = Message("user", "q")


@pytest.mark.parametrize(
    ("item", "role", "text"),
    [
        (SimpleNamespace(role="user", content="a"), "user", "a"),
        (SimpleNamespace(role=Role.USER, content="a"), "user", "a"),
        (SimpleNamespace(role="assistant", content=["a", {"type": "text", "text": "b"}]), "assistant", "ab"),
        (SimpleNamespace(role="user", type="message", content="a"), "user", "a"),
        (Choice(content="a"), "assistant", "a"),
        (Choice(refusal="No."), "assistant", "No."),
        (LangChain("human", "a"), "user", "a"),
        (LangChain("ai", "a", tool_calls=[], additional_kwargs={}), "assistant", "a"),
        (LangChain("AIMessageChunk", "a"), "assistant", "a"),
        (LangChain("ai", [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]), "assistant", "a"),
        ({"type": "human", "content": "a"}, "user", "a"),
        ({"type": "ai", "data": {"content": "a", "type": "ai"}}, "assistant", "a"),
        ({"role": "human", "content": [{"type": "text", "text": "a"}]}, "user", "a"),
        ({"role": "ai", "content": "a"}, "assistant", "a"),
    ],
)
def test_messages_of_other_libraries(item: Any, role: str, text: str) -> None:
    first, *_ = to_messages([item, LAST])
    assert (first.role, first.text) == (role, text)


@pytest.mark.parametrize(
    "item",
    [
        SimpleNamespace(role="developer", content="Be brief."),
        {"role": "developer", "content": "Be brief."},
        LangChain("system", "Be brief."),
        {"type": "system", "content": "Be brief."},
    ],
)
def test_a_developer_is_the_system(item: Any) -> None:
    assert to_messages([item, LAST]) == (Message("system", "Be brief."), LAST)


def test_calls_of_tools_and_their_results() -> None:
    function = SimpleNamespace(name="weather", arguments='{"city": "Rome"}')
    sdk = Choice(tool_calls=[SimpleNamespace(id="1", type="function", function=function)])
    chain = LangChain(
        "ai", "", tool_calls=[{"name": "weather", "args": {"city": "Rome"}, "id": "1", "type": "tool_call"}]
    )
    result = LangChain("tool", "12", tool_call_id="1")
    for call in (sdk, chain):
        _, called, told = to_messages([LAST, call, result])
        assert called.tool_calls == (ToolCall("1", "weather", '{"city": "Rome"}'),)
        assert told.text == "12"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (SimpleNamespace(role="robot", content="a"), "a message has the role 'robot'"),
        (LangChain("function", "a"), "a message has the role 'function'"),
        ({"type": "remove", "content": "a"}, "a message has the role 'remove'"),
        (SimpleNamespace(content="a"), "it does not have a role and a content"),
        (SimpleNamespace(role="user"), "it does not have a role and a content"),
        (SimpleNamespace(role="user", content=None), "its content is None"),
        (("user", "a"), "it does not have a role and a content"),
        ("a", "it does not have a role and a content"),
        (Choice(audio=object()), "its audio cannot be taken"),
    ],
)
def test_what_is_no_message_is_refused_by_number(item: Any, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_messages([LAST, item, LAST])
    assert caught.value.what == f"message 2: {reason}"
