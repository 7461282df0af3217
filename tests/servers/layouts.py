"""Layouts of public chat apps on real Gradio, asked through the client as a user would, and what came of it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_magic import QwenClient
from qwen_magic.errors import QwenError
from qwen_magic.events import Status

if TYPE_CHECKING:
    from .gradio_server import GradioServer

LAYOUTS: dict[str, tuple[str, ...]] = {
    "alpaca_lora": ("3.50.2",),
    "chatglm3": ("3.50.2", "4.44.1"),
    "chatglm_6b": ("3.50.2",),
    "deepseek_vl2": ("3.50.2",),
    "glm4": ("5.50.0",),
    "hf_template": ("4.8.0", "4.44.1", "5.50.0", "6.31.0"),
    "minicpm": ("4.44.1",),
    "qwen25_vl": ("5.50.0",),
    "qwen25_web_demo": ("4.44.1", "5.50.0"),
    "qwen_web_demo": ("3.50.2",),
    "russian_one_function": ("3.50.2", "4.44.1", "5.50.0"),
    "saiga": ("3.50.2", "4.44.1"),
    "chatglm_boxes": ("3.50.2",),
    "chinese_alpaca": ("3.50.2", "4.44.1"),
    "fastchat": ("3.50.2", "4.44.1"),
    "interface_stream": ("4.44.1", "6.31.0"),
    "llama2_space": ("3.50.2", "4.44.1"),
    "llama_factory": ("4.44.1", "5.50.0"),
    "mixtral_space": ("4.44.1", "5.50.0"),
    "openchat": ("5.50.0", "6.31.0"),
    "pairs_on_6": ("6.31.0",),
    "qwen_agent": ("5.50.0", "6.31.0"),
    "yi": ("3.50.2", "4.44.1"),
}
"""The layouts, and the Gradio that each is made for; `forms_of_thinking`, `rendered` and `textgen_webui`, which cannot
be asked, are tried otherwise."""
FIELDS = ("answer", "stream", "first turn", "system prompt", "parameters", "code", "cancel")


@dataclass
class Findings:
    """What came of asking one app.

    Attributes:
        wrong: what was not right, by field.
        said: the warnings that the user saw.

    """

    wrong: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


@dataclass
class _Answer:
    text: str
    code: str
    finish: str | None
    pieces: int
    error: str
    seen: dict[str, Any] | None


def examine(server: GradioServer) -> Findings:
    """Ask an app whose model is `layouts/fake.py`, and tell what came of it."""
    return asyncio.run(_examine(server))


async def _examine(server: GradioServer) -> Findings:
    found = Findings()
    async with QwenClient(f"space:{server.url}", stall_timeout=60, retry_timeout=5) as client:
        hello = "My name is Ada."
        first = await _ask(server, client, found, hello)
        model = _plain(first.seen["answer"]) if first.seen else None
        answer = _plain(first.text)
        if model is None or not answer.endswith(model) or len(answer) > len(model) + 16:
            found.wrong["answer"] = first.error or repr(answer[:60])
        elif _plain(str(first.seen["messages"][-1]["content"])) != hello:  # type: ignore[index]
            found.wrong["answer"] = "the prompt went elsewhere"
        if first.pieces < 5:
            found.wrong["stream"] = f"{first.pieces} pieces"
        turns = [{"role": "user", "content": hello}, {"role": "assistant", "content": first.text or "Hello, Ada!"}]
        second = await _ask(server, client, found, [*turns, {"role": "user", "content": "What is my name?"}])
        if "Ada" not in json.dumps(second.seen):
            found.wrong["first turn"] = second.error or "not seen"
        third = await _ask(server, client, found, "Who are you?", system="Answer like a pirate.")
        if "pirate" not in json.dumps(third.seen):
            found.wrong["system prompt"] = third.error or "not seen"
        fourth = await _ask(server, client, found, "Write code, please", temperature=0.25, max_tokens=256)
        if "return" not in fourth.code:
            found.wrong["code"] = fourth.error or repr(fourth.text[:60])
        params = (fourth.seen or {}).get("params") or {}
        missed = [
            name for name, value in (("temperature", 0.25), ("max_tokens", 256)) if params.get(name, value) != value
        ]
        # What an app does not hand to its model, it has no input for: that is said.
        if missed and not any("does not take" in item for item in found.said):
            found.wrong["parameters"] = ", ".join(missed)
        await _cancel(server, client, found)
    return found


async def _ask(server: GradioServer, client: QwenClient, found: Findings, prompt: Any, **given: Any) -> _Answer:
    before, pieces, error = len(_log(server, "seen")), 0, ""
    stream = client.stream(prompt, **given)
    try:
        async for event in stream.events():
            pieces += type(event).__name__ in ("TextDelta", "Reset")
            if isinstance(event, Status) and event.kind in ("warning", "retry") and event.text not in found.said:
                found.said.append(event.text)
    except QwenError as problem:
        error = str(problem)
    reply = stream.reply
    seen = _log(server, "seen")[before:]
    return _Answer(reply.text, str(reply.code), reply.finish_reason, pieces, error, seen[-1] if seen else None)


async def _cancel(server: GradioServer, client: QwenClient, found: Findings) -> None:
    stream, pieces = client.stream("Tell me a story."), 0
    try:
        async for _ in stream:
            pieces += 1
            if pieces == 3:
                await stream.cancel()
                break
    except QwenError as problem:
        found.wrong["cancel"] = str(problem)
        return
    await asyncio.sleep(1)
    before = len(_log(server, "piece"))
    await asyncio.sleep(0.5)  # an answer that goes on has twelve pieces more by then
    if len(_log(server, "piece")) > before or stream.reply.finish_reason != "interrupted":
        found.wrong["cancel"] = f"it works on; {stream.reply.finish_reason}"


def _log(server: GradioServer, event: str) -> list[dict[str, Any]]:
    path = Path(str(server.folder)) / "app.log"
    if not path.exists():
        return []
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [entry for entry in entries if entry["event"] == event]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
