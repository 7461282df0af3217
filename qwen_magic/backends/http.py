"""What all HTTP backends share: aiohttp's exceptions turned into ours, and bodies read as they come."""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from ..errors import ConnectError, DisconnectError, ProtocolError, QwenError, StallError
from .patience import FAILURE_LIMIT, Limit, StalledError, Watch
from .proxies import ProxyError, refusal, refusal_hint

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from .base import Deadlines, Settings

_NETWORK = "Check the address and the network, or try another target."
_AGAIN = "Ask again, or try another target."
NETWORK_ERRORS = (aiohttp.ClientError, OSError, asyncio.TimeoutError)
"""What aiohttp and the operating system raise of a network."""
_PACKED = re.compile(r"content-encoding", re.IGNORECASE)
_HOST_NAME = re.compile(r"\blabel\b|\bidna\b", re.IGNORECASE)


def timeouts(
    settings: Settings, deadlines: Deadlines | None = None, silence: float | None = None
) -> aiohttp.ClientTimeout:
    """Return the limits of one connection, the look-up of the name with it; `patience` watches what comes over it.

    Args:
        settings: the client's settings.
        deadlines: how long to wait for the connection; without them as long as the settings allow.
        silence: seconds without a byte, where nothing else watches for the beginning of an answer.

    """
    connect = (deadlines or settings.deadlines).connect
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=silence)


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
    except NETWORK_ERRORS as error:
        raise translate(error, target, settings, deadlines) from error
    except UnicodeError as error:
        if not _HOST_NAME.search(str(error)):
            raise
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
    if isinstance(error, asyncio.TimeoutError):
        seconds, setting = error.limit if isinstance(error, StalledError) else Limit(settings.stall_timeout)
        alive = isinstance(error, StalledError) and error.alive
        nothing = "only keep-alive messages" if alive else "nothing"
        hint = f"Ask again, try another target, or raise {setting}."
        return StallError(f"the server has sent {nothing} for {seconds:g} s", target=target, hint=hint)
    if isinstance(error, ProxyError):
        return ConnectError(str(error), target=target, hint=error.hint)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectError(refusal(error.status), target=target, hint=refusal_hint(error.status))
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        what = f"the proxy cannot be reached ({_reason(error)})"
        return ConnectError(
            what, target=target, hint="Check proxy=, and HTTP_PROXY and similar variables in the environment."
        )
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        what = f"no secure connection ({_reason(error)})"
        return ConnectError(what, target=target, hint="Check the address and the certificates.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectError(f"no such host: {error.host}", target=target, hint=_NETWORK)
    if isinstance(error, aiohttp.ClientConnectorError):
        what = f"cannot connect to {error.host}:{error.port} ({_reason(error)})"
        return ConnectError(what, target=target, hint=_NETWORK)
    if isinstance(error, (aiohttp.InvalidURL, UnicodeError)):  # the latter of a name that no host can have
        return ConnectError("the address is not a valid URL", target=target, hint="Check the address.")
    if _PACKED.search(str(error)):
        hint = "Turn off compression of streams at the server, or at the proxy in front of it."
        return ProtocolError("the server compressed its answer in a way that cannot be read", target=target, hint=hint)
    if isinstance(error, aiohttp.ClientResponseError):
        what = "no HTTP server answers there, or one that breaks HTTP's rules"
        return ProtocolError(what, target=target, hint="Check the address, and any proxy in front of the server.")
    if is_dropped(error):
        return DisconnectError("the server closed the connection before the end", target=target, hint=_AGAIN)
    return ConnectError(f"the connection failed ({_reason(error)})", target=target, hint=_NETWORK)


def is_dropped(error: BaseException) -> bool:
    """Tell whether a connection that stood was closed by the server, or on the way to it."""
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError)):
        return False
    gone = (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientOSError, ConnectionError)
    return isinstance(error, gone) and not _PACKED.search(str(error))


def body_at_once(response: aiohttp.ClientResponse) -> bytes:
    """Return a response's whole body where all of it came with its head, so that nobody has to wait; else b""."""
    content = response.content
    return content.read_nowait() if content.is_eof() and content.exception() is None else b""


async def read_chunks(response: aiohttp.ClientResponse, watch: Watch) -> AsyncGenerator[bytes, None]:
    """Yield a response's body as it comes; close the response when nobody reads any more.

    What came before a fault is yielded before it is raised.

    Args:
        response: an open response.
        watch: its watch; the caller tells it of progress.

    Yields:
        Bytes, never empty.

    """
    try:
        with watch, _told_of_the_end(response):
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            except NETWORK_ERRORS:
                if left := _left(response.content):
                    yield left
                raise
    finally:
        # Closed, not given back to the pool: the server sees at once that nobody listens.
        if not response.content.at_eof():
            response.close()


async def read_body(response: aiohttp.ClientResponse, limit: Limit, most: int = 64 << 20) -> str:
    """Return a response's whole text.

    Args:
        response: an open response.
        limit: how long it may go without progress.
        most: the most bytes that are read.

    Raises:
        StalledError: it made no progress.
        aiohttp.ClientPayloadError: it is longer, or was cut off.

    """
    found, watch = bytearray(), Watch(response, limit)
    async with contextlib.aclosing(read_chunks(response, watch)) as chunks:
        async for chunk in chunks:
            found += chunk
            watch.hear(len(found))
            if len(found) > most:
                raise aiohttp.ClientPayloadError("too long")
    return found.decode("utf-8", "replace")


async def read_text(response: aiohttp.ClientResponse, most: int = 4 << 20, limit: Limit = FAILURE_LIMIT) -> str:
    """Return a response's text, or what of it can be read in a short time.

    Args:
        response: an open response.
        most: the most bytes that are read; OpenRouter's list of models has half a million.
        limit: how long is read, whatever comes.

    """
    found = bytearray()
    with contextlib.suppress(*NETWORK_ERRORS):
        async with contextlib.aclosing(read_chunks(response, Watch(response, limit))) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) >= most:
                    break
    return found[:most].decode("utf-8", "replace")


@contextlib.contextmanager
def _told_of_the_end(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Have the reader told when the connection is gone: after a broken chunk aiohttp closes it without a word."""
    protocol = response.connection.protocol if response.connection is not None else None
    closed = getattr(protocol, "closed", None)  # None where it is gone already
    content = response.content

    def ended(_: asyncio.Future[None]) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("closed"))

    if protocol is None or closed is None:
        yield
        return
    closed.remove_done_callback(_heard)  # once for each connection, which is used again
    closed.add_done_callback(_heard)
    closed.add_done_callback(ended)
    try:
        yield
    finally:
        closed.remove_done_callback(ended)


def _heard(closed: asyncio.Future[None]) -> None:
    """Take an exception out of a future, so that asyncio does not report that nobody did."""
    if not closed.cancelled():
        closed.exception()


def _left(content: aiohttp.StreamReader) -> bytes:
    """Return what had arrived before the fault that a reader raises."""
    content.set_exception(None)  # type: ignore[arg-type] # or it would raise once more
    with contextlib.suppress(*NETWORK_ERRORS, RuntimeError):
        return content.read_nowait()
    return b""


def _reason(error: BaseException) -> str:
    """Give the operating system's or TLS's own words, without addresses."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    words = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
    return str(words or type(cause).__name__)
