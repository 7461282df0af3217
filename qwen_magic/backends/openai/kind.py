"""OpenAI-compatible servers as a kind of backend: their target strings, and the servers that have a short name."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..kinds import BackendKind
from ..target import Target, parse_address
from .servers import GENERIC, SERVERS, server_at, takes_openai_key

_FORMS = ("ollama:MODEL", "openai:URL#MODEL")


def _parse(name: str, spec: str) -> Target | None:
    prefix, _, rest = spec.partition(":")
    if prefix in SERVERS:
        return Target(name, "openai", SERVERS[prefix].base_url, model=rest.strip(), server=SERVERS[prefix])
    if prefix != "openai" or not rest:
        return None
    base, _, model = rest.partition("#")
    there = parse_address(name, base, _address_hint(base))
    shown = name if there.is_plain else f"openai:{there.url}" + (f"#{model}" if model else "")
    url, server = there.url.rstrip("/"), server_at(there.url)
    return Target(shown, "openai", url, model=model, login=there.login, query=there.query, server=server)


def _address_hint(base: str) -> str:
    """Say how a model is written that stands where a server's address belongs; "" for what is no model either."""
    if not re.fullmatch(r"[\w.-]+", base):
        return ""
    return f"Write the server's address too: openai:https://api.openai.com/v1#{base}."


def _with_model(target: str, model: str) -> str:
    base = target.partition("#")[0]
    prefix = base.partition(":")[0]
    return f"{prefix}:{model}" if prefix in SERVERS and "//" not in base else f"{base}#{model}"


def _key_at(url: str) -> tuple[str, str]:
    server = server_at(url)
    if server is not GENERIC:
        return server.name, server.key_variable
    return urlsplit(url).netloc.rpartition("@")[2], server.key_variable if takes_openai_key(url) else ""


KIND = BackendKind(
    name="openai",
    title="OpenAI-compatible servers, and the variables that hold their keys",
    backend="qwen_magic.backends.openai.backend:OpenAIBackend",
    parse=_parse,
    prefixes=("openai", *SERVERS),
    forms=_FORMS,
    names=lambda: tuple(f"{name}:" for name in SERVERS),
    rows=lambda: [(f"{server.name}:MODEL", server.base_url, server.key_variable) for server in SERVERS.values()],
    with_model=_with_model,
    keys=lambda: {server.name: server.key_variable for server in SERVERS.values()},
    key_at=_key_at,
)
"""The row of OpenAI-compatible servers."""
