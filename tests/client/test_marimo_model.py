"""The model for marimo's chat, before a real server; with marimo's own messages where it is installed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.marimo import chat_model


def message(role: str, content: str, *parts: dict[str, str]) -> Any:
    """Return a message as marimo gives it."""
    try:
        from marimo.ai import ChatMessage  # type: ignore[import-not-found]
    except ImportError:
        return SimpleNamespace(role=role, content=content, parts=list(parts))
    return ChatMessage(role=role, content=content, parts=list(parts) or None)


def chunks(script: Script, *messages: Any, stop_after: int = 0) -> list[dict[str, Any]]:
    """Give what the model yields; with `stop_after`, the reader goes away after so many chunks."""

    async def run(url: str) -> list[dict[str, Any]]:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            found = []
            answer = chat_model(client)(messages, None)
            async for one in answer:
                found.append(one)
                if len(found) == stop_after:
                    await answer.aclose()  # type: ignore[attr-defined]
                    break
            return found

    with serving(script.app()) as url:
        return asyncio.run(run(url))


def test_text_and_thinking_come_apart_as_deltas() -> None:
    script = Script(streamed(chunk("<think>hm"), chunk(" so</think>"), chunk("It "), chunk("is."), chunk("", "stop")))
    found = chunks(script, message("user", "Why?"))
    kinds = [one["type"] for one in found]
    assert kinds[0] == "reasoning-start"
    assert kinds.index("reasoning-end") < kinds.index("text-start")
    assert kinds[-2:] == ["text-end", "finish"]
    assert "".join(one["delta"] for one in found if one["type"] == "text-delta").strip() == "It is."
    assert "".join(one["delta"] for one in found if one["type"] == "reasoning-delta").strip() == "hm so"


def test_earlier_thinking_is_not_sent_back() -> None:
    script = Script(streamed(chunk("So."), chunk("", "stop")))
    earlier = message(
        "assistant", "hm so It is.", {"type": "reasoning", "text": "hm so "}, {"type": "text", "text": "It is."}
    )
    chunks(script, message("user", "Why?"), earlier, message("user", "And?"))
    assert [one["content"] for one in script.bodies[-1]["messages"]] == ["Why?", "It is.", "And?"]


def test_an_error_is_a_line_of_the_answer() -> None:
    found = chunks(Script(refused(401, {"error": {"message": "no key"}})), message("user", "Why?"))
    assert [one["type"] for one in found] == ["text-start", "text-delta", "text-end", "finish"]
    assert "key" in found[1]["delta"]


@pytest.mark.parametrize("stop_after", [1, 2, 5])
def test_a_reader_may_go_away(stop_after: int) -> None:
    script = Script(streamed(*[chunk(f"w{number} ") for number in range(50)], chunk("", "stop")))
    assert len(chunks(script, message("user", "count"), stop_after=stop_after)) == stop_after
