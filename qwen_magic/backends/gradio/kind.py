"""Gradio apps as a kind of backend: their target strings, short names, and what only they can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..kinds import BackendKind
from ..target import Target, split_login

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
    if prefix != "space" or not rest:
        return None
    base, _, model = (part.strip() for part in rest.partition("#"))
    if _SPACE_ID.fullmatch(base):
        return Target(name, "space", base, model=model)
    url, login = split_login(name, base)
    shown = name if login is None else f"space:{url}" + (f"#{model}" if model else "")
    return Target(shown, "space", url.rstrip("/"), model=model, login=login)


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
