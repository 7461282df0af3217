"""What the tests of the OpenAI backend share: questions to a scripted server, and no key of the machine's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic.backends.base import Settings
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import QwenError
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from qwen_magic.events import Event

ASK = (Message("user", "hi"),)
HELLO = streamed(chunk("hello", "stop"))
QUICK = Settings(retry_timeout=0.0, wake_timeout=0.0)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for server in SERVERS.values():
        for variable in (server.key_variable, server.url_variable):
            monkeypatch.delenv(variable or "OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


async def ask(
    target: str,
    settings: Settings = QUICK,
    messages: tuple[Message, ...] = ASK,
    server: str = "",
    **parameters: Any,
) -> list[Event]:
    parsed = parse_target(target)
    if server:
        parsed = dataclasses.replace(parsed, server=SERVERS[server])
    backend = OpenAIBackend(parsed, settings)
    async with aiohttp.ClientSession(trust_env=False) as session:
        return [event async for event in backend.stream(session, Request(messages, Parameters(**parameters)))]


async def failure(script: Script, model: str = "m", **parameters: Any) -> QwenError:
    with serving(script.app()) as url, pytest.raises(QwenError) as caught:
        await ask(f"openai:{url}{script.prefix}#{model}", **parameters)
    assert caught.value.hint
    return caught.value


def openai(message: str, kind: str | None = None, code: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
