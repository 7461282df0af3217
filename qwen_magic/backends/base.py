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
    """How long one target may keep us waiting, in seconds; less where another one is left to try.

    Attributes:
        connect: for a connection, the look-up of the name with it.
        retry: while a queue is full.
        wake: while a Space is asleep, building or starting.
        first_token: for the first sign of an answer, or from one to the next before it begins; None for as long as
            within an answer.

    """

    connect: float
    retry: float
    wake: float
    first_token: float | None = None


class Rates(Protocol):
    """What limits how often targets are asked, as a backend sees it."""

    def hear(self, target: str, headers: Mapping[str, str]) -> None:
        """Heed what the headers of an answer tell of a server's limits."""

    async def again(self, target: str) -> None:
        """Wait until a further request of the same answer may be sent."""


class NoRates:
    """No limits."""

    def hear(self, target: str, headers: Mapping[str, str]) -> None:
        """Heed nothing."""

    async def again(self, target: str) -> None:
        """Go on at once."""


@dataclass(frozen=True)
class Settings:
    """How a client speaks to its servers; times in seconds.

    Attributes:
        proxy: a proxy's URL for every host, or None.
        trust_env: whether proxies are taken from the environment; they never count for private hosts.
        headers: headers sent with each request, on top of our own.
        hf_token: a Hugging Face token, sent to Spaces of the Hub alone.
        connect_timeout: the longest wait for a connection.
        stall_timeout: the longest time without progress: without more of an answer, whatever else is sent.
        retry_timeout: the longest time spent on retries while a queue is full.
        wake_timeout: the longest wait for a Space that is asleep, building or starting.
        failover_timeout: the longest wait for a busy or sleeping target while another one of the chain is left.
        first_token_timeout: the longest wait for an answer to begin while another one of the chain is left.
        keys: the API keys of the session.
        options: what only one kind of backend can be told, by the kind's name; see each kind.
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
    """What speaks one kind of target's protocol; it belongs to no event loop.

    `conformance.BackendConformance` has the tests that each one passes.

    Attributes:
        name: the target string.
        continues: whether it can go on with an answer that was broken off, when that stands last in the messages
            as the assistant's; otherwise the model has to be asked to go on.
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

        Yield a Responder, then deltas, resets and statuses, at last an End. When it is closed or cancelled,
        it tells the server.

        Args:
            session: an HTTP session of the running loop, with our headers, proxy and time limits.
            request: the messages, at most one system message, first; what is to be answered last, or after it the
                beginning of an answer to go on with, where the backend ``continues``. Of the parameters, what the
                target does not take is named in one warning.
            deadlines: how long to wait; without it as long as the settings allow.

        Raises:
            QwenError: what went wrong, with the target's name.

        """
        ...

    async def context(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> int | None:
        """Tell how many tokens a conversation may have, its answer's among them; None where that is not known.

        Args:
            session: an HTTP session of the running loop.
            deadlines: how long to wait for a connection; nothing is tried again.

        Raises:
            QwenError: it cannot be reached, or is no such server.

        """
        ...

    async def capabilities(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Capabilities:
        """Tell what the target can do; it is asked where it can be asked.

        Where it cannot be reached, what is known without asking is told: nothing is raised for that.

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
            QwenError: it cannot be reached, or is no such server.

        """
        ...

    async def close(self) -> None:
        """Let go of everything that outlives an answer."""
        ...
