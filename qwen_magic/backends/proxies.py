"""Which proxy a request goes through, and a proxy's own refusal told from the server's."""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from .private_hosts import is_private_host

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from .base import Settings

LOGIN_NEEDED = 407
_GATEWAY = (502, 504)
_MARKS = ("X-Squid-Error", "Proxy-Status", "Proxy-Authenticate", "Proxy-Agent", "Proxy-Connection")
"""Headers of an answer that a proxy made itself."""
_PROXIES = re.compile(r"squid|privoxy|tinyproxy|mitmproxy|polipo|zscaler|blue ?coat|clash", re.IGNORECASE)
_ORIGINS = re.compile(r"nginx|openresty|apache|caddy|cloudflare|envoy|uvicorn|gunicorn|aiohttp|traefik", re.IGNORECASE)


class ProxyError(aiohttp.ClientConnectionError):
    """A proxy cannot be used, or refuses.

    Args:
        what: what happened, in words without an address.
        hint: what to do next.

    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class ProxyChoice:
    """Choose the proxy of each request of a session; a middleware of aiohttp.

    A proxy that the caller named counts for every host. The environment's count for public hosts alone: a question to
    the user's own machine or network does not leave it.

    Args:
        settings: the client's settings, with its proxy.

    """

    def __init__(self, settings: Settings) -> None:
        self._named = settings.proxy is not None
        self._trust_env = settings.trust_env

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request through its proxy, or through none.

        Raises:
            ProxyError: the proxy speaks no HTTP, or it answers in the server's place.

        """
        if not self._named:
            host = request.url.host or ""
            if is_private_host(host):
                request.proxy = request.proxy_auth = None
            elif request.proxy is None and self._trust_env:
                request.proxy = _environments(request.url.scheme, host)
        if request.proxy is not None and request.proxy.scheme not in ("http", "https"):
            raise ProxyError(_no_http(request.proxy, named=self._named), "Use an HTTP proxy, or no proxy.")
        response = await handler(request)
        if request.proxy is not None and _is_proxys_own(response):
            response.close()
            raise ProxyError(refusal(response.status), refusal_hint(response.status))
        return response


def refusal(status: int) -> str:
    """Word what a proxy's own answer means."""
    if status == LOGIN_NEEDED:
        return "the proxy needs a login (HTTP 407)"
    return f"the proxy refuses or cannot reach the server (HTTP {status} from the proxy)"


def refusal_hint(status: int) -> str:
    """Say what to do about a proxy's own answer."""
    if status == LOGIN_NEEDED:
        return "Write user and password into the proxy's URL."
    return "Check the address and the proxy, or list the host in NO_PROXY."


def _environments(scheme: str, host: str) -> URL | None:
    """Return the environment's proxy where aiohttp passes over it: an https one, or ``all_proxy``."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return URL(proxy) if proxy and not urllib.request.proxy_bypass(host) else None


def _no_http(proxy: URL, *, named: bool) -> str:
    kind = "SOCKS" if proxy.scheme.startswith("socks") else proxy.scheme or "of an unknown kind"
    return f"{'the proxy' if named else 'the proxy of the environment'} is {kind}; only HTTP proxies can be used"


def _is_proxys_own(response: ClientResponse) -> bool:
    """Tell whether a proxy answered in the server's place; to https it would have refused the tunnel."""
    if response.status == LOGIN_NEEDED:
        return True
    if response.url.scheme != "http" or response.status < 400:  # noqa: PLR2004
        return False
    server = response.headers.get("Server", "")
    if any(name in response.headers for name in _MARKS) or _PROXIES.search(server):
        return True
    return response.status in _GATEWAY and response.content_type != "application/json" and not _ORIGINS.search(server)
