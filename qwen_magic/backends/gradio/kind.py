"""Gradio apps as a kind of backend: their target strings, short names, and what only they can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ..kinds import BackendKind
from ..target import Target, parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASES = {
    "qwen-2-72b": "space:Qwen/Qwen2-72B-Instruct",
    "qwen-2.5": "space:Qwen/Qwen2.5",
    "qwen-2.5-max": "space:Qwen/Qwen2.5-Max-Demo",
    "qwen-3": "space:Qwen/Qwen3-Demo",
}
"""Short names of known public Spaces."""
DEFAULT_SPACES = ("qwen-2-72b", "qwen-3", "qwen-2.5-max", "qwen-2.5")
"""The public Spaces that are tried in this order where no target was named."""

_SPACE_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_PAGE = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/spaces/([\w.-]+/[\w.-]+?)/*(?:[?/].*)?")
_HOST = re.compile(r"[\w.-]+:\d+(?:[/?]|$)|\[[\da-fA-F:]+\]:\d+|localhost(?:[/?]|$)|(?:\d+\.){3}\d+(?:[/?]|$)")
_BARE_HOST = re.compile(r"(?:localhost|(?:\d+\.){3}\d+|[\w-]+(?:\.[\w-]+)+):\d{2,5}(?:[/?#]|$)")
_WITHIN = re.compile(r"/(?:gradio_api(?:/.*)?|config|info|queue/.*)/*$")
_OF_THE_PAGE = re.compile(r"(?:__theme|view|logs|__lang|__sign)(?:=|$)")
_FORMS = ("qwen-2-72b", "space:OWNER/NAME", "space:URL")


@dataclass(frozen=True)
class GradioOptions:
    """What only a Gradio app can be told.

    Attributes:
        endpoint: which endpoint is asked (``"/name"`` or its number), where discovery should not choose.
        inputs: what goes into an endpoint's inputs, by parameter name or label.
        auth: user and password for an app with a login.

    """

    endpoint: str | int | None = None
    inputs: Mapping[str, Any] | None = None
    auth: tuple[str, str] | None = field(default=None, repr=False)


def space_host(space_id: str) -> str:
    """Return the URL at which a Space of the Hub is served."""
    return f"https://{re.sub(r'[^a-z0-9]+', '-', space_id.lower()).strip('-')}.hf.space"


def _parse(name: str, spec: str) -> Target | None:
    prefix, _, rest = spec.partition(":")
    if spec.startswith(("http://", "https://")) or _SPACE_ID.fullmatch(spec.partition("#")[0].strip()):
        prefix, rest = "space", spec
    if _BARE_HOST.match(spec):
        prefix, rest = "space", spec
    if prefix != "space" or not rest:
        return None
    base, model = _parted(rest.strip())
    if _SPACE_ID.fullmatch(base):
        return Target(name, "space", base, model=model)
    if page := _HUB_PAGE.fullmatch(base):
        return Target(name, "space", page[1], model=model)
    if "://" not in base and _HOST.match(base):
        base = f"http://{base}"
    there = parse_address(name, base)
    shown = name if there.is_plain else f"space:{there.url}" + (f"#{model}" if model else "")
    query = "&".join(item for item in there.query.split("&") if item and not _OF_THE_PAGE.match(item))
    return Target(shown, "space", _app_url(there.url), model=model, login=there.login, query=query)


def _parted(rest: str) -> tuple[str, str]:
    """Part a model's name from an address."""
    base, _, model = (part.strip() for part in rest.partition("#"))
    return base, model


def _app_url(url: str) -> str:
    """Take the app's own address out of one that was copied from a browser."""
    parts = urlsplit(url)
    netloc = re.sub(r"^0\.0\.0\.0(?=:|$)", "127.0.0.1", parts.netloc)  # what a server listens on is no address
    return urlunsplit((parts.scheme, netloc, _WITHIN.sub("", parts.path).rstrip("/"), "", ""))


def _rows() -> list[tuple[str, ...]]:
    return [(alias, f"https://huggingface.co/spaces/{ALIASES[alias].partition(':')[2]}") for alias in ALIASES]


KIND = BackendKind(
    name="space",
    title="Public Spaces",
    backend="qwen_magic.backends.gradio.backend:SpaceBackend",
    parse=_parse,
    prefixes=("space",),
    forms=_FORMS,
    aliases=ALIASES,
    names=lambda: tuple(ALIASES),
    rows=_rows,
    usual=lambda: DEFAULT_SPACES,
    options=GradioOptions,
)
"""The row of Gradio apps."""
