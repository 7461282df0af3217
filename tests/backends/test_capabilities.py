"""What targets can do, and what happens to a request that one of them cannot send as it is."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest
from asking import everything
from gradio_configs import app
from servers.chat import ChatServer
from servers.openai_like import Script, serving
from servers.tiny_gguf import write_gguf

from qwen_magic import File, Image, Message, QwenClient, ToolCall, ToolResult
from qwen_magic.backends.capabilities import Capabilities
from qwen_magic.backends.gradio.description import describe_app, space_capabilities
from qwen_magic.backends.gradio.known_spaces import KNOWN
from qwen_magic.backends.openai.model_abilities import model_capabilities
from qwen_magic.errors import ChainError, EmptyAnswerError, UsageError
from qwen_magic.events import Event, Responder, Status

if TYPE_CHECKING:
    from pathlib import Path

    from servers.web import ScriptedSpace

PICTURE = Image(b"\x89PNG", "image/png", "cat.png")
SPACE = Capabilities(streams=True, images=False, tools=False, schema=False)
SERVER = Capabilities(streams=True, history=True, system=True)


def refusing(kind: str) -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    return f"space:{url}" if kind == "space" else f"openai:{url}/v1#tiny"


def seeing(*parts: Any) -> list[Message]:
    return [Message("user", ["What is it?", *parts])]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (Capabilities(), "streams, history, system, images, tools, schema not known"),
        (
            Capabilities(streams=True, history=True, system=True, images=False, schema=False),
            "streams, history, system; no images, schema; tools not known",
        ),
        (Capabilities(True, True, True, True, True, True), "streams, history, system, images, tools, schema"),
    ],
)
def test_they_are_one_line(given: Capabilities, line: str) -> None:
    assert str(given) == line


# Spaces


async def test_a_known_space_is_not_asked() -> None:
    async with QwenClient("qwen-3", proxy="http://127.0.0.1:9") as client:
        assert await client.capabilities() == Capabilities(True, False, True, False, False, False)
        assert (await client.capabilities("qwen-2.5")).history


async def test_another_space_is_asked_once(scripted_space: ScriptedSpace) -> None:
    async with QwenClient(f"space:{scripted_space.url}") as client:
        told = await client.capabilities()
        assert told == Capabilities(True, True, True, False, False, False)
        assert await client.capabilities() == told
        assert (await client.ask("hi")).text == "Hello."
        assert len(scripted_space.seen("/config")) == 1
        described = await client.describe()
    assert described.capabilities == told
    assert "can       streams, history, system; no images, tools, schema" in str(described)


@pytest.mark.parametrize(
    ("inputs", "history", "system"),
    [
        ([], False, False),
        ([("chatbot", {})], True, False),
        ([("textbox", {"label": "System prompt"})], False, True),
    ],
)
def test_what_an_endpoint_takes(inputs: list[Any], history: bool, system: bool) -> None:
    told = describe_app(app([("textbox", {"label": "Message"}), *inputs]), None, "T", "http://a").capabilities
    assert told == Capabilities(True, history, system, False, False, False)


def test_an_app_that_is_no_chat() -> None:
    told = describe_app(app([("image", {})], ["image"], name="paint"), None, "T", "http://a").capabilities
    assert told == Capabilities(tools=False, schema=False)


def test_each_known_space_streams() -> None:
    assert all(space_capabilities(endpoint).streams for endpoint in KNOWN.values())


# OpenAI-compatible servers


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        ("qwen-vl-max", True),
        ("qwen2.5vl:7b", True),
        ("Qwen/Qwen3-VL-8B-Instruct", True),
        ("qvq-max", True),
        ("qwen3-omni-flash", True),
        ("llama3.2-vision", True),
        ("qwen3:8b", None),
        ("qwen-plus", None),
        ("omnia-7b", None),
        ("revision-2", None),
        ("", None),
    ],
)
def test_a_name_that_says_it(model: str, sees: bool | None) -> None:
    assert model_capabilities(model) == Capabilities(True, True, True, sees)


@pytest.mark.parametrize(
    ("item", "beside", "images", "tools", "schema"),
    [
        ({}, {"modalities": {"vision": False}}, False, None, True),
        ({}, {"modalities": {"vision": True}, "chat_template_caps": {"supports_tools": True}}, True, True, True),
        ({}, {"modalities": "?", "chat_template_caps": []}, True, None, None),
        ({}, {"capabilities": ["completion", "tools"]}, False, True, True),
        ({"architecture": {"input_modalities": ["text"]}}, {}, False, None, None),
        (
            {"architecture": {"input_modalities": ["text", "image"]}, "supported_parameters": ["tools", "stop"]},
            {},
            True,
            True,
            False,
        ),
        ({"architecture": [], "supported_parameters": "?"}, {"capabilities": "?"}, True, None, None),
    ],
)
def test_what_servers_tell_goes_before_the_name(
    item: dict[str, Any], beside: dict[str, Any], images: bool | None, tools: bool | None, schema: bool | None
) -> None:
    told = model_capabilities("qwen-vl", item, beside)
    assert (told.images, told.tools, told.schema) == (images, tools, schema)


async def test_props_are_asked_for() -> None:
    script = Script(models=["m"])
    script.beside["/props"] = {"modalities": {"vision": True}, "build_info": "b1"}
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1") as client:
            assert await client.capabilities() == SERVER  # nothing says that it is llama.cpp
        async with QwenClient("llamacpp") as client:
            client._backend(client.targets[0]).base_url = f"{url}/v1"  # type: ignore[attr-defined]
            assert await client.capabilities() == Capabilities(True, True, True, True, None, True)
            described = await client.describe()
    assert described.server == "llama.cpp b1"
    assert "can       streams, history, system, images, schema; tools not known" in str(described)


@pytest.mark.parametrize("target", ["openai", "space"])
async def test_where_nobody_answers_the_known_is_told(target: str) -> None:
    async with QwenClient(refusing(target)) as client:
        told = await client.capabilities()
    assert told == (SERVER if target == "openai" else Capabilities(tools=False, schema=False))


async def test_no_key_is_needed_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    async with QwenClient("dashscope:qwen-vl-max", proxy="http://127.0.0.1:9") as client:
        assert (await client.capabilities()).images is True


async def test_the_real_engine_tells_that_it_sees_nothing(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the local engine is not installed")
    target = f"local:{write_gguf(tmp_path / 'tiny.gguf')}"
    async with QwenClient(target) as client:
        assert await client.capabilities() == Capabilities(True, True, True, False, None, True)
        assert (await client.describe()).capabilities == await client.capabilities()
        with contextlib.suppress(EmptyAnswerError):  # one token may be none that can be seen
            async for event in client.stream("hi", max_tokens=1).events():
                assert isinstance(event, Event)
        backend: Any = client._backend(client.targets[0])
        address = backend.engine.start()
        port = f"openai:{address.url}/v1"
        async with QwenClient(port) as other:
            other.settings.keys.set(address.url.partition("//")[2], address.key, keep=False)
            told = await other.capabilities()
    assert told == Capabilities(True, True, True, False, None, True)


# What cannot be sent


async def test_a_picture_goes_to_the_next_target_that_takes_it(scripted_space: ScriptedSpace) -> None:
    space = f"space:{scripted_space.url}"
    async with ChatServer() as server, QwenClient([space, server.target]) as client:
        stream = client.stream(seeing(PICTURE))
        events = [event async for event in stream.events()]
        assert [event.target for event in events if isinstance(event, Responder)] == [server.target]
        (status,) = (event for event in events if isinstance(event, Status) and event.kind == "failover")
        assert (status.text, status.target) == (f"it takes no pictures; trying {server.target}", space)
        assert [state.state for state in client.states()] == ["not tried", "ready"]
        assert client._health.pause(space) == 0
        assert stream.reply.text == "Hello."
        sent = server.asked[0]["messages"][0]["content"]
        assert [part["type"] for part in sent] == ["text", "image_url"]
        # The next question, a text, goes to the first again.
        assert (await client.ask("hi")).target == space
    assert not scripted_space.seen("/queue/join")[1:]


async def test_where_none_takes_it_nothing_is_sent(scripted_space: ScriptedSpace) -> None:
    spaces = [f"space:{scripted_space.url}", f"space:{scripted_space.url}/"]
    async with QwenClient(spaces) as client:
        with pytest.raises(UsageError) as caught:
            await client.ask(seeing(PICTURE))
        assert not any(state.error for state in client.states())
    assert type(caught.value) is UsageError
    assert all(space in str(caught.value) for space in spaces)
    assert "it takes no pictures" in str(caught.value)
    assert "openai:" in caught.value.hint
    assert "%qwen targets --see" in caught.value.hint
    assert {request.path for request in scripted_space.requests} <= {"/config", "/info"}  # what it takes was asked


@pytest.mark.parametrize("target", ["qwen-2.5", "local"])
@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (seeing(PICTURE), "it takes no pictures"),
        (seeing(File(b"x", "text/csv", "a.csv")), "it takes no files"),
        (seeing(PICTURE, File(b"x")), "no files"),
        (
            [
                Message("user", "What time is it?"),
                Message("assistant", parts=[ToolCall("1", "clock")]),
                Message("tool", parts=[ToolResult("1", "noon")]),
            ],
            "it takes no tool calls and no results of tools",
        ),
    ],
)
async def test_the_only_target_names_what_it_does_not_take(target: str, messages: list[Message], words: str) -> None:
    async with QwenClient(target, proxy="http://127.0.0.1:9") as client:
        stream = client.stream(messages)
        with pytest.raises(UsageError) as caught:
            async for _ in stream.events():
                pass
    assert caught.value.what.startswith("it takes no ")
    assert caught.value.what.endswith(words)
    assert caught.value.target == target
    assert caught.value.before_answer


async def test_an_earlier_picture_is_not_lost_without_a_word(scripted_space: ScriptedSpace) -> None:
    earlier = [*seeing(PICTURE), Message("assistant", "A cat."), Message("user", "Which colour?")]
    async with QwenClient(f"space:{scripted_space.url}") as client:
        happened, _ = await everything(client.stream(earlier))
    said = [event.text for event in happened if isinstance(event, Status)]
    assert any("a picture of earlier turns was left out" in text for text in said), said


async def test_one_that_could_but_fails_is_told_with_those_that_cannot(scripted_space: ScriptedSpace) -> None:
    space, gone = f"space:{scripted_space.url}", refusing("openai")
    async with QwenClient([gone, space]) as client:
        with pytest.raises(ChainError) as caught:
            await client.ask(seeing(PICTURE))
    assert [type(error).__name__ for error in caught.value.errors] == ["ConnectError", "UsageError"]
    assert f"{space} (it takes no pictures)" in str(caught.value)
