"""Backends: one module a protocol, behind one small interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import aiohttp

    from ..events import Event
    from ..messages import Message
    from ..parameters import Parameters
    from ..targets import Target

_MODULES = {
    "space": ("space", "SpaceBackend"),
    "openai": ("openai", "OpenAIBackend"),
    "local": ("local", "LocalBackend"),
}


@dataclass(frozen=True)
class Settings:
    """How a client speaks to its servers; times in seconds.

    Attributes:
        proxy: a proxy's URL, or None.
        trust_env: whether proxies are taken from the environment.
        headers: headers sent with each request, on top of our own.
        hf_token: a Hugging Face token, sent to Spaces of the Hub alone.
        auth: user and password for a Space with a login.
        connect_timeout: the longest wait for a connection.
        stall_timeout: the longest wait for a byte in a stream, heartbeats apart.
        retry_timeout: the longest time spent on retries while a queue is full.
        wake_timeout: the longest wait for a Space that is asleep, building or starting.
        endpoint: a Space's endpoint (``"/name"`` or its number), where discovery should not choose.
        inputs: what goes into an endpoint's inputs, by parameter name or label.

    """

    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hf_token: str | None = field(default=None, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    connect_timeout: float = 10.0
    stall_timeout: float = 120.0
    retry_timeout: float = 60.0
    wake_timeout: float = 300.0
    endpoint: str | int | None = None
    inputs: Mapping[str, Any] | None = None


class Backend(Protocol):
    """What speaks one kind of target's protocol; it belongs to no event loop."""

    def stream(
        self, session: aiohttp.ClientSession, messages: tuple[Message, ...], parameters: Parameters
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events.

        Yield a Target, then deltas, resets and statuses, at last an End. When it is closed or cancelled,
        it tells the server.

        Args:
            session: an HTTP session of the running loop, with our headers, proxy and time limits.
            messages: at most one system message, first; the user's prompt last.
            parameters: the sampling parameters.

        Raises:
            QwenError: what went wrong, with the target's name.

        """
        ...

    async def close(self) -> None:
        """Let go of everything that outlives an answer."""
        ...


def make_backend(target: Target, settings: Settings) -> Backend:
    """Make the backend for a target; its module is imported here, on first use."""
    module, name = _MODULES[target.kind]
    backend: Backend = getattr(import_module(f".{module}", __name__), name)(target, settings)
    return backend
