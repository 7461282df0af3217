"""What lets us in at an OpenAI-compatible server: the key of this server and of no other, or a login."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..hidden import Hidden
from ..private_hosts import is_loopback
from ..threads import in_thread
from .errors import no_key
from .servers import GENERIC, takes_openai_key

if TYPE_CHECKING:
    from ..base import Settings
    from ..target import Target
    from .servers import Server

_KEYRING_SECONDS = 10.0
"""A keyring that asks its user for a password may never answer where nobody sees it."""


async def authorization(target: Target, server: Server, settings: Settings, key: str | None = None) -> dict[str, str]:
    """Find the header that lets us in; a key that anybody on the way could read is not sent.

    Args:
        target: the target, whose address is the server's base URL.
        server: what is known of the server.
        settings: the client's settings, with the session's keys.
        key: the API key; without one that of the address, else the login of the target, else the server's by its name.

    Returns:
        The header, or {} where there is neither a key nor a login, and none is needed.

    Raises:
        AuthError: the server answers nobody without a key, and there is none that may be sent.

    """
    key = key or await _find_key(settings, server_place(target.address))
    if not key and target.login is not None:
        word = base64.b64encode(":".join(target.login).encode("utf-8", "replace")).decode()
        return {"Authorization": Hidden(f"Basic {word}")}
    if not key and (server is not GENERIC or takes_openai_key(target.address)):
        key = await _find_key(settings, server.name, server.key_variable)
    if key and keeps_secrets(target.address):
        return {"Authorization": Hidden(f"Bearer {key}")}
    if server.needs_key:
        raise no_key(target.name, key_hint(server, target.address))
    return {}


def server_place(base_url: str) -> str:
    """Return a server's host and port, under which it may have a key of its own."""
    return urlsplit(base_url).netloc


def keeps_secrets(base_url: str) -> bool:
    """Tell whether nobody on the way to a server reads along: over https, or on this machine."""
    parts = urlsplit(base_url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def key_hint(server: Server, base_url: str) -> str:
    """Say how a key is given for a server."""
    place = server_place(base_url)
    if not keeps_secrets(base_url):
        return f"No key is sent over http, where others can read it: write https://{place}, or reach it on 127.0.0.1."
    if server is GENERIC:
        variable = f", or set {server.key_variable}" if takes_openai_key(base_url) else ""
        return f"Give its key with %qwen key {place}{variable}."
    variable = f", or set {server.key_variable}" if server.key_variable else ""
    region = f" If it belongs to another region than {place}, also set {server.url_variable}."
    return f"Give its key with %qwen key {server.name}{variable}.{region if server.name == 'dashscope' else ''}"


async def _find_key(settings: Settings, name: str, variable: str = "") -> str:
    keys, given = settings.keys, settings.hf_token if name == "hf" else None
    key = keys.at_hand(name, variable, given)
    if key is not None:
        return key
    asking = asyncio.ensure_future(in_thread(lambda: keys.get(name, variable, given)))
    try:
        await asyncio.wait({asking}, timeout=_KEYRING_SECONDS)
        return asking.result() if asking.done() else ""
    finally:
        asking.cancel()
