"""Target strings, aliases and chains: parsing only."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from ..errors import TargetError
from .openai.servers import GENERIC, SERVERS, Server, server_at

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES = {
    "qwen-2-72b": "space:Qwen/Qwen2-72B-Instruct",
    "qwen-2.5": "space:Qwen/Qwen2.5",
    "qwen-2.5-max": "space:Qwen/Qwen2.5-Max-Demo",
    "qwen-3": "space:Qwen/Qwen3-Demo",
}
"""Short names of known public Spaces."""

KINDS = ("space", "openai", "local")
DEFAULT_SPACES = ("qwen-2-72b", "qwen-3", "qwen-2.5-max", "qwen-2.5")
"""The public Spaces that are tried in this order where no target was named."""

_SPACE_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HINT = "Try qwen-2-72b, space:OWNER/NAME, space:URL, ollama:MODEL, openai:URL#MODEL or local."


@dataclass(frozen=True)
class Target:
    """Where a prompt goes.

    Attributes:
        name: the string by which it was named, without any password.
        kind: "space", "openai" or "local".
        address: a Space's id or URL, a server's base URL, a local model's short name or path.
        model: the model at a server or a Space, or "".
        login: user and password that stood in the URL, or None.
        server: what is known of an OpenAI-compatible server.

    """

    name: str
    kind: str
    address: str
    model: str = ""
    login: tuple[str, str] | None = field(default=None, repr=False)
    server: Server = GENERIC

    def __str__(self) -> str:
        return self.name


def parse_target(text: str) -> Target:
    """Parse one target string.

    Args:
        text: an alias, ``space:ID``, ``space:URL``, ``openai:URL#MODEL``, a known server's short name with a model
            (``ollama:qwen3:8b``) or alone, ``local``, ``local:1.5b`` or ``local:PATH``; an owner/name or a URL alone
            is taken for a Space. ``#MODEL`` names a Space's model, too.

    Returns:
        The target.

    Raises:
        TargetError: the string names nothing we know.

    """
    name = text.strip()
    if not name:
        raise TargetError("an empty target", hint=_HINT)
    alias, _, model = name.partition("#")
    spec = ALIASES.get(alias.lower().strip(), "")
    spec = f"{spec}#{model}" if spec and model else spec or name
    kind, colon, rest = spec.partition(":")
    if spec.startswith(("http://", "https://")) or (not colon and _SPACE_ID.fullmatch(spec.partition("#")[0])):
        kind, rest = "space", spec
    if kind == "local":
        return Target(name, "local", rest or "0.5b")
    if kind == "space" and rest:
        return _space(name, rest)
    if kind == "openai" and rest:
        return _openai(name, rest)
    if kind in SERVERS:
        return Target(name, "openai", SERVERS[kind].base_url, model=rest.strip(), server=SERVERS[kind])
    close = difflib.get_close_matches(name.lower(), [*ALIASES, *KINDS, *SERVERS], n=1)
    hint = f"Did you mean {close[0]}? {_HINT}" if close else _HINT
    raise TargetError(f"no target {_without_login(name)!r}", hint=hint)


def parse_chain(targets: str | Sequence[str]) -> tuple[Target, ...]:
    """Parse one target, a list of them, or a string with commas between them, in the order they are tried.

    Raises:
        TargetError: there is none, or one of them names nothing we know.

    """
    parts = targets.split(",") if isinstance(targets, str) else list(targets)
    chain = tuple(parse_target(part) for part in parts if part.strip())
    if not chain:
        raise TargetError("no target was named", hint=_HINT)
    return chain


def space_host(space_id: str) -> str:
    """Return the URL at which a Space of the Hub is served."""
    return f"https://{re.sub(r'[^a-z0-9]+', '-', space_id.lower()).strip('-')}.hf.space"


def _space(name: str, rest: str) -> Target:
    base, _, model = (part.strip() for part in rest.partition("#"))
    if _SPACE_ID.fullmatch(base):
        return Target(name, "space", base, model=model)
    url, login = _url(name, base)
    shown = name if login is None else f"space:{url}" + (f"#{model}" if model else "")
    return Target(shown, "space", url.rstrip("/"), model=model, login=login)


def _openai(name: str, rest: str) -> Target:
    base, _, model = rest.partition("#")
    url, login = _url(name, base)
    shown = name if login is None else f"openai:{url}" + (f"#{model}" if model else "")
    return Target(shown, "openai", url.rstrip("/"), model=model, login=login, server=server_at(url))


def _url(name: str, text: str) -> tuple[str, tuple[str, str] | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"no address in {_without_login(name)!r}", hint=_HINT)
    if parts.username is None:
        return text, None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    return urlunsplit(parts._replace(netloc=netloc)), (parts.username, parts.password or "")


def _without_login(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//…@", text)
