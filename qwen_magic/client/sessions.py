"""One aiohttp session for each event loop that uses a client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import threading
import urllib.request
import weakref
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from ..backends.proxies import ProxyChoice
from ..errors import UsageError
from ..version import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..backends.base import Settings


_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""What RFC 9110, 5.1 and 5.5 allow."""


class Sessions:
    """The HTTP sessions of one client.

    A session lives as long as its loop, or until `close`. So that a script needs no ``aclose`` before its
    ``asyncio.run`` ends, each session is bound to an asynchronous generator of its loop, and
    ``loop.shutdown_asyncgens`` closes it.

    Args:
        settings: proxy, headers and time limits.

    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._guards: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]
        ] = weakref.WeakKeyDictionary()
        self._last: tuple[weakref.ref[asyncio.AbstractEventLoop], weakref.ref[aiohttp.ClientSession]] | None = None

    async def get(self) -> aiohttp.ClientSession:
        """Return the running loop's session, a new one where it has none.

        Raises:
            UsageError: a header or the proxy's address is none.

        """
        loop = asyncio.get_running_loop()
        if (last := self._last) is not None and last[0]() is loop:  # each row asks, and always on one loop
            latest = last[1]()
            if latest is not None and not latest.closed:
                return latest
        with self._lock:
            kept = self._guards.get(loop)
        if kept is not None and not kept[0].closed:
            self._last = weakref.ref(loop), weakref.ref(kept[0])
            return kept[0]
        session = self._open()
        guard = _guard(session)
        with self._lock:
            for ended in [other for other in self._guards if other.is_closed()]:
                del self._guards[ended]
            self._guards[loop] = (session, guard)
        await anext(guard)
        return session

    async def close(self) -> None:
        """Close all sessions, each on its own loop."""
        with self._lock:
            kept = list(self._guards.items())
            # A loop that stands still closes its session itself, when it ends.
            still = {loop: pair for loop, pair in kept if not loop.is_running() and not loop.is_closed()}
            self._guards, self._last = weakref.WeakKeyDictionary(still), None
        here = asyncio.get_running_loop()
        for loop, (_, guard) in kept:
            if loop is here:
                await guard.aclose()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(_close(guard), loop)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.wrap_future(closing), 2)

    def _open(self) -> aiohttp.ClientSession:
        settings = self._settings
        _check(settings)
        timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=settings.connect_timeout)
        return aiohttp.ClientSession(
            timeout=timeout,
            headers={"User-Agent": user_agent()},
            trust_env=settings.trust_env and _environment_tells(),
            proxy=settings.proxy,
            middlewares=(ProxyChoice(settings),),
            connector=aiohttp.TCPConnector(limit=0),  # a wait for a place would count as connecting
            # Servers on an IP address set cookies too, which keep us on one replica.
            cookie_jar=aiohttp.CookieJar(unsafe=True),
        )


def _environment_tells() -> bool:
    """Tell whether the environment has a proxy or a file of logins: aiohttp asks two threads for them, each time.

    A proxy that is set later is found all the same, by `ProxyChoice`.
    """
    logins = os.environ.get("NETRC") or os.path.expanduser("~/_netrc" if os.name == "nt" else "~/.netrc")  # noqa: PTH111
    return bool(urllib.request.getproxies()) or os.path.exists(logins)  # noqa: PTH110


def _check(settings: Settings) -> None:
    """Refuse what no request can be sent with; a header's value may be a secret and is not repeated.

    Raises:
        UsageError: a header or the proxy's address is none.

    """
    for name, value in settings.headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise UsageError(f"no header can have the name {name!r}", hint="Check headers=.")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            what = f"the value of the header {name} is not a text that a header can hold"
            raise UsageError(what, hint="Check headers=: Latin letters on one line, as a str.")
    try:
        proxy = URL(settings.proxy) if settings.proxy is not None else None
        host = proxy.host if proxy is not None and proxy.port else None
    except (ValueError, TypeError):
        host = None
    if settings.proxy is not None and not host and not str(settings.proxy).startswith("socks"):
        raise UsageError("the address in proxy= is not a URL", hint="Write it as http://HOST:PORT.")


async def _guard(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await session.close()
        await asyncio.sleep(0)  # lets the transports say goodbye


async def _close(guard: AsyncGenerator[None, None]) -> None:
    await guard.aclose()


def user_agent() -> str:
    """Return our User-Agent."""
    return f"qwen_magic/{__version__} (Python {platform.python_version()}; aiohttp {aiohttp.__version__})"
