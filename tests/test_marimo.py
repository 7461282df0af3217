"""A model for marimo's chat: its chunks, whatever comes, and how messages are read."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.events import Reset, Status, TextDelta, ThinkingDelta
from qwen_magic.marimo import _Writer, chat_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXTS = st.text("ab\n", min_size=1, max_size=4)
EVENTS = st.lists(
    st.one_of(
        st.builds(TextDelta, TEXTS), st.builds(ThinkingDelta, TEXTS), st.builds(Reset, TEXTS), st.just(Status("waits"))
    ),
    max_size=12,
)


@dataclass
class Part:
    type: str
    text: str = ""
    media_type: str = ""
    url: str = ""


@dataclass
class ChatMessage:
    role: str
    content: str
    parts: list[Any] = field(default_factory=list)


@dataclass
class Config:
    temperature: float | None = None
    max_tokens: int | None = None


@given(EVENTS)
def test_parts_are_begun_and_ended_one_after_the_other(events: list[Any]) -> None:
    writer = _Writer()
    chunks = [one for event in events for one in writer.chunks(event)] + writer.close()
    opened, ids = "", set()
    for one in chunks:
        kind, step = one["type"].rsplit("-", 1)
        if step == "start":
            assert not opened
            assert one["id"] not in ids
            opened = one["id"]
            ids.add(opened)
        else:
            assert one["id"] == opened
            assert opened.startswith(kind)
            opened = "" if step == "end" else opened
        assert step != "delta" or one["delta"]
    assert not opened
    thinking = "".join(one["delta"] for one in chunks if one["type"] == "reasoning-delta")
    assert thinking == "".join(event.text for event in events if isinstance(event, ThinkingDelta))


def test_what_is_written_anew_follows_from_where_it_differs() -> None:
    writer = _Writer()
    said = [one for event in (TextDelta("Hello wold"), Reset("Hello world")) for one in writer.chunks(event)]
    assert [one["delta"] for one in said if "delta" in one] == ["Hello wold", "rld"]
    assert writer.chunks(Reset("Hello world")) == []


@asynccontextmanager
async def asking(*answers: Any, **parameters: Any) -> AsyncIterator[tuple[Script, Any]]:
    script = Script(*answers, models=["m"])
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m", retry_timeout=0) as client:
            yield script, chat_model(client, **parameters)


async def said(model: Any, messages: list[ChatMessage], config: Any = None) -> list[dict[str, Any]]:
    return [one async for one in model(messages, config or Config())]


async def test_an_answer_with_thinking_and_what_was_said_before() -> None:
    answer = streamed(
        chunk(choices=[{"index": 0, "delta": {"reasoning_content": "hm"}}]),
        chunk("Hel"),
        chunk("lo"),
        chunk("", "stop"),
    )
    async with asking(answer, system="Be brief.", temperature=0.5) as (script, model):
        before = [
            ChatMessage("user", "one"),
            ChatMessage("assistant", "hmAnswer", [Part("reasoning", "hm"), {"type": "text", "text": "Answer"}]),
            ChatMessage(
                "user", "look", [Part("text", "look"), Part("file", "", "image/png", "data:image/png;base64,AA==")]
            ),
        ]
        chunks = await said(model, before, Config(temperature=0.25))
    assert next(one["type"] for one in chunks) == "reasoning-start"
    assert "".join(one["delta"] for one in chunks if one["type"] == "text-delta") == "Hello"
    assert chunks[-1] == {"type": "finish", "finishReason": "stop"}
    body = script.bodies[-1]
    assert body["temperature"] == 0.25
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][2]["content"] == "Answer"
    assert body["messages"][3]["content"][1]["image_url"]["url"] == "data:image/png;base64,AA=="


async def test_an_answer_that_breaks_off_is_shown_with_the_reason() -> None:
    async with asking(streamed(chunk("half"), {"error": {"message": "out of memory"}})) as (_, model):
        chunks = await said(model, [ChatMessage("user", "hi")])
    assert [one["type"] for one in chunks] == ["text-start", "text-delta", "text-end", "error"]
    assert "out of memory" in chunks[-1]["errorText"]


@pytest.mark.parametrize("messages", [[], [ChatMessage("user", " ")]])
async def test_nothing_asked_is_told(messages: list[ChatMessage]) -> None:
    async with asking(refused(404, {"error": {"message": "no"}})) as (script, model):
        chunks = await said(model, messages)
    assert "nothing was asked" in chunks[-1]["errorText"]
    assert not script.bodies


async def test_a_limit_is_no_regular_end() -> None:
    async with asking(streamed(chunk("half"), chunk("", "length"))) as (_, model):
        assert (await said(model, [ChatMessage("user", "hi")]))[-1]["finishReason"] == "length"


def test_formulas_are_in_the_form_that_the_chat_draws() -> None:
    writer = _Writer()
    events = (
        TextDelta("\\(a"),
        TextDelta("\\)"),
        ThinkingDelta("hm"),
        TextDelta("so $5 or $x"),
        Reset("\\(a\\)so $5 or $y^2$"),
    )
    chunks = [*(one for event in events for one in writer.chunks(event)), *writer.close()]
    kinds = [one["type"] for one in chunks]
    assert [kind for kind in kinds if not kind.endswith("delta")] == [
        *("text-start", "text-end", "reasoning-start", "reasoning-end", "text-start", "text-end")
    ]
    assert "".join(one.get("delta", "") for one in chunks) == "$$a$$hmso $5 or $$y^2$$"
