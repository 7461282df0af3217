"""Fetch a file that a user named by its address, from the public network alone.

Each address that is connected to is looked at as it was resolved, after every redirect anew: neither a name nor a
redirect leads to this machine, its network or a cloud's own addresses. No key, cookie or proxy goes along.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from ..errors import UsageError
from ..saving import file_name

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 50 * 10**6
_SECONDS = 60.0
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_HTTP_OK = 200
_ANY_PORT = 9
_NO_LIMIT = aiohttp.ClientTimeout(total=None)
_UNICAST = ipaddress.ip_network("2000::/3")
"""All that is public of IPv6; elsewhere are addresses that lead on to one of IPv4, and those of a site."""
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            *("2002::/16", "2001::/32"),  # lead on to IPv4
            *("2001:db8::/32", "3fff::/20"),  # for documents
            *("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"),  # of protocols and clouds: Oracle's, Azure's
        ),
    )
)
"""Networks of which not every Python knows that they are not public."""
_NOTHING_SENT = "Nothing was sent."


class Fetched(NamedTuple):
    """A file that was fetched.

    Attributes:
        name: the last of its address's path.
        data: its bytes.

    """

    name: str
    data: bytes


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public network.

    Args:
        address: an IPv4 or IPv6 address.

    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if mapped := getattr(found, "ipv4_mapped", None):
        found = mapped
    if found.version == 6 and found not in _UNICAST:  # noqa: PLR2004
        return False
    return found.is_global and not found.is_multicast and not any(found in network for network in _NEVER)


def is_own(address: str) -> bool:
    """Tell whether an IP address is one of this machine, which may have one of the public network; nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
        one.connect((address, _ANY_PORT))
        return bool(one.getsockname()[0] == address)
    return False


def _may_be_asked(address: str) -> bool:
    return is_public(address) and not is_own(address)


async def fetch(url: str, allowed: Callable[[str], bool] = _may_be_asked) -> Fetched:
    """Fetch a file.

    Args:
        url: its http or https address.
        allowed: tells of an IP address whether it may be connected to.

    Raises:
        UsageError: it leads to an address that may not be connected to, cannot be reached, is too large or is none.

    """
    address = _address(url)
    try:
        return await asyncio.wait_for(_followed(address, allowed), _SECONDS)  # one limit for all redirects together
    except asyncio.TimeoutError:
        raise UsageError(f"{address.host} did not answer within {_SECONDS:g} s", hint=_NOTHING_SENT) from None


async def _followed(address: URL, allowed: Callable[[str], bool]) -> Fetched:
    """Fetch a file through its redirects; see `fetch`."""
    connector = aiohttp.TCPConnector(resolver=_Resolver(allowed), use_dns_cache=False)
    cookies = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=cookies, timeout=_NO_LIMIT, trust_env=False, auto_decompress=False
        ) as session:
            for _ in range(_MOST_REDIRECTS + 1):
                _check(address, allowed)
                headers = {"Accept-Encoding": "identity"}
                async with session.get(address, allow_redirects=False, headers=headers) as response:
                    if response.status in _REDIRECTS and (place := response.headers.get("Location")):
                        address = _address(str(address.join(URL(place))))
                        continue
                    return Fetched(_name(address), await _read(response, address))
    except UsageError:
        raise
    except _PrivateError:
        raise _private(address) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error.__cause__, _PrivateError) or isinstance(getattr(error, "os_error", None), _PrivateError):
            raise _private(address) from None
        raise UsageError(f"{address.host} cannot be reached", hint=f"{_NOTHING_SENT} Check the address.") from None
    raise UsageError(f"{address.host} redirects again and again", hint=_NOTHING_SENT)


class _PrivateError(OSError):
    """A name stands for an address that may not be connected to."""


class _Resolver(AbstractResolver):
    """Resolve names to addresses that may be connected to, and to no others."""

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        self._allowed = allowed
        self._resolver = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = 0) -> list[ResolveResult]:  # type: ignore[assignment]
        found = await self._resolver.resolve(host, port, family)
        if not all(self._allowed(one["host"]) for one in found):
            raise _PrivateError
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _address(url: str) -> URL:
    try:
        address = URL(url)
    except ValueError:
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise UsageError("only an http or https address is fetched", hint=_NOTHING_SENT)
    return address


def _check(address: URL, allowed: Callable[[str], bool]) -> None:
    """Refuse an address that is written as an IP address, in whatever way, for no resolver may see it."""
    host = address.host or ""
    with contextlib.suppress(OSError, ValueError):  # as the system reads it: 127.1, 0177.0.0.1, 2130706433
        host = socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not allowed(host):
        raise _private(address)


def _private(address: URL) -> UsageError:
    what = f"{address.host} is not an address of the public network, so nothing is fetched from it"
    return UsageError(what, hint=f"{_NOTHING_SENT} Save the file, and attach that.")


async def _read(response: aiohttp.ClientResponse, address: URL) -> bytes:
    if response.status != _HTTP_OK:
        raise UsageError(f"{address.host} answered {response.status}", hint=f"{_NOTHING_SENT} Check the address.")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UsageError(f"{address.host} compressed the file although it was asked not to", hint=_NOTHING_SENT)
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        data += chunk
        if len(data) > MOST_BYTES:
            raise UsageError(f"what {address.host} sends has more than {MOST_BYTES // 10**6} MB", hint=_NOTHING_SENT)
    return bytes(data)


def _name(address: URL) -> str:
    return file_name(unquote(address.path.rpartition("/")[2]), address.host or "file")
