"""Proxies of the environment: private hosts never go through them, public ones do; a real proxy logs who asks."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from asking import everything
from servers.openai_like import Script, chunk, serving, streamed
from servers.web import ScriptedSpace
from tiny_weights import CONTENT, Hub

from qwen_magic import QwenClient
from qwen_magic.backends.local.weights import ensure
from qwen_magic.backends.private_hosts import is_private_host
from qwen_magic.errors import ConnectError, QwenError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "ws_proxy", "wss_proxy")
REFUSED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"
LOGIN = REFUSED.replace(b"502 Bad Gateway", b"407 Proxy Authentication Required")
JSON = REFUSED.replace(b"text/html", b"application/json").replace(b"nope", b"{}  ")
NGINX = REFUSED.replace(b"Content-Length", b"Server: nginx/1.25\r\nContent-Length")


class Proxy:
    """A proxy that logs the first line of each request, and refuses it."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.logins: list[bool] = []
        self.answer = REFUSED

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.partition(b"\r\n")[0].decode())
        self.logins.append(b"proxy-authorization: basic bwu6c2vjcmv0" in head.lower())  # me:secret
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@asynccontextmanager
async def proxying() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy


def set_all(monkeypatch: pytest.MonkeyPatch, url: str, case: str = "both") -> None:
    for name in VARIABLES:
        if case in ("lower", "both"):
            monkeypatch.setenv(name, url)
        if case in ("upper", "both"):
            monkeypatch.setenv(name.upper(), url)


async def failure(target: str, **settings: object) -> QwenError:
    async with QwenClient(target, retry_timeout=0, wake_timeout=0, **settings) as client:  # type: ignore[arg-type]
        _, error = await everything(client.stream("hi"))
    assert error is not None
    return error


@pytest.mark.parametrize("case", ["lower", "upper", "both"])
async def test_no_request_for_loopback_reaches_the_proxy(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    script = Script(streamed(chunk("hello"), chunk(finish="stop")), models=["m"])
    async with proxying() as proxy, ScriptedSpace() as space:
        set_all(monkeypatch, proxy.url, case)
        with serving(script.app()) as url:
            for host in (url, url.replace("127.0.0.1", "localhost")):
                async with QwenClient(f"openai:{host}/v1") as client:
                    assert (await client.ask("hi")).text == "hello"
                    assert (await client.describe()).models == ("m",)
        async with QwenClient(f"space:{space.url}") as client:
            assert (await client.ask("hi")).text == "Hello."
            await client.describe()
        assert proxy.asked == []


async def test_the_local_model_is_not_asked_through_the_proxy(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.exists()
    async with proxying() as proxy:
        set_all(monkeypatch, proxy.url)
        async with QwenClient("local") as client:
            assert (await client.ask("Say hello.", max_tokens=5)).text
        assert proxy.asked == []


async def test_a_mirror_on_loopback_is_not_asked_through_the_proxy(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    async with proxying() as proxy:
        set_all(monkeypatch, proxy.url)
        assert (await asyncio.to_thread(ensure, "tiny")).read_bytes() == CONTENT
        assert proxy.asked == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
async def test_a_public_host_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        error = await failure("openai:http://api.public.invalid/v1#m")
        assert isinstance(error, ConnectError)
        assert "HTTP 502 from the proxy" in str(error)
        await failure("space:http://space.public.invalid")
    assert proxy.asked == [
        "POST http://api.public.invalid/v1/chat/completions HTTP/1.1",
        "GET http://space.public.invalid/config HTTP/1.1",
    ]


async def test_https_goes_through_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying() as proxy:
        set_all(monkeypatch, proxy.url)
        error = await failure("openai:https://api.public.invalid/v1#m")
        assert isinstance(error, ConnectError)
        assert "HTTP 502 from the proxy" in str(error)
        assert proxy.asked == ["CONNECT api.public.invalid:443 HTTP/1.1"]


async def test_no_proxy_counts_for_all_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying() as proxy:
        set_all(monkeypatch, proxy.url)
        monkeypatch.setenv("NO_PROXY", "public.invalid")
        monkeypatch.setenv("no_proxy", "public.invalid")
        assert "no such host" in str(await failure("openai:http://api.public.invalid/v1#m"))
        assert proxy.asked == []


async def test_a_proxy_that_the_caller_names_counts_for_loopback() -> None:
    async with proxying() as proxy:
        error = await failure("openai:http://127.0.0.1:9/v1#m", proxy=proxy.url)
        assert "HTTP 502 from the proxy" in str(error)
        assert proxy.asked == ["POST http://127.0.0.1:9/v1/chat/completions HTTP/1.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_login(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    async with proxying() as proxy:
        proxy.answer = LOGIN
        set_all(monkeypatch, proxy.url.replace("//", "//me:secret@"))
        error = await failure(f"openai:{scheme}://api.public.invalid/v1#m")
    assert isinstance(error, ConnectError)
    assert "the proxy needs a login (HTTP 407)" in str(error)
    assert "secret" not in f"{error} {error!r}"


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_login_of_the_environments_proxy_is_sent(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv(variable.replace("http_", f"{scheme}_"), proxy.url.replace("//", "//me:secret@"))
        await failure(f"openai:{scheme}://api.public.invalid/v1#m")
        assert proxy.logins == [True]


@pytest.mark.parametrize("answer", [JSON, NGINX])
async def test_a_gateway_behind_the_proxy_is_not_the_proxy(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    async with proxying() as proxy:
        proxy.answer = answer
        set_all(monkeypatch, proxy.url)
        error = await failure("openai:http://api.public.invalid/v1#m")
    assert not isinstance(error, ConnectError)
    assert "HTTP 502" in str(error)


@pytest.mark.parametrize("variables", [("http_proxy", "HTTP_PROXY"), ("all_proxy",), ("ALL_PROXY",)])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
async def test_socks_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...], scheme: str
) -> None:
    for name in variables:
        monkeypatch.setenv(name, f"{scheme}://me:secret@127.0.0.1:9")
    for target in ("openai:http://api.public.invalid/v1#m", "space:http://space.public.invalid"):
        error = await failure(target)
        assert isinstance(error, ConnectError)
        assert "the proxy of the environment is SOCKS" in str(error)
        assert "\n" not in str(error)
        assert "secret" not in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_speaks_tls_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    set_all(monkeypatch, "https://me:secret@127.0.0.1:9")
    error = await failure(f"openai:{scheme}://api.public.invalid/v1#m")
    assert isinstance(error, ConnectError)
    assert "the proxy cannot be reached" in str(error)
    assert "secret" not in str(error)


async def test_an_http_proxy_beside_socks_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
        await failure("openai:http://api.public.invalid/v1#m")
        assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "app.localhost", "printer.local", "gpu-box", "nas.home.arpa"),
        *("127.0.0.1", "127.8.9.1", "127.1", "0x7f000001", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.5", "169.254.1.1", "::1", "[::1]", "::", "fd00::1", "fe80::1%eth0", "::ffff:127.0.0.1"),
    ],
)
def test_private_hosts(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("example.org", "localhost.example.org", "127.0.0.1.example.org", "evillocal.org", "1.org"),
        *("8.8.8.8", "172.32.0.1", "172.15.0.1", "192.169.0.1", "11.0.0.1", "2606:4700::1", "::ffff:8.8.8.8"),
    ],
)
def test_public_hosts(host: str) -> None:
    assert not is_private_host(host)
