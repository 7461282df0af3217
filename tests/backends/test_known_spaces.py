"""The known Spaces' layouts, rebuilt as real Gradio apps: what goes in as the app got it, what comes out as it streams."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.gradio.kind import ALIASES
from qwen_magic.backends.gradio.known_spaces import KNOWN
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.sessions import Sessions
from qwen_magic.events import End, Event, Responder, Status, TextDelta, ThinkingDelta
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "q1"},
    {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "echo Привет, 世界 👋"},
]
ANSWER = "Привет, 世界 👋"

# Each alias, the layout's app and its Gradio versions.
LAYOUTS = [
    ("qwen-2-72b", "qwenlike", "4.44.1"),
    ("qwen-2.5", "qwen25", "4.44.1"),
    ("qwen-2.5-max", "qwenlike", "5.50.0"),
    ("qwen-3", "qwen3demo", "5.50.0"),
    ("qwen-3", "qwen3demo", "6.31.0"),
]


async def asked(
    server: GradioServer, target: str, messages: Any = "echo hello", **parameters: Any
) -> tuple[list[Event], dict[str, Any]]:
    """Ask a known Space that is served here; give what happened, and what the app got."""
    settings = Settings()
    sessions = Sessions(settings)
    backend = SpaceBackend(parse_target(target), settings, base_url=server.url)
    happened = [
        event
        async for event in backend.stream(
            await sessions.get(), Request(to_messages(messages), Parameters(**parameters))
        )
    ]
    await sessions.close()
    # Asked as the row says, with no look at /config.
    assert backend._endpoint is None
    return happened, server.calls()[-1]


def said(happened: list[Event], kind: type[TextDelta | ThinkingDelta] = TextDelta) -> str:
    return "".join(event.text for event in happened if isinstance(event, kind))


def warnings(happened: list[Event]) -> list[str]:
    return [event.text for event in happened if isinstance(event, Status) and event.kind == "warning"]


def test_each_alias_has_a_row() -> None:
    assert {target.removeprefix("space:").lower() for target in ALIASES.values()} == set(KNOWN)
    assert {name for name, _, _ in LAYOUTS} == set(ALIASES)


@pytest.mark.parametrize(("target", "app", "version"), LAYOUTS)
async def test_text_streams(target: str, app: str, version: str, gradio_server: ServerFactory) -> None:
    happened, _ = await asked(gradio_server(version, app), target, "count 12 0.05")
    deltas = [event for event in happened if isinstance(event, TextDelta)]
    assert said(happened).strip() == " ".join(f"w{i}" for i in range(12))
    assert len(deltas) > 6
    assert happened[-1] == End("stop")
    assert not warnings(happened)


@pytest.mark.parametrize(("target", "app", "version"), LAYOUTS[:3])
async def test_history_and_system(target: str, app: str, version: str, gradio_server: ServerFactory) -> None:
    happened, call = await asked(gradio_server(version, app), target, CONVERSATION)
    assert said(happened) == ANSWER
    assert (call["prompt"], call["history"], call["system"]) == (
        CONVERSATION[-1]["content"],
        [["q1", "a1"]],
        "Be brief.",
    )
    assert not warnings(happened)


async def test_a_cell_may_be_an_object(gradio_server: ServerFactory) -> None:
    server = gradio_server("4.44.1", "qwen25")
    await asked(server, "qwen-2.5")
    async with aiohttp.ClientSession() as session:
        data = {"data": ["echo hi", [], "", "7B"], "fn_index": 3, "session_hash": "cells"}
        async with session.post(f"{server.url}/queue/join", json=data) as response:
            assert response.status == 200
        values = [message["output"]["data"] async for message in completed(session, server.url, "cells")]
    assert values[-1][1] == [[{"text": "echo hi"}, {"text": "hi"}]]


async def completed(session: aiohttp.ClientSession, url: str, session_hash: str) -> Any:
    """Read a stream's messages that have outputs."""
    async with session.get(f"{url}/queue/data", params={"session_hash": session_hash}) as response:
        async for line in response.content:
            if line.startswith(b"data:") and b'"output"' in line:
                yield json.loads(line[5:])


