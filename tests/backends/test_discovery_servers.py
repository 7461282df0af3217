"""Any other Gradio chat, found by discovery, on real servers of each version: what the app got, what it said."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from servers.environments import MODERN, OLD
from servers.plugin import skip_without

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio.app_http import AppHttp
from qwen_magic.backends.gradio.backend import SpaceBackend
from qwen_magic.backends.gradio.description import describe_space
from qwen_magic.backends.gradio.known_spaces import KNOWN
from qwen_magic.backends.targets import parse_target
from qwen_magic.client.sessions import Sessions
from qwen_magic.errors import AuthError, DiscoveryError, UsageError
from qwen_magic.events import Status, TextDelta
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory

CONVERSATION = [
    {"role": "user", "content": "q1"},
    {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "echo Привет, 世界 👋"},
]
ANSWER = "Привет, 世界 👋"
NO_HISTORY = "it takes no history, so the earlier turns were put in front of the prompt"


@pytest.fixture(params=[*OLD, *MODERN])
def any_version(request: pytest.FixtureRequest) -> str:
    """Run the test once for each version of Gradio, the old ones too."""
    skip_without(request.param)
    return str(request.param)


async def told(stream: Any) -> list[str]:
    """Read a stream to its end; give its warnings."""
    return [e.text async for e in stream.events() if isinstance(e, Status) and e.kind == "warning"]


def turns(history: Any) -> list[str]:
    """Give the texts of a history in any form."""
    texts: list[str] = []
    for item in history or []:
        if isinstance(item, dict):
            content = item["content"]
            texts.append(content if isinstance(content, str) else "".join(part["text"] for part in content))
        else:
            texts += item
    return texts


async def test_an_interface(any_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(any_version, "interface")
    async with QwenClient(f"space:{server.url}") as client:
        deltas = [text async for text in client.stream("count 5 0.02")]
        assert "".join(deltas).strip() == "w0 w1 w2 w3 w4"
        assert len(deltas) > 2
        stream = client.stream(CONVERSATION, temperature=1, seed=2)
        assert await told(stream) == [NO_HISTORY, "it does not take temperature, seed"]
        prompt = server.calls()[-1]["prompt"]
        assert prompt.startswith("Our conversation so far:\n\nUser: q1\n\nAssistant: a1\n\nUser: echo ")


async def test_an_interface_that_answers_at_once(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "interface", QWEN_TEST_STREAMS="0")
    async with QwenClient(f"space:{server.url}") as client:
        assert [text async for text in client.stream("echo all at once")] == ["all at once"]


async def test_blocks_where_one_function_shows_the_turn(any_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(any_version, "blocks")
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream(CONVERSATION, temperature=2, top_k=7, thinking=True, seed=1, stop="x")
        warnings = await told(stream)
        assert stream.reply.text == ANSWER
    call = server.calls()[-1]
    assert (call["prompt"], turns(call["history"])) == (CONVERSATION[-1]["content"], ["q1", "a1"])
    assert call["extra"] == {"model": "qwen-small", "temperature": 1.5, "top_k": 7, "thinking": True}
    assert warnings == [
        "it does not take seed, stop",
        "its temperature takes 0 to 1.5, so 1.5 was sent instead of 2",
    ]


async def test_blocks_without_names(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "blocks", QWEN_TEST_NAMES="0")
    async with QwenClient(f"space:{server.url}") as client:
        assert (await client.ask(CONVERSATION)).text == ANSWER
    found = await described(server)
    assert [endpoint.chosen for endpoint in found.endpoints].count(True) == 1
    assert found.endpoints[0].chosen
    assert found.endpoints[0].name == ("/bot" if gradio_version >= "6" else "")  # there it is only kept from programs


@pytest.mark.parametrize("version", ["4.44.1", "5.50.0"])
async def test_blocks_with_messages(version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(version, "blocks", QWEN_TEST_CHAT_TYPE="messages")
    async with QwenClient(f"space:{server.url}") as client:
        assert (await client.ask(CONVERSATION)).text == ANSWER
    assert turns(server.calls()[-1]["history"]) == ["q1", "a1"]


async def test_a_model_of_any_app(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "blocks")
    async with QwenClient(f"space:{server.url}#large") as client:
        assert (await client.ask("echo x")).model == "qwen-large"
        assert server.calls()[-1]["extra"]["model"] == "qwen-large"
    async with QwenClient(f"space:{server.url}#larg") as client:
        with pytest.raises(UsageError, match="Did you mean Large"):
            await client.ask("echo x")


async def test_extra_goes_into_inputs(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "blocks")
    async with QwenClient(f"space:{server.url}", inputs={"Top-k": 9, "Temperature": 0.5}) as client:
        await client.ask("echo x", temperature=1, extra={"Temperature": 0.25})
        extra = server.calls()[-1]["extra"]
        assert (extra["temperature"], extra["top_k"]) == (0.25, 9)
        with pytest.raises(UsageError, match="has no input 'nothing'"):
            await client.ask("echo x", extra={"nothing": 1})


async def test_a_multimodal_prompt(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "multimodal")
    async with QwenClient(f"space:{server.url}") as client:
        stream = client.stream(CONVERSATION)
        assert not await told(stream)
        assert stream.reply.text == ANSWER
    call = server.calls()[-1]
    assert call["prompt"] == {"text": CONVERSATION[-1]["content"], "files": []}
    assert turns(call["history"]) == ["q1", "a1"]


async def test_below_a_path(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "mounted", QWEN_TEST_MOUNT="/deep/chat")
    async with QwenClient(f"space:{server.url}/deep/chat/") as client:
        assert (await client.ask(CONVERSATION)).text == ANSWER
    assert turns(server.calls()[-1]["history"]) == ["q1", "a1"]


@asynccontextmanager
async def redirecting(to: str, status: int, seen: list[web.Request]) -> AsyncIterator[str]:
    """Serve redirects of all paths to another address."""

    async def redirect(request: web.BaseRequest) -> web.Response:
        seen.append(request)  # type: ignore[arg-type]
        return web.Response(status=status, headers={"Location": to + request.path})

    runner = web.ServerRunner(web.Server(redirect), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_behind_a_redirect(status: int, gradio_server: ServerFactory) -> None:
    for server, path in (
        (gradio_server("5.50.0", "qwenlike"), ""),
        (gradio_server("5.50.0", "mounted", QWEN_TEST_MOUNT="/deep/chat"), "/deep/chat"),
    ):
        async with redirecting(server.url + path, status, []) as url, QwenClient(f"space:{url}") as client:
            assert (await client.ask(CONVERSATION)).text == ANSWER


async def test_a_known_space_that_has_moved(gradio_server: ServerFactory) -> None:
    server, settings = gradio_server("4.44.1", "qwenlike"), Settings()
    sessions = Sessions(settings)
    async with redirecting(server.url, 307, []) as url:
        backend = SpaceBackend(parse_target("qwen-2-72b"), settings, base_url=url)
        events = backend.stream(await sessions.get(), Request(to_messages("echo moved"), Parameters()))
        assert "".join([event.text async for event in events if isinstance(event, TextDelta)]) == "moved"
        assert backend.site.base_url == server.url
    await sessions.close()


# ---------------------------------------------------------------------------------------------------------------------
# Logins and tokens.


async def test_a_login(any_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(any_version, "interface", QWEN_TEST_AUTH="ada:secret word")
    async with QwenClient(f"space:{server.url}", auth=("ada", "secret word")) as client:
        assert (await client.ask("echo in")).text == "in"
        assert (await client.ask("echo again")).text == "again"
    for auth in (("ada", "wrong"), ("bob", "secret word")):
        async with QwenClient(f"space:{server.url}", auth=auth) as client:
            with pytest.raises(AuthError, match="the login was refused") as caught:
                await client.ask("echo in")
            assert auth[1] not in str(caught.value)
    async with QwenClient(f"space:{server.url}") as client:
        with pytest.raises(AuthError, match=r"auth=\(user, password\)"):
            await client.ask("echo in")


async def test_a_login_below_a_path(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "mounted", QWEN_TEST_AUTH="ada:secret word")
    async with QwenClient(f"space:{server.url}/chat", auth=("ada", "secret word")) as client:
        assert (await client.ask("echo in")).text == "in"
    async with QwenClient(f"space:{server.url}/chat", auth=("ada", "wrong")) as client:
        with pytest.raises(AuthError, match="the login was refused"):
            await client.ask("echo in")


async def test_a_password_goes_to_no_other_host(gradio_server: ServerFactory) -> None:
    seen: list[web.Request] = []
    server = gradio_server("5.50.0", "qwenlike", QWEN_TEST_AUTH="ada:secret word")
    async with (
        redirecting(server.url, 307, seen) as url,
        QwenClient(f"space:{url}", auth=("ada", "secret word")) as client,
    ):
        with pytest.raises(AuthError, match="at another host") as caught:
            await client.ask("echo in")
        assert server.url in str(caught.value)
        assert "secret" not in str(caught.value)


async def test_a_token_stays_at_home(gradio_server: ServerFactory) -> None:
    seen: list[web.Request] = []
    server = gradio_server("5.50.0", "qwenlike")
    async with redirecting(server.url, 307, seen) as url, QwenClient(f"space:{url}", hf_token="hf_x") as client:
        await client.ask("echo x")
    assert seen
    for request in seen:
        assert not [value for value in request.headers.values() if "hf_x" in value]


async def test_headers_stay_at_home(gradio_server: ServerFactory) -> None:
    ours: list[web.Request] = []
    theirs: list[web.Request] = []
    headers = {"X-Key": "secret"}
    server = gradio_server("5.50.0", "qwenlike")
    async with (
        redirecting(server.url, 307, theirs) as other,
        redirecting(other, 307, ours) as url,
        QwenClient(f"space:{url}", headers=headers) as client,
    ):
        assert (await client.ask("echo x")).text == "x"
    assert ours
    assert theirs
    assert {request.headers.get("X-Key") for request in ours} == {"secret"}
    assert {request.headers.get("X-Key") for request in theirs} == {None}


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://example.org:8000/config", True),
        ("http://example.org/config", False),
        ("https://example.org:8000/config", False),
        ("http://example.org.evil:8000/config", False),
        ("https://huggingface.co/api", False),
        ("huggingface.co/api", False),
    ],
)
def test_who_is_sent_the_headers(url: str, sent: bool) -> None:
    backend = SpaceBackend(parse_target("space:http://example.org:8000/app"), Settings(headers={"X-Key": "secret"}))
    headers = AppHttp(backend.site, None).headers(url)  # type: ignore[arg-type]
    assert headers == ({"X-Key": "secret"} if sent else {})


async def test_a_private_space() -> None:
    async def refuse(_: web.BaseRequest) -> web.Response:
        return web.Response(status=401, text="Invalid username or password.")

    runner = web.ServerRunner(web.Server(refuse), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with QwenClient(f"space:{url}") as client:
        with pytest.raises(AuthError, match="HF_TOKEN"):
            await client.ask("hi")
    await runner.cleanup()


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://owner-name.hf.space/config", True),
        ("http://owner-name.hf.space/config", False),
        ("https://hf.space.example.org/config", False),
        ("https://evilhf.space/config", False),
        ("https://owner-name.hf.space@example.org/config", False),
        ("http://127.0.0.1:7860/config", False),
        ("https://huggingface.co/api/spaces/owner/name/runtime", False),
    ],
)
def test_who_is_sent_the_token(url: str, sent: bool) -> None:
    backend = SpaceBackend(parse_target("owner/name"), Settings(hf_token="hf_x"))
    headers = AppHttp(backend.site, None).headers(url)  # type: ignore[arg-type]
    assert headers == ({"x-hf-authorization": "Bearer hf_x"} if sent else {})


# ---------------------------------------------------------------------------------------------------------------------
# What an app offers.


async def test_what_cannot_be_discovered(gradio_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(gradio_version, "blocks")
    async with QwenClient(f"space:{server.url}", endpoint="/nothing") as client:
        with pytest.raises(DiscoveryError) as caught:
            await client.ask("hi")
    line = str(caught.value)
    assert "it has no endpoint '/nothing'" in line
    assert "/bot(" in line
    assert ", Model: model, Temperature: temperature, Top-k: top_k, Enable thinking: thinking)" in line or (
        ", model, temperature, top_k, thinking)" in line
    )
    assert "\n" not in line


async def described(server: GradioServer, endpoint: str | None = None, model: str = "") -> Any:
    settings = Settings()
    sessions = Sessions(settings)
    target = f"space:{server.url}"
    web_ = AppHttp(SpaceBackend(parse_target(target), settings).site, await sessions.get())
    try:
        return await describe_space(web_, target, endpoint, model=model)
    finally:
        await sessions.close()


async def test_a_description(any_version: str, gradio_server: ServerFactory) -> None:
    server = gradio_server(any_version, "blocks")
    found = await described(server)
    assert found.address == server.url
    assert found.server.startswith(f"Gradio {any_version} (")
    assert found.models == ("Small", "Large")
    first = found.endpoints[0]
    assert first.chosen
    taken = {item.taken_for: item for item in first.inputs}
    assert {"prompt", "history", "model", "temperature", "top_k", "thinking"} - taken.keys() <= {"prompt"}
    temperature = taken["temperature"]
    assert (temperature.component, temperature.label) == ("slider", "Temperature")
    assert (temperature.minimum, temperature.maximum, temperature.default) == (0, 1.5, 0.7)
    assert taken["model"].choices == ("Small", "Large")
    assert (await described(server, model="qwen-large")).models == ("Large", "Small")
    assert "it takes no system prompt: one is put in front of the prompt" in found.notes
    assert str(found).count("(the one that is asked)") == 1


async def test_a_description_where_nothing_is_asked(gradio_version: str, gradio_server: ServerFactory) -> None:
    found = await described(gradio_server(gradio_version, "blocks"), "/nothing")
    assert not any(endpoint.chosen for endpoint in found.endpoints)
    assert found.notes == ("there is no endpoint '/nothing': give endpoint= and inputs=",)


@pytest.mark.parametrize("version", ["5.50.0", "6.31.0"])
async def test_a_description_of_a_known_space(version: str, gradio_server: ServerFactory) -> None:
    settings, server = Settings(), gradio_server(version, "qwen3demo")
    sessions = Sessions(settings)
    backend = SpaceBackend(parse_target("qwen-3"), settings, base_url=server.url)
    found = await describe_space(AppHttp(backend.site, await sessions.get()), "qwen-3", known=KNOWN["qwen/qwen3-demo"])
    await sessions.close()
    first = found.endpoints[0]
    assert (first.name, first.number, first.chosen) == ("/add_message", 13, True)
    parts = {item.name: item.taken_for for item in first.inputs}
    assert parts == {
        "message": "prompt",
        "settings": "settings",
        "model": "model",
        "sys_prompt": "system",
        "thinking_budget": "thinking_budget",
    }
    assert found.models == ("qwen3-235b-a22b",)
    assert "it takes no history: earlier turns are put in front of the prompt" in found.notes


async def test_a_known_space_that_is_another_app_now(gradio_server: ServerFactory) -> None:
    settings, server = Settings(), gradio_server("5.50.0", "qwenlike")
    sessions = Sessions(settings)
    backend = SpaceBackend(parse_target("qwen-3"), settings, base_url=server.url)
    found = await describe_space(AppHttp(backend.site, await sessions.get()), "qwen-3", known=KNOWN["qwen/qwen3-demo"])
    await sessions.close()
    assert found.endpoints[0].name == "/model_chat"
