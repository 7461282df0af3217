"""Backends: one module a protocol, behind one small interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from .keys import Keys

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import aiohttp

    from ..events import Event
    from ..messages import Message
    from ..parameters import Parameters
    from .descriptions import Description
    from .targets import Target

_MODULES = {
    "space": ("gradio.backend", "SpaceBackend"),
    "openai": ("openai.backend", "OpenAIBackend"),
    "local": ("local.backend", "LocalBackend"),
}


@dataclass(frozen=True)
class Patience:
    """How long one target may keep us waiting, in seconds; less where another one is left to try.

    Attributes:
        connect: for a connection, the look-up of the name with it.
        retry: while a queue is full.
        wake: while a Space is asleep, building or starting.

    """

    connect: float
    retry: float
    wake: float


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
        failover_timeout: the longest wait for a busy or sleeping target while another one of the chain is left.
        keys: the API keys of the session.

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
    failover_timeout: float = 10.0
    keys: Keys = field(default_factory=Keys, repr=False)

    @property
    def patience(self) -> Patience:
        """The patience with a target that is the only one, or the last."""
        return Patience(self.connect_timeout, self.retry_timeout, self.wake_timeout)


class Backend(Protocol):
    """What speaks one kind of target's protocol; it belongs to no event loop.

    Attributes:
        resumes: whether it can go on with an answer that was broken off, when that stands last in the messages
            as the assistant's; otherwise the model has to be asked to go on.

    """

    resumes: bool

    def stream(
        self,
        session: aiohttp.ClientSession,
        messages: tuple[Message, ...],
        parameters: Parameters,
        patience: Patience | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events.

        Yield a Target, then deltas, resets and statuses, at last an End. When it is closed or cancelled,
        it tells the server.

        Args:
            session: an HTTP session of the running loop, with our headers, proxy and time limits.
            messages: at most one system message, first; the user's prompt last, or after it the beginning of an
                answer to go on with, where the backend ``resumes``.
            parameters: the sampling parameters; what the target does not take is named in one warning.
            patience: how long to wait; without it as long as the settings allow.

        Raises:
            QwenError: what went wrong, with the target's name.

        """
        ...

    async def context(self, session: aiohttp.ClientSession, patience: Patience | None = None) -> int | None:
        """Tell how many tokens a conversation may have, its answer's among them; None where that is not known.

        Args:
            session: an HTTP session of the running loop.
            patience: how long to wait for a connection; nothing is tried again.

        Raises:
            QwenError: it cannot be reached, or is no such server.

        """
        ...

    async def describe(self, session: aiohttp.ClientSession, patience: Patience | None = None) -> Description:
        """Ask what the target offers.

        Args:
            session: an HTTP session of the running loop.
            patience: how long to wait for a connection; nothing is tried again.

        Raises:
            QwenError: it cannot be reached, or is no such server.

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