@pytest.mark.parametrize(("asks", "radio", "model"), [("", "72B", "72B"), ("#7B", "7B", "7B")])
async def test_the_size_of_qwen25(asks: str, radio: str, model: str, gradio_server: ServerFactory) -> None:
    happened, call = await asked(gradio_server("4.44.1", "qwen25"), f"qwen-2.5{asks}")
    assert call["extra"] == {"radio": radio}
    assert happened[0] == Responder(f"qwen-2.5{asks}", f"Qwen2.5-{model}-Instruct")


@pytest.mark.parametrize("version", ["5.50.0", "6.31.0"])
async def test_the_thinking_of_qwen3(version: str, gradio_server: ServerFactory) -> None:
    happened, call = await asked(gradio_server(version, "qwen3demo"), "qwen-3", "echo The answer is 42.")
    assert said(happened, ThinkingDelta) == "Let me think about it."
    assert said(happened) == "The answer is 42."
    kinds = [type(event) for event in happened if isinstance(event, (TextDelta, ThinkingDelta))]
    # What comes in one read is one delta.
    assert kinds == [*[ThinkingDelta] * kinds.count(ThinkingDelta), *[TextDelta] * kinds.count(TextDelta)]
    assert set(kinds) == {ThinkingDelta, TextDelta}
    extra = {"model": "qwen3-235b-a22b", "thinking_budget": 38, "conversations": None, "active": None}
    assert call["extra"] == extra
    assert call["system"] == "You are a helpful and harmless assistant."


@pytest.mark.parametrize("version", ["5.50.0", "6.31.0"])
async def test_what_qwen3_sends_are_diffs_of_an_update(version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(version, "qwen3demo")
    async with aiohttp.ClientSession() as session:
        settings = {"model": "m", "sys_prompt": "s", "thinking_budget": 1}
        data = {"data": ["echo hi", settings, None, None], "fn_index": 13, "trigger_id": 31, "session_hash": "raw"}
        base = f"{server.url}/gradio_api"
        async with session.post(f"{base}/queue/join", json=data) as response:
            assert response.status == 200
        values = [message["output"]["data"][5] async for message in completed(session, base, "raw")]
    assert values[0]["__type__"] == "update"
    assert ["append", ["value", 1, "content", 0, "content"], " think"] in values[1]
    assert values[-1]["value"][1]["content"][1] == {"type": "text", "content": "hi"}
    assert values[-1]["value"][1]["status"] == "done"


@pytest.mark.parametrize("version", ["5.50.0", "6.31.0"])
async def test_the_settings_of_qwen3(version: str, gradio_server: ServerFactory) -> None:
    happened, call = await asked(
        gradio_server(version, "qwen3demo"), "qwen-3#qwen3-32b", CONVERSATION, thinking_budget=4096, temperature=1
    )
    assert (call["extra"]["model"], call["extra"]["thinking_budget"]) == ("qwen3-32b", 4)
    assert call["system"] == "Be brief."
    assert happened[0] == Responder("qwen-3#qwen3-32b", "qwen3-32b")
    assert call["prompt"].startswith("Our conversation so far:\n\nUser: q1\n\nAssistant: a1\n\nUser: echo ")
    assert warnings(happened) == [
        "it takes no history, so the earlier turns were put in front of the prompt",
        "it does not take temperature",
    ]


async def test_a_model_where_none_can_be_chosen(gradio_server: ServerFactory) -> None:
    happened, _ = await asked(gradio_server("4.44.1", "qwenlike"), "qwen-2-72b#7B", top_k=3)
    assert warnings(happened) == ["it does not take top_k, model"]
