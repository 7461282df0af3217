"""Which server gets which key: from the keyring, the environment, or nobody."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from openai_asking import (
    HELLO,
    ask,
    no_keys,  # noqa: F401 - a fixture
    openai,
)
from servers.openai_like import Script, refused, serving

from qwen_magic.backends.base import Settings
from qwen_magic.backends.keys import Keys
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.errors import (
    AuthError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Asking(KeyringBackend):
    """A keyring that shows its user a dialogue first."""

    priority = 1.0

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(self.seconds)
        return "kept"

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def ring() -> Iterator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


async def test_the_keyring_is_asked_beside_the_loop(ring: Callable[[KeyringBackend], None]) -> None:
    ring(Asking(0.3))
    script, ticks = Script(HELLO), 0
    with serving(script.app()) as url:
        answer = asyncio.create_task(ask(f"openai:{url}/v1#m", Settings(keys=Keys())))
        while not answer.done():
            ticks += 1
            await asyncio.sleep(0.01)
        await answer
    assert script.keys == ["Bearer kept"]
    assert ticks > 10


async def test_a_keyring_that_never_answers_is_not_waited_for(
    ring: Callable[[KeyringBackend], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ring(Asking(10))
    monkeypatch.setattr("qwen_magic.backends.openai.authorization._KEYRING_SECONDS", 0.1)
    script = Script(HELLO)
    with serving(script.app()) as url:
        begin = time.monotonic()
        await ask(f"openai:{url}/v1#m", Settings(keys=Keys()))
    assert time.monotonic() - begin < 8
    assert script.keys == [None]


async def test_keys_go_to_their_own_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for server in SERVERS.values():
        if server.key_variable:
            monkeypatch.setenv(server.key_variable, f"key-of-{server.name}")
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    script, keys = Script(HELLO, models=["m"]), Keys()
    with serving(script.app()) as url:
        host = url.removeprefix("http://")
        await ask(f"openai:{url}/v1#m")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        await ask(f"openai:{url}/v1#m")
        await ask(f"openai:{url}/v1#m", server="ollama")
        await ask(f"openai:{url}/v1#m", server="hf")
        await ask(f"openai:{url.replace('//', '//me:word@')}/v1#m", server="vllm")
        keys.set(host, "key-of-the-host", keep=False)
        await ask(f"openai:{url}/v1#m", Settings(keys=keys))
        monkeypatch.setenv("OLLAMA_HOST", host)
        keys.set("ollama", "key-of-ollama", keep=False)
        await ask("ollama:m", Settings(keys=keys))
    assert script.keys == [
        None,
        "Bearer key-of-openai",
        None,
        "Bearer key-of-hf",
        "Basic bWU6d29yZA==",
        "Bearer key-of-the-host",
        "Bearer key-of-the-host",
    ]


async def test_the_hubs_token_is_given_to_the_hubs_router_alone() -> None:
    script = Script(HELLO)
    with serving(script.app()) as url:
        await ask(f"openai:{url}/v1#m", Settings(hf_token="hf-x"), server="hf")
        await ask(f"openai:{url}/v1#m", Settings(hf_token="hf-x"))
    assert script.keys == ["Bearer hf-x", None]


@pytest.mark.parametrize("name", ["dashscope", "openrouter", "hf"])
async def test_without_a_key_nothing_is_sent(name: str) -> None:
    script = Script(HELLO)
    with serving(script.app()) as url, pytest.raises(AuthError) as caught:
        await ask(f"openai:{url}/v1#m", server=name)
    assert script.bodies == []
    assert script.keys == []
    assert f"%qwen key {name}, or set {SERVERS[name].key_variable}" in caught.value.hint


async def test_a_refused_key_is_in_no_error() -> None:
    keys = Keys()
    script = Script(
        lambda _body, request: refused(401, openai(f"bad key {request.headers['authorization']}"))(_body, request)
    )
    with serving(script.app()) as url:
        host = url.removeprefix("http://")
        keys.set(host, "sk-secret-0", keep=False)
        with pytest.raises(AuthError) as caught:
            await ask(f"openai:{url}/v1#m", Settings(keys=keys))
    error = caught.value
    assert (
        "sk-secret-0" not in f"{error} {error!r} {error.server_message} {error.hint} {keys!r} {Settings(keys=keys)!r}"
    )
    assert f"%qwen key {host}" in error.hint
