"""What all HTTP backends share: aiohttp's exceptions turned into ours, and the watch for silence."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from ..clock import SYSTEM_CLOCK
from ..errors import ConnectError, DisconnectError, ProtocolError, QwenError, StallError
from .proxies import ProxyError, refusal, refusal_hint

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from typing_extensions import Self

    from ..clock import Clock
    from .base import Deadlines, Settings

_NETWORK = "Check the address and the network, or try another target."
_AGAIN = "Ask again, or try another target."


def timeouts(settings: Settings, deadlines: Deadlines | None = None) -> aiohttp.ClientTimeout:
    """Return the limits of one request: a connection, the look-up of the name with it, and a silence."""
    connect = (deadlines or settings.deadlines).connect
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=settings.stall_timeout)


@asynccontextmanager
async def translated(target: str, settings: Settings, deadlines: Deadlines | None = None) -> AsyncIterator[None]:
    """Turn what aiohttp and the operating system raise inside the block into our errors.

    Args:
        target: the target's name, for the errors.
        settings: the client's settings, whose time limits the errors name.
        deadlines: how long this target may keep us waiting.

    Yields:
        Nothing.

    Raises:
        ConnectError: the server cannot be reached.
        DisconnectError: it closed the connection too early.
        StallError: it was silent for too long.
        ProtocolError: it does not speak HTTP.

    """
    try:
        yield
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
        raise translate(error, target, settings, deadlines) from error


def translate(  # noqa: C901, PLR0911 - a table
    error: BaseException, target: str, settings: Settings, deadlines: Deadlines | None = None
) -> QwenError:
    """Say what an exception of aiohttp or the operating system means.

    The words are ours alone: aiohttp's may hold a proxy's password.
    """
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        what = f"no connection within {(deadlines or settings.deadlines).connect:g} s"
        return ConnectError(what, target=target, hint=_NETWORK)
    if isinstance(error, (aiohttp.ServerTimeoutError, asyncio.TimeoutError)):
        return StallError(
            f"the server has sent nothing for {settings.stall_timeout:g} s",
            target=target,
            hint="Ask again, try another target, or raise stall_timeout.",
        )
    if isinstance(error, ProxyError):
        return ConnectError(str(error), target=target, hint=error.hint)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectError(refusal(error.status), target=target, hint=refusal_hint(error.status))
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        what = f"the proxy cannot be reached ({_reason(error)})"
        return ConnectError(what, target=target, hint="Check proxy=, and HTTP_PROXY and its like in the environment.")
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        what = f"no secure connection ({_reason(error)})"
        return ConnectError(what, target=target, hint="Check the address and the certificates.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectError(f"no such host: {error.host}", target=target, hint=_NETWORK)
    if isinstance(error, aiohttp.ClientConnectorError):
        what = f"cannot connect to {error.host}:{error.port} ({_reason(error)})"
        return ConnectError(what, target=target, hint=_NETWORK)
    if isinstance(error, aiohttp.InvalidURL):
        return ConnectError("the address is not a valid URL", target=target, hint="Check the address.")
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError("no HTTP server answers there", target=target, hint="Check the address.")
    if isinstance(
        error,
        (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientOSError, ConnectionError),
    ):
        return DisconnectError("the server closed the connection before the end", target=target, hint=_AGAIN)
    return ConnectError(f"the connection failed ({_reason(error)})", target=target, hint=_NETWORK)


class Watch:
    """Break a response off when it shows no sign of life for too long.

    A sign of life only notes the time; what watches looks at it when the limit has passed. No ``asyncio.wait_for``
    stands around the reading, which up to Python 3.11 can lose a cancellation.

    Args:
        response: what is read.
        limit: seconds without a sign of life after which reading raises ``asyncio.TimeoutError``.
        clock: what tells the time.

    """

    def __init__(self, response: aiohttp.ClientResponse, limit: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._response = response
        self._limit = limit
        self._clock = clock
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self.alive()
        self._watch()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def alive(self) -> None:
        """Note a sign of life: the limit counts from here."""
        self._last = self._clock.now()

    def _watch(self) -> None:
        """Break off where the limit has passed since the last sign of life; else look again when it may have."""
        left = self._last + self._limit - self._clock.now()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._watch)
        else:
            self._response.content.set_exception(aiohttp.SocketTimeoutError("silent"))


async def read_chunks(response: aiohttp.ClientResponse, watch: Watch) -> AsyncGenerator[bytes, None]:
    """Yield a response's body as it comes; close the response when nobody reads any more.

    Args:
        response: an open response.
        watch: its watch; the caller tells it of signs of life.

    Yields:
        Bytes, never empty.

    """
    if response.connection is not None and response.connection.protocol is not None:
        response.connection.protocol.read_timeout = None  # aiohttp arms its timer anew for each chunk
    try:
        with watch:
            async for chunk in response.content.iter_any():
                yield chunk
    finally:
        # Closed, not given back to the pool: the server sees at once that nobody listens.
        if not response.content.at_eof():
            response.close()


async def read_text(response: aiohttp.ClientResponse, limit: int = 4 << 20) -> str:
    """Return a response's text, or what of it can be read.

    Args:
        response: an open response.
        limit: the most bytes that are read; OpenRouter's list of models has half a million.

    """
    found = bytearray()
    with contextlib.suppress(aiohttp.ClientError, OSError, asyncio.TimeoutError):
        async for data in response.content.iter_any():
            found += data
            if len(found) >= limit:
                break
    return found[:limit].decode("utf-8", "replace")


def _reason(error: BaseException) -> str:
    """Give the operating system's or TLS's own words, without addresses."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    words = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
    return str(words or type(cause).__name__)
