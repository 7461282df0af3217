"""A key goes to its own server, and to nobody else: by whole host names, never in clear, and as the user said."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import aiohttp
import pytest
from fastapi import FastAPI
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.keys import Keys
from qwen_magic.backends.openai.authorization import authorization, key_hint
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.openai.servers import SERVERS, server_at
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import AuthError, QwenError, ServerError
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from typing import Any

    from qwen_magic.events import Event

ANSWER = streamed(chunk("hello", "stop"))
VARIABLES = {server.key_variable: f"key-of-{server.name}" for server in SERVERS.values() if server.key_variable}


@pytest.fixture(autouse=True)
def all_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has every key."""
    for variable, key in {**VARIABLES, "OPENAI_API_KEY": "key-of-openai"}.items():
        monkeypatch.setenv(variable, key)
    for variable in ("OPENAI_BASE_URL", "DASHSCOPE_BASE_URL", "OLLAMA_HOST"):
        monkeypatch.delenv(variable, raising=False)


async def sent_to(url: str, keys: dict[str, str] | None = None) -> str:
    """Tell what a server at an address is sent to be let in."""
    settings = Settings(keys=Keys())
    for name, key in (keys or {}).items():
        settings.keys.set(name, key, keep=False)
    target = parse_target(f"openai:{url}")
    try:
        header = await authorization(target, target.server, settings)
    except AuthError as error:
        return f"refused. {error.hint}"
    return header.get("Authorization", "")


async def ask(target: str, settings: Settings) -> list[Event]:
    backend = OpenAIBackend(parse_target(target), settings)
    request = Request((Message("user", "hi"),), Parameters())
    async with aiohttp.ClientSession(trust_env=False) as session:
        return [event async for event in backend.stream(session, request)]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "Bearer key-of-dashscope"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "Bearer key-of-dashscope"),
        ("https://openrouter.ai/api/v1", "Bearer key-of-openrouter"),
        ("https://OpenRouter.ai/api/v1", "Bearer key-of-openrouter"),
        ("https://router.huggingface.co/v1", "Bearer key-of-hf"),
        ("https://api.openai.com/v1", "Bearer key-of-openai"),
        ("https://api.openai.com:443/v1", "Bearer key-of-openai"),
    ],
)
async def test_a_key_goes_to_its_own_server(url: str, key: str) -> None:
    assert await sent_to(url) == key


