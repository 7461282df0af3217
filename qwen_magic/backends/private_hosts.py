"""Hosts that only this machine or its own network reaches."""

from __future__ import annotations

import functools
import ipaddress
import socket

_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # where a server listens; it is reached on loopback
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)
_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa")


@functools.lru_cache(maxsize=256)  # each request asks it, of few hosts
def is_private_host(host: str) -> bool:
    """Tell whether a host is on this machine or in its own network, as its name or address says; nothing is looked up.

    Args:
        host: a name without a port, or an IPv4 or IPv6 address, in brackets or not.

    Source: RFC 1918, RFC 3927, RFC 4193, RFC 6761, RFC 6762 and RFC 8375.
    """
    name = host.strip("[]").rstrip(".").lower()
    address = _address(name)
    if address is None:
        return "." not in name or name.endswith(_ENDINGS)
    return any(address in network for network in _NETWORKS)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, as its name or address says; nothing is looked up.

    Args:
        host: a name without a port, or an IPv4 or IPv6 address, in brackets or not.

    """
    name = host.strip("[]").rstrip(".").lower()
    address = _address(name)
    if address is None:
        return name == "localhost" or name.endswith(".localhost")
    return address.is_loopback or address.is_unspecified  # where a server listens; it is reached on loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        # The operating system also takes 127.1 and 0x7f000001.
        try:
            return ipaddress.IPv4Address(socket.inet_aton(name)) if name[:1].isdigit() else None
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
