"""Whatever is raised in our code, no frame of it has a variable that shows a key."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from qwen_magic.backends import patience
from qwen_magic.backends.base import Settings
from qwen_magic.backends.echoes import sent_secrets, unechoed, without_echoes
from qwen_magic.backends.gradio import app_http
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.hidden import Hidden
from qwen_magic.backends.last_resort import last_resort, unexpected
from qwen_magic.backends.openai import server_http
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import QwenError, ServerError, UnexpectedError
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

SECRETS = ("sk-canary-abcdef0123456789", "hf_canaryabcdef0123456789", "hunter2-canary", "canary-of-a-header")


class Stop(BaseException):
    """What no code of ours catches, as an interrupt."""


def backends() -> list[Callable[[], Any]]:
    key, token, password, header = SECRETS
    settings = Settings(hf_token=token, headers={"X-Own": header})
    settings.keys.set("api.example", key, keep=False)
    settings.keys.set("other.example", key, keep=False)
    return [
        lambda: OpenAIBackend(parse_target("openai:https://api.example/v1#m"), settings),
        lambda: OpenAIBackend(parse_target(f"openai:https://me:{password}@third.example/v1#m"), settings),
        lambda: OpenAIBackend(parse_target("openai:https://third.example/v1#m"), settings, key),
        lambda: SpaceBackend(parse_target("space:owner/name"), settings),
        lambda: SpaceBackend(parse_target(f"space:https://me:{password}@app.example"), settings),
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("doing", ["stream", "describe", "context"])
async def test_frames(number: int, doing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def stop(asking: Any, _limit: Any) -> None:
        asking.close()
        raise Stop

    for module in (patience, server_http):
        monkeypatch.setattr(module, "patiently", stop)
    backend = backends()[number]()
    async with aiohttp.ClientSession() as session:
        try:
            if doing == "stream":
                async for _ in backend.stream(session, Request.of("hi")):
                    pass
            else:
                await getattr(backend, doing)(session)
        except Stop as error:
            told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            assert "qwen_magic" in told
            assert not [secret for secret in SECRETS if secret in told], told
        else:
            assert doing == "context"
    assert not [secret for secret in SECRETS if secret in repr(vars(app_http))]


def test_headers_hide_what_they_hold() -> None:
    headers = {"Authorization": Hidden(f"Bearer {SECRETS[0]}"), "X": "short"}
    assert SECRETS[0] not in f"{headers} {headers!r} {[headers]}"
    secrets = sent_secrets(headers)
    assert without_echoes(f"a short key {SECRETS[0]} here", secrets) == "a short key … here"
    with pytest.raises(ServerError) as caught, unechoed(secrets):
        raise ServerError(f"bad {SECRETS[0]}", hint=f"try {SECRETS[0]}", server_message=SECRETS[0])
    error = caught.value
    assert SECRETS[0] not in f"{error} {error!r} {vars(error)} {error.args}"


def test_the_last_resort_says_what_and_where_and_nothing_else() -> None:
    with pytest.raises(UnexpectedError) as caught, last_resort("t"):
        parse_target(5)  # type: ignore[arg-type]
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "AttributeError in qwen_magic" in str(error)
    assert "%qwen doctor" in error.hint
    assert str(error).startswith("t: ")
    assert "RuntimeError)" in str(unexpected(RuntimeError(SECRETS[0]), "t"))
    assert SECRETS[0] not in str(unexpected(RuntimeError(SECRETS[0]), "t"))


def test_our_own_errors_pass_the_last_resort() -> None:
    with pytest.raises(QwenError) as caught, last_resort("t"):
        raise ServerError("mine")
    assert type(caught.value) is ServerError
    with pytest.raises(Stop), last_resort("t"):
        raise Stop
