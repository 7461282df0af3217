"""The target: where a prompt goes, and what its addresses have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..errors import TargetError


@dataclass(frozen=True)
class Target:
    """Where a prompt goes.

    Attributes:
        name: the string by which it was named, without any password.
        kind: the name of its kind of backend: "space", "openai", "local", or another package's.
        address: a Space's id or URL, a server's base URL, a local model's short name or path.
        model: the model at a server or a Space, or "".
        login: user and password that stood in the URL, or None.
        server: what its kind knows of the server there, or None.
        remote: whether it is reached over a network, so that a connection must be waited for.

    """

    name: str
    kind: str
    address: str
    model: str = ""
    login: tuple[str, str] | None = field(default=None, repr=False)
    server: Any = None
    remote: bool = True

    def __str__(self) -> str:
        return self.name


def split_login(name: str, text: str, hint: str = "") -> tuple[str, tuple[str, str] | None]:
    """Part user and password from a URL.

    Args:
        name: the target string, for the error.
        text: the URL.
        hint: what to do where it is none.

    Returns:
        The URL without them, and the two, or None where there are none.

    Raises:
        TargetError: it is no http or https address.

    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"no address in {without_login(name)!r}", hint=hint)
    if parts.username is None:
        return text, None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    return urlunsplit(parts._replace(netloc=netloc)), (parts.username, parts.password or "")


def without_login(text: str) -> str:
    """Write a target string without the login in its URL."""
    return re.sub(r"//[^/@\s]*@", "//…@", text)
