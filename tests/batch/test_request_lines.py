"""Requests written for a cluster, and its answers read back: every form that such files have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qwen_magic import QwenClient
from qwen_magic.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "openai:http://127.0.0.1:9/v1#m"


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"object": "chat.completion", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


async def test_there_and_back(tmp_path: Path) -> None:
    asked, answered, keep = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "rows.sqlite"
    rows = ["a", "b", "a", "c", "d", "e"]
    async with QwenClient(TARGET) as client:
        assert await client.write_batch(asked, "Say {item}", rows, keep=keep, temperature=0) == 5
        lines = [json.loads(line) for line in asked.read_text().splitlines()]
        assert lines[0]["url"] == "/v1/chat/completions"
        assert lines[0]["body"] == {"model": "m", "messages": [{"role": "user", "content": "Say a"}], "temperature": 0}
        names = [line["custom_id"] for line in lines]
        out: list[Any] = [
            {"custom_id": names[1], "response": {"status_code": 200, "body": completion("<think>x</think>\n\nB")}},
            {"custom_id": names[0], "response": completion("A")},  # as older vLLM writes it
            {"custom_id": names[2], "response": {"status_code": 429, "body": {"error": {"message": "slow down"}}}},
            {"custom_id": names[3], "response": None, "error": {"message": "gone"}},
            {"custom_id": "not ours", "response": {}},
        ]
        answered.write_text("".join(json.dumps(line) + "\n" for line in out) + "no json\n")
        result = await client.read_batch(answered, "Say {item}", rows, keep=keep, temperature=0)
        assert result.frame["answer"].tolist()[:3] == ["A", "B", "A"]
        assert result.frame["status"].tolist() == ["done", "done", "done", "failed", "failed", "not asked"]
        assert "slow down" in result.frame["error"].tolist()[3]
        assert "gone" in result.frame["error"].tolist()[4]
        assert await client.write_batch(asked, "Say {item}", rows, keep=keep, temperature=0) == 3


async def test_a_shape_goes_along(tmp_path: Path) -> None:
    asked, answered = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    options: dict[str, Any] = {"schema": "mood: happy|sad", "keep": False}
    async with QwenClient(TARGET) as client:
        await client.write_batch(asked, "Say {item}", ["a"], **options)
        (line,) = map(json.loads, asked.read_text().splitlines())
        assert line["body"]["response_format"]["type"] == "json_schema"
        body = completion('{"mood": "happy"}')
        answered.write_text(
            json.dumps({"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}})
        )
        result = await client.read_batch(answered, "Say {item}", ["a"], **options)
    assert result.frame["mood"].tolist() == ["happy"]


async def test_what_cannot_be_written_or_read(tmp_path: Path) -> None:
    async with QwenClient("space:http://127.0.0.1:9") as client:
        with pytest.raises(UsageError, match="has no model"):
            await client.write_batch(tmp_path / "in.jsonl", "Say {item}", ["a"], keep=False)
    async with QwenClient(TARGET) as client:
        with pytest.raises(UsageError, match="cannot be read"):
            await client.read_batch(tmp_path / "none.jsonl", "Say {item}", ["a"], keep=False)
        with pytest.raises(UsageError, match="cannot be written"):
            await client.write_batch(tmp_path / "no" / "in.jsonl", "Say {item}", ["a"], keep=False)
