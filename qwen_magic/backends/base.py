"""What a backend is, and the settings and deadlines with which it speaks to a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import SYSTEM_CLOCK, Clock
from .keys import Keys

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import aiohttp

    from ..events import Event
    from ..messages import Part
    from ..request import Request
    from .capabilities import Capabilities
    from .descriptions import Description


@dataclass(frozen=True)
class Deadlines:
    """How long to wait for a target, in seconds; less if another one is left to try.

    Attributes:
        connect: for a connection, including the look-up of the name.
        retry: while a queue is full.
        wake: while a Space is asleep, building or starting.
        first_token: for the beginning of the answer, counted again from each sign of it; None for as long as within
            an answer.

    """

    connect: float
    retry: float
    wake: float
    first_token: float | None = None


class Rates(Protocol):
    """What limits how often targets are asked, as a backend sees it."""

    def hear(self, target: str, headers: Mapping[str, str]) -> None:
        """Take note of a server's limits from the headers of an answer."""

    async def again(self, target: str) -> None:
        """Wait until a further request of the same answer may be sent."""


class NoRates:
    """No limits."""

    def hear(self, target: str, headers: Mapping[str, str]) -> None:
        """Do nothing."""

    async def again(self, target: str) -> None:
        """Return at once."""


@dataclass(frozen=True)
class Settings:
    """How a client reaches its servers; times are in seconds.

    Attributes:
        proxy: a proxy's URL for every host, or None.
        trust_env: whether proxies are taken from the environment; they are never used for private hosts.
        headers: headers sent with each request, in addition to our own.
        hf_token: a Hugging Face token, sent only to Spaces of the Hub.
        connect_timeout: the longest wait for a connection.
        stall_timeout: the longest wait for more of an answer, whatever else is sent.
        retry_timeout: the longest time spent on retries while a queue is full.
        wake_timeout: the longest wait for a Space that is asleep, building or starting.
        failover_timeout: the longest wait for a busy or sleeping target while another one of the chain is left.
        first_token_timeout: the longest wait for an answer to begin while another one of the chain is left.
        keys: the API keys of the session.
        options: the options of single kinds of backend, by the kind's name; see each kind.
        clock: what tells the time and waits.
        rates: what limits how often targets are asked.

    """

    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hf_token: str | None = field(default=None, repr=False)
    connect_timeout: float = 10.0
    stall_timeout: float = 120.0
    retry_timeout: float = 60.0
    wake_timeout: float = 300.0
    failover_timeout: float = 10.0
    first_token_timeout: float = 30.0
    keys: Keys = field(default_factory=Keys, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False, compare=False)
    rates: Rates = field(default_factory=NoRates, repr=False, compare=False)

    @property
    def deadlines(self) -> Deadlines:
        """The deadlines for a target that is the only one, or the last."""
        return Deadlines(self.connect_timeout, self.retry_timeout, self.wake_timeout)


class Backend(Protocol):
    """Code that speaks the protocol of one kind of target; it may be used from any event loop.

    `conformance.BackendConformance` has the tests that each one passes.

    Attributes:
        name: the target string.
        continues: whether it can continue a broken-off answer that is the last message, as the assistant's;
            otherwise the model has to be asked to continue.
        sends: the kinds of parts that it can send; a request with another one never reaches it.

    """

    name: str
    continues: bool
    sends: frozenset[type[Part]]

    def stream(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        deadlines: Deadlines | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events.

        Yield a Responder, then deltas, resets and statuses, and finally an End. If it is closed or cancelled,
        tell the server.

        Args:
            session: an HTTP session of the running loop, with our headers, proxy and time limits.
            request: the request. A system message can only be the first; the last message is to be answered, or, if
                the backend ``continues``, is the beginning of an answer. Name the parameters that the target does not
                take in one warning.
            deadlines: how long to wait; by default as long as the settings allow.

        Raises:
            QwenError: what went wrong, with the target's name.

        """
        ...

    async def context(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> int | None:
        """Return how many tokens a conversation may have, including its answer; None if that is not known.

        Args:
            session: an HTTP session of the running loop.
            deadlines: how long to wait for a connection; nothing is tried again.

        Raises:
            QwenError: it cannot be reached, or is another kind of server.

        """
        ...

    async def capabilities(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Capabilities:
        """Return what the target can do; it is asked if it can be.

        If it cannot be reached, return what is known without asking, and raise nothing.

        Args:
            session: an HTTP session of the running loop.
            deadlines: how long to wait for a connection; nothing is tried again.

        """
        ...

    async def describe(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Description:
        """Ask what the target offers.

        Args:
            session: an HTTP session of the running loop.
            deadlines: how long to wait for a connection; nothing is tried again.

        Raises:
            QwenError: it cannot be reached, or is another kind of server.

        """
        ...

    async def close(self) -> None:
        """Let go of everything that outlives an answer."""
        ...
