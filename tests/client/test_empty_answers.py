"""An answer is never nothing: an end with no text and no thinking is an error, and the chain goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from servers.chat import ChatServer, Said

from qwen_magic import QwenClient
from qwen_magic.errors import ChainError, EmptyAnswerError
from qwen_magic.events import Status

if TYPE_CHECKING:
    from servers.web import ScriptedSpace

EMPTY = Said(pieces=[], usage={"prompt_tokens": 36012, "completion_tokens": 0})
BLANK = Said(pieces=["\n", "  "])
THOUGHT = Said(pieces=["<think>\n\n</think>\n\n"])


@pytest.mark.parametrize("said", [EMPTY, BLANK, THOUGHT], ids=["nothing", "blanks", "an empty thought"])
async def test_an_empty_answer_is_an_error(said: Said) -> None:
    async with ChatServer(said) as server, QwenClient(server.target) as client:
        with pytest.raises(EmptyAnswerError) as caught:
            await client.ask("hi")
    assert "the answer is empty" in str(caught.value)
    assert server.target in str(caught.value)
    assert caught.value.reply is not None
    assert caught.value.reply.finish_reason == "error"


async def test_what_is_known_is_said() -> None:
    async with ChatServer(EMPTY) as server, QwenClient(server.target) as client:
        with pytest.raises(EmptyAnswerError, match="36,012 tokens were read"):
            await client.ask("hi")
    async with ChatServer(Said(pieces=[], finish="length")) as server, QwenClient(server.target) as client:
        with pytest.raises(EmptyAnswerError, match="no tokens were left"):
            await client.ask("hi")
    async with ChatServer(Said(pieces=[], finish="content_filter")) as server, QwenClient(server.target) as client:
        with pytest.raises(EmptyAnswerError, match="filter"):
            await client.ask("hi")


@pytest.mark.parametrize("said", [EMPTY, BLANK, THOUGHT], ids=["nothing", "blanks", "an empty thought"])
async def test_the_chain_goes_on(said: Said) -> None:
    async with ChatServer(said) as first, ChatServer(Said(pieces=["Here."])) as second:
        async with QwenClient([first.target, second.target]) as client:
            stream = client.stream("hi")
            events = [event async for event in stream.events()]
            assert stream.reply.text == "Here."
            assert stream.reply.target == second.target
            assert [state.state for state in client.states()][1] == "ready"
            assert "left out" in client.states()[0].state
    assert any(isinstance(event, Status) and event.kind == "failover" and "empty" in event.text for event in events)


async def test_where_all_are_empty() -> None:
    async with ChatServer(EMPTY) as first, ChatServer(BLANK) as second:
        async with QwenClient([first.target, second.target]) as client:
            with pytest.raises(ChainError, match="empty"):
                await client.ask("hi")


async def test_thinking_alone_is_something() -> None:
    async with ChatServer(Said(thoughts=["hm"], pieces=[])) as server, QwenClient(server.target) as client:
        assert (await client.ask("hi")).thinking == "hm"


async def test_an_app_that_says_nothing(scripted_space: ScriptedSpace) -> None:
    scripted_space.stream = [*scripted_space.answer([""])]
    async with QwenClient(f"space:{scripted_space.url}") as client:
        with pytest.raises(EmptyAnswerError):
            await client.ask("hi")
