"""The target: where a prompt goes, and what its addresses have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ..errors import TargetError
from .hidden import Hidden

if TYPE_CHECKING:
    from collections.abc import Hashable

_PORT = r"(?!\d{1,5}(?:[/?#\s]|$))"
_NO_PORT = re.compile(rf"(//[^/\s:\[]*:){_PORT}\S*|^((?:openai|space):[^/\s:]*:)(?!//){_PORT}\S*")
_QUERY = re.compile(r"\?[^#\s]*")
_LOGIN_IN_TEXT = re.compile(r"//[^\s@]*@")
_QUERY_IN_TEXT = re.compile(r"\?[^\s#=]+=[^\s#]*")
_ENCODE = "Write / in a password as %2F, : as %3A and @ as %40."


@dataclass(frozen=True)
class Target:
    """Where a prompt goes.

    Attributes:
        name: the string that named it, without a login and a query.
        kind: the name of its kind of backend: "space", "openai", "local", or another package's.
        address: a Space's id or URL, a server's base URL, a local model's short name or path.
        model: the model at a server or a Space, or "".
        login: the user and password in the URL, or None.
        query: the query in the URL, which may be a key, or "".
        server: what its kind knows about the server there, or None.
        remote: whether it is reached over a network.

    """

    name: str
    kind: str
    address: str
    model: str = ""
    login: tuple[str, str] | None = field(default=None, repr=False)
    query: str = field(default="", repr=False)
    server: Any = None
    remote: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> Hashable:
        """What tells it from others, also from one of the same name with another login or query."""
        return (self.name, self.login, self.query) if self.login or self.query else self.name


@dataclass(frozen=True)
class Address:
    """A URL as a target names it, in its parts.

    Attributes:
        url: the URL without login, query and fragment.
        login: user and password, or None.
        query: the query, or "".

    """

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)
    query: str = field(default="", repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether it is its URL and nothing else."""
        return self.login is None and not self.query


def parse_address(name: str, text: str, hint: str = "") -> Address:
    """Part login and query from a URL: they may be secrets, so the target's name has neither.

    Args:
        name: the target string, for the error.
        text: the URL.
        hint: what to do where it is none.

    Raises:
        TargetError: it is no http or https address.

    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"there is no address in {without_secrets(name)!r}", hint=_ENCODE if "@" in name else hint)
    bare = parts.netloc.endswith(":") or not parts.path.strip("/")
    unused = name if parts.username is None and bare else ""
    if ":" in parts.netloc and "@" in parts.path + unused:  # what looks like host:port is the beginning of a login
        raise TargetError(f"there is no address in {without_secrets(name)!r}", hint=_ENCODE)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    login = None if parts.username is None else (unquote(parts.username), Hidden(unquote(parts.password or "")))
    netloc = parts.netloc if login is None else host if port is None else f"{host}:{port}"
    return Address(urlunsplit((parts.scheme, netloc, parts.path, "", "")), login, Hidden(parts.query))


def with_query(url: str, query: str) -> str:
    """Put a query behind a URL, which may have one already."""
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def without_secrets(text: str) -> str:
    """Write a target string, whole or broken, without what may be a login, a key or a query in it."""
    from ..text import secrets  # noqa: PLC0415 - only for what is wrong

    text = secrets.without_secrets(text)
    head, at, rest = text.rpartition("@")
    if at:  # a password may have any character, so all from where a login may begin
        start = head.find("//") + 2 if "//" in head else head.find(":") + 1
        text = f"{head[:start]}…@{rest}"
    text = _NO_PORT.sub(lambda match: f"{match[1] or match[2]}…", text)
    return _QUERY.sub("?…", text)


def without_logins(text: str) -> str:
    """Write a sentence without what may be a login, a key or a query in an address of it."""
    from ..text import secrets  # noqa: PLC0415 - only for what is wrong

    return _QUERY_IN_TEXT.sub("?…", _LOGIN_IN_TEXT.sub("//…@", secrets.without_secrets(text)))
