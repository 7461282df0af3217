"""What a type checker tells a user of the public interface; mypy reads this, nothing runs it."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import assert_type

from qwen_magic import (
    ChatPanel,
    End,
    Event,
    Message,
    QwenClient,
    QwenError,
    Reply,
    Status,
    Stream,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageReport,
    last_reply,
)
from qwen_magic.backends.capabilities import Capabilities
from qwen_magic.backends.descriptions import Description
from qwen_magic.messages import Role
from qwen_magic.text.fences import CodeBlock


async def asks() -> None:
    async with QwenClient("local") as client:
        assert_type(client, QwenClient)
        assert_type(await client.ask("Hello"), Reply)
        assert_type(await client.ask([{"role": "user", "content": "Hello"}], max_tokens=3), Reply)
        stream = client.stream("Hello", system="Be brief.", temperature=0.1)
        assert_type(stream, Stream)
        async for text in stream:
            assert_type(text, str)
        assert_type(stream.reply, Reply)
        assert_type(stream.continue_(), Stream)
        assert_type(await stream.cancel(), None)
        assert_type(await client.describe("local"), Description)
        assert_type(await client.capabilities("local"), Capabilities)


async def reads_events(stream: Stream) -> None:
    async for event in stream.events():
        assert_type(event, Event)
        match event:
            case TextDelta(text) | ThinkingDelta(text):
                assert_type(text, str)
            case Status(text, progress=progress):
                assert_type(text, str)
                assert_type(progress, float | None)
            case UsageReport(usage):
                assert_type(usage, Usage)
            case End(reason):
                assert_type(reason, Literal["stop", "length", "filtered", "interrupted", "error"])


def asks_without_await(client: QwenClient) -> None:
    assert_type(client.ask_sync("Hello"), Reply)
    assert_type(client.close(), None)


def reads_a_reply(reply: Reply) -> None:
    assert_type(reply.text, str)
    assert_type(reply.code, str)
    assert_type(reply.code_blocks, list[CodeBlock])
    assert_type(reply.json, Any)
    assert_type(reply.thinking, str)
    assert_type(reply.usage, Usage)
    assert_type(reply.target, str)
    assert_type(reply.seconds, float)
    assert_type(reply.usage.completion_tokens, int | None)


def reads_the_last() -> None:
    assert_type(last_reply(), Reply | None)


def reads_a_message(message: Message) -> None:
    assert_type(message.role, Role)
    assert_type(message.text, str)


def reads_an_error(error: QwenError) -> None:
    assert_type(str(error), str)
    assert_type(error.target, str)


def shows_a_panel() -> None:
    panel = ChatPanel(target="local", system="Be brief.", height=600)
    assert_type(panel.ask("Hello"), None)
    assert_type(panel.transcript(), str)