@pytest.mark.parametrize(
    "host",
    [
        "dashscope-evil.oss-cn-hangzhou.aliyuncs.com",
        "dashscope-evil.aliyuncs.com",
        "dashscope.aliyuncs.com.evil.example",
        "evildashscope.aliyuncs.com",
        "dashscope.aliyuncs.com.",
        "openrouter.ai.evil.example",
        "evil-openrouter.ai",
        "x.openrouter.ai",
        "api.openai.com.evil.example",
        "eu.api.openai.com.evil.example",
        "api-openai.com",
        "api.openai.com:8443",
        "router.huggingface.co.evil.example",
        "api.openai.com\\.evil.example",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_host_is_matched_whole(scheme: str, host: str) -> None:
    assert await sent_to(f"{scheme}://{host}/v1") == ""
    assert server_at(f"{scheme}://{host}/v1").name == "openai"


@pytest.mark.parametrize(
    "host", ["openrouter.ai", "dashscope.aliyuncs.com", "router.huggingface.co", "api.openai.com", "10.0.0.7:8000"]
)
async def test_no_key_is_sent_in_clear(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{host}/v1")
    keys = {host: "key-of-the-host", "openrouter": "k", "dashscope": "k", "hf": "k", "openai": "k"}
    assert (await sent_to(f"http://{host}/v1", keys)).partition(".")[0] in ("", "refused")
    target = parse_target(f"openai:http://{host}/v1")
    hint = key_hint(target.server, target.address)
    assert "over http" in hint
    assert f"https://{host}" in hint


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "127.1.2.3:8000"])
async def test_loopback_is_nobodys_way(host: str) -> None:
    assert await sent_to(f"http://{host}/v1", {host: "key-of-the-host"}) == "Bearer key-of-the-host"
    assert await sent_to(f"http://{host}/v1") == ""


async def test_openais_key_goes_where_the_user_said(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://models.example/v1"
    assert await sent_to(url) == ""
    assert await sent_to(url, {"models.example": "key-of-the-host"}) == "Bearer key-of-the-host"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/other")
    assert await sent_to(url) == "Bearer key-of-openai"
    assert await sent_to("https://api.openai.com/v1") == "Bearer key-of-openai"
    for other in ("https://models.example:8443/v1", "https://x.models.example/v1", "https://models.example.x/v1"):
        assert await sent_to(other) == ""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://[nonsense")
    assert await sent_to(url) == ""


async def test_what_to_do_is_said_where_the_server_wants_a_key() -> None:
    script = Script(refused(401, {"error": {"message": "no key"}}))
    with serving(script.app()) as url, pytest.raises(AuthError) as caught:
        await ask(f"openai:{url}/v1#m", Settings())
    assert script.keys == [None]
    assert caught.value.hint == f"Give its key with %qwen key {url.removeprefix('http://')}."


async def test_a_query_stays_behind_the_path() -> None:
    script, asked = Script(ANSWER, models=["m"]), []
    app = script.app()

    @app.middleware("http")
    async def note(request: Any, call_next: Any) -> Any:
        asked.append(f"{request.url.path}?{request.url.query}")
        return await call_next(request)

    with serving(app) as url:
        await ask(f"openai:{url}/v1?api_key=s3cret-word&v=2", Settings())
        async with QwenClient(f"openai:{url}/v1?api_key=s3cret-word&v=2#m") as client:
            told = await client.describe(client.targets[0].name)
            assert "s3cret" not in f"{told} {told!r}"
            reply = await client.ask("hi")
    assert "/v1/chat/completions?api_key=s3cret-word&v=2" in asked
    assert "/v1/models?api_key=s3cret-word&v=2" in asked
    assert "s3cret" not in repr(reply)
    assert reply.target == f"openai:{url}/v1#m"


SECRETS = ("sk-secret-0123", "word-of-a-header", "quiet-of-the-query", "login-password-1")


@pytest.mark.parametrize("padding", [0, 240, 280, 290, 480, 490])
async def test_what_a_server_repeats_is_not_shown(padding: int) -> None:
    """Keys, headers' values, queries and passwords, those that are cut off with the message too."""
    said = "x" * padding + " ".join(SECRETS)
    script = Script(refused(401, {"error": {"message": said}}))
    with serving(script.app()) as url:
        place = url.removeprefix("http://")
        for target in (f"openai:{url}/v1?key={SECRETS[2]}#m", f"openai:http://me:{SECRETS[3]}@{place}/v1#m"):
            settings = Settings(keys=Keys(), headers={"X-Api": SECRETS[1], "Authorization": f"Token {SECRETS[0]}"})
            with pytest.raises(ServerError) as caught:
                await ask(target, settings)
            error = caught.value
            shown = f"{error} {error!r} {error.server_message}"
            used = [SECRETS[2] if "?" in target else SECRETS[3], SECRETS[1]] + [SECRETS[0]] * ("?" in target)
            assert not [secret for secret in used if secret[:6] in shown]


async def test_what_a_stream_repeats_is_not_shown() -> None:
    script = Script(streamed({"error": {"message": "bad key sk-secret-0123"}}))
    keys = Keys()
    with serving(script.app()) as url:
        keys.set(url.removeprefix("http://"), "sk-secret-0123", keep=False)
        with pytest.raises(QwenError) as caught:
            await ask(f"openai:{url}/v1#m", Settings(keys=keys))
    assert "bad key …" in str(caught.value)


def test_a_key_that_was_given_for_a_server_is_in_no_repr() -> None:
    target = dataclasses.replace(parse_target("openai:http://me:Canary@h/v1?key=Canary"), model="m")
    assert "Canary" not in f"{target} {target!r} {OpenAIBackend(target, Settings(), 'Canary')!r}"


async def test_an_apps_query_stays_behind_its_paths_too() -> None:
    asked: list[str] = []
    app = FastAPI()

    @app.middleware("http")
    async def note(request: Any, call_next: Any) -> Any:
        asked.append(f"{request.url.path}?{request.url.query}")
        return await call_next(request)

    with serving(app) as url:
        async with QwenClient(f"space:{url}/app?token=s3cret-word") as client:
            with pytest.raises(QwenError) as caught:
                await client.ask("hi")
    assert asked[0] == "/app/config?token=s3cret-word"
    assert "s3cret" not in str(caught.value)


async def test_two_keys_of_one_server_are_two_targets() -> None:
    script, asked = Script(ANSWER), []
    app = script.app()

    @app.middleware("http")
    async def note(request: Any, call_next: Any) -> Any:
        asked.append((request.url.query, request.headers.get("authorization", "")[:5]))
        return await call_next(request)

    with serving(app) as url:
        async with QwenClient(f"openai:{url}/v1?key=first#m") as client:
            await client.ask("hi")
            await client.ask("hi", target=f"openai:{url}/v1?key=second#m")
            await client.ask("hi", target=f"openai:{url.replace('//', '//me:word@')}/v1#m")
            await client.ask("hi", target=f"openai:{url}/v1#m")
    assert [one for one in asked if one[0] != "" or one[1]] == [("key=first", ""), ("key=second", ""), ("", "Basic")]
