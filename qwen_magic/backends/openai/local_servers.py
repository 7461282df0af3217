"""Servers with models on this very machine, for a user to whom nothing else answers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from ..http import read_text
from .model_lists import model_list
from .servers import SERVERS, chat_models

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = 0.7
"""For the whole look: what runs here answers at once."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_HTTP_OK = 200


async def find_local_servers(addresses: Mapping[str, str] | None = None, seconds: float = _SECONDS) -> list[str]:
    """Look for servers at their usual places on this machine, side by side; never raises.

    Args:
        addresses: base URLs by the servers' short names, where they are not the usual ones.
        seconds: how long the look takes at most.

    Returns:
        Target strings that can be used as they are, such as "ollama:qwen3:8b".

    """
    usual = {name: server.address() for name, server in SERVERS.items() if server.local}
    places = addresses or {name: url for name, url in usual.items() if urlsplit(url).hostname in _LOOPBACK}
    # Neither proxy nor headers nor cookies: this is loopback, and nobody's key is sent around.
    async with aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=seconds)) as session:
        found = await asyncio.gather(*(_look(session, name, url) for name, url in places.items()))
    return [target for target in found if target]


async def _look(session: aiohttp.ClientSession, name: str, url: str) -> str:
    """Return the target at one place, "" if no server with a model for chats is there."""
    with contextlib.suppress(aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError):
        async with session.get(f"{url}/models", allow_redirects=False) as response:
            if response.status != _HTTP_OK:
                return ""
            # Other programs use these ports, too: only a list of models is an answer.
            listed = model_list(await read_text(response)) or []
        models = chat_models([str(item["id"]) for item in listed])
        if not models:
            return ""
        # A file's path is no name to type; the server has one model and needs no name.
        return name if re.search(r"[\s,#]|\.gguf$", models[0]) else f"{name}:{models[0]}"
    return ""
