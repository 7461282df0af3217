"""Where an app's redirects lead: to its own server without a word, to another one once that is said."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from yarl import URL

from ...errors import ProtocolError
from ..private_hosts import is_private_host

if TYPE_CHECKING:
    from collections.abc import Collection

_LOOK_UP_SECONDS = 5.0


class MovedError(ProtocolError):
    """The app sends us to another server, which has not been said yet.

    Attributes:
        place: that server's host, with its port where it is not the usual one.

    """

    def __init__(self, place: str, target: str) -> None:
        super().__init__(f"the app has moved to {place}", target=target, hint=f"Name it as the target: space:{place}")
        self.place = place


def place_of(url: str) -> str:
    """Return a URL's server: its scheme, host and port."""
    return str(URL(url).origin())


def same_site(one: str, other: str) -> bool:
    """Tell whether two URLs are of one server; its secure address counts as the same."""
    first, second = URL(one), URL(other)
    if not (first.is_absolute() and second.is_absolute()):
        return False
    if first.host != second.host:
        return False
    upgraded = (first.scheme, second.scheme) == ("http", "https")
    same = (first.scheme, first.port) == (second.scheme, second.port)
    return same or (upgraded and first.is_default_port() and second.is_default_port())


async def check_move(target: str, home: str, url: str, said: Collection[str]) -> None:
    """Let a redirect pass, or say why not.

    Args:
        target: the target's name, for errors.
        home: the address that the user named.
        url: where it leads.
        said: the servers to which it may lead, because that was said.

    Raises:
        MovedError: it leads to a server that has not been said yet.
        ProtocolError: it leads from a public server to this machine or its own network, or nowhere.

    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ProtocolError(
            "the app redirects to something that is not a web address", target=target, hint="Check the address."
        )
    if same_site(home, url):
        return
    place = place_of(url)
    host = urlsplit(url).hostname or ""
    if await _is_private(host) and not await _is_private(urlsplit(home).hostname or ""):
        raise ProtocolError(
            f"the app redirects to an address of this machine or its network, {place}, which is not followed",
            target=target,
            hint="If you want that, name this address as the target.",
        )
    if place not in said:
        raise MovedError(place, target)


async def _is_private(host: str) -> bool:
    """Tell whether a host is on this machine or in its own network, by its name or by the addresses that it has."""
    if is_private_host(host):
        return True
    looking = asyncio.ensure_future(asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM))
    try:
        await asyncio.wait({looking}, timeout=_LOOK_UP_SECONDS)
        with contextlib.suppress(OSError, UnicodeError):  # a proxy may know it
            return looking.done() and any(is_private_host(str(info[4][0])) for info in looking.result())
    finally:
        looking.cancel()
    return False
