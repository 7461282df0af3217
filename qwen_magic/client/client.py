"""The client: one object that asks targets and streams their answers."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backends.base import Deadlines, Settings
from ..backends.browser import refuse_in_browser
from ..backends.hidden import hidden
from ..backends.last_resort import last_resort
from ..backends.registry import kind_options
from ..backends.targets import parse_chain
from ..clock import SYSTEM_CLOCK, Clock
from ..loop import background_loop
from ..messages import Message, Prompt, to_messages
from ..parameters import NAMES, Parameters
from ..request import Request
from .asked import Talk
from .chain import Chain
from .checks import check
from .context_limits import ContextLimits
from .continuation import check_continuable
from .default_targets import default_chain
from .health import Health, TargetState
from .laddering import Ladders
from .picture_size import made_for
from .rate_limits import RateLimits
from .sessions import Sessions
from .stream import Stream
from .sync_stream import SyncStream
from .target_backends import TargetBackends
from .unsendable import would_send
from .usage import Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from typing_extensions import Self

    from ..backends.base import Backend
    from ..backends.capabilities import Capabilities
    from ..backends.descriptions import Description
    from ..backends.target import Target
    from ..reply import Reply


class QwenClient:
    """Ask a target, or a chain of them, and stream the answer.

    A client can be used from any event loop and thread: it keeps one HTTP session for each loop. Use it as
    an asynchronous context manager, or call `aclose` at the end.

    Args:
        target: a target string, or several, tried in order until one begins to answer; without one
            ``QWEN_TARGET`` from the environment, else the public Spaces and, where its weights are
            on this machine, ``local``.
        proxy: an HTTP proxy's URL for all requests.
        trust_env: whether proxies come from the environment; they are never used for loopback and private addresses.
        headers: headers sent with each request.
        hf_token: a Hugging Face token, sent only to Spaces of the Hub; by default ``HF_TOKEN``.
        auth: user and password for a Gradio app with a login.
        connect_timeout: the longest wait for a connection, in seconds.
        stall_timeout: the longest wait for more of an answer, in seconds.
        retry_timeout: how long to go on trying while a queue is full, in seconds.
        wake_timeout: how long to wait for a Space that is asleep or starting, in seconds.
        endpoint: a Gradio app's endpoint, ``"/name"`` or its number; by default it is discovered.
        inputs: values for an endpoint's inputs, by parameter name or label.
        failover_timeout: how long to wait for a busy or sleeping target while another one is left, in seconds.
        first_token_timeout: how long to wait for an answer to begin while another target is left, in seconds.
        options: options of single kinds of backend: a mapping from the kind's name to its options by name.
        max_connections: how many answers may stream at once, by default all; waiting for a place counts for no timeout.
        requests_per_minute: how often each target may be asked, or a mapping from targets to such numbers.
        tokens_per_minute: how many tokens each target may read and write, or a mapping from targets to such numbers.
        schema_retries: how often a value that does not fit its schema is asked for again.
        clock: the clock that tells the time and waits; tests pass their own.

    Attributes:
        targets: the targets, in order.
        settings: how servers are reached.
        usage: what the answers cost, by target.

    Raises:
        TargetError: a target names nothing we know.
        UsageError: there is no such kind of backend, or it has no such option; or Python runs in a browser.

    """

    def __init__(
        self,
        target: str | Sequence[str] | None = None,
        *,
        proxy: str | None = None,
        trust_env: bool = True,
        headers: Mapping[str, str] | None = None,
        hf_token: str | None = None,
        auth: tuple[str, str] | None = None,
        connect_timeout: float = 10.0,
        stall_timeout: float = 120.0,
        retry_timeout: float = 60.0,
        wake_timeout: float = 300.0,
        endpoint: str | int | None = None,
        inputs: Mapping[str, Any] | None = None,
        failover_timeout: float = 10.0,
        first_token_timeout: float = 30.0,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        max_connections: int | None = None,
        requests_per_minute: int | Mapping[str, int] | None = None,
        tokens_per_minute: int | Mapping[str, int] | None = None,
        schema_retries: int = 2,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        refuse_in_browser()
        self._rates = RateLimits(clock, requests_per_minute, tokens_per_minute, max_connections)
        self.settings = Settings(
            proxy=proxy,
            trust_env=trust_env,
            headers={name: hidden(value) for name, value in (headers or {}).items()},
            hf_token=hidden(hf_token or os.environ.get("HF_TOKEN")),
            connect_timeout=connect_timeout,
            stall_timeout=stall_timeout,
            retry_timeout=retry_timeout,
            wake_timeout=wake_timeout,
            failover_timeout=failover_timeout,
            first_token_timeout=first_token_timeout,
            clock=clock,
            rates=self._rates,
            options=kind_options({"space": {"endpoint": endpoint, "inputs": inputs, "auth": auth}}, options or {}),
        )
        self.usage, self._schema_retries = Ledger(), schema_retries
        self._health, self._limits, self._ladders = Health(clock.now), ContextLimits(), Ladders()
        self.targets: tuple[Target, ...] = parse_chain(target) if target else default_chain()
        self._sessions = Sessions(self.settings)
        self._backends = TargetBackends()
        self._streams: set[Stream] = set()
        self._talk, self._retired = Talk(), False

    def __repr__(self) -> str:
        return f"QwenClient({', '.join(map(str, self.targets))!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def stream(
        self,
        messages: Prompt | Request,
        system: str | None = None,
        *,
        target: str | Sequence[str] | None = None,
        schema: object = None,
        **parameters: Any,
    ) -> Stream:
        """Make the stream of an answer; nothing is sent before it is iterated.

        Args:
            messages: a prompt, a conversation (Messages or ``{"role", "content"}``) that ends with one, or a request.
            system: a system prompt.
            target: another target, or chain, for this answer only.
            schema: the shape that the reply's ``value`` is to have, whatever `qwen_magic.schema.as_shape` takes.
            **parameters: sampling parameters by their names; see `Parameters`.

        Returns:
            The stream.

        Raises:
            UsageError: there is no prompt, a parameter is unknown or out of range, or the schema is not one.
            TargetError: a target names nothing we know.

        """
        chosen = self._chosen(target)
        with made_for(chosen[0].name, parameters):
            return self._stream(chosen, self._talk.ask(messages, system, schema=schema, **parameters))

    def continue_(
        self, reply: Reply, *, target: str | Sequence[str] | None = None, parameters: Parameters | None = None
    ) -> Stream:
        """Make a stream that continues an answer from where it stopped; see `Stream.continue_`.

        Args:
            reply: the answer, from this client or another.
            target: the target, or chain; without one the client's own.
            parameters: the sampling parameters.

        Raises:
            UsageError: the answer is complete, or none of it had arrived.
            TargetError: a target names nothing we know.

        """
        check_continuable(reply)
        asked = reply.messages[:-1] if reply.messages and reply.messages[-1].role == "assistant" else reply.messages
        request = Request(to_messages(asked), parameters or Parameters())
        return self._stream(self._chosen(target), request, reply)

    resume = continue_
    """The earlier name of `continue_`."""

    async def ask(
        self,
        messages: Prompt | Request,
        system: str | None = None,
        *,
        target: str | Sequence[str] | None = None,
        schema: object = None,
        **parameters: Any,
    ) -> Reply:
        """Ask and return the whole answer; see `stream`.

        Raises:
            QwenError: there is no answer, or only a part of it, which is the error's ``reply``.

        """
        target = hidden(target)  # a traceback with local variables may show this one
        stream = self.stream(messages, system, target=target, schema=schema, **parameters)
        async for _ in stream.events():
            pass
        return stream.reply

    def ask_sync(
        self,
        messages: Prompt | Request,
        system: str | None = None,
        *,
        target: str | Sequence[str] | None = None,
        schema: object = None,
        **parameters: Any,
    ) -> Reply:
        """Ask from synchronous code, whether or not a loop is running; see `ask`."""
        target = hidden(target)
        return background_loop().run(self.ask(messages, system, target=target, schema=schema, **parameters))

    def stream_sync(self, messages: Prompt | Request, system: str | None = None, **options: Any) -> SyncStream:
        """Make a stream for synchronous code, with the arguments of `stream`; deleting it stops the answer."""
        return SyncStream(self.stream(messages, system, **options))

    @classmethod
    async def create_async_generator(
        cls,
        model: str,
        messages: Sequence[Mapping[str, Any] | Message],
        proxy: str | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[str, None]:
        """Yield an answer's text parts, as a g4f provider does.

        Args:
            model: an alias or any target; "" for the default.
            messages: the conversation, with "system", "user" and "assistant" roles.
            proxy: a proxy's URL.
            **kwargs: the parameters that `stream` takes, and the client's settings.

        Yields:
            Text parts; joined, they are the answer.

        """
        parameters = {name: kwargs.pop(name) for name in NAMES if name in kwargs}
        async with cls(model or None, proxy=proxy, **kwargs) as client:
            stream = client.stream(messages, **parameters)
            try:
                async for text in stream:
                    yield text
            finally:
                await stream.cancel()

    async def describe(self, target: str | None = None) -> Description:
        """Ask what a target offers: its models, and a Space's endpoints and inputs.

        Args:
            target: a target string; without one the client's first target.

        Raises:
            QwenError: it cannot be reached, or is another kind of server.

        """
        target = hidden(target)
        return await self._describe(self._chosen(target)[0], self.settings.deadlines)

    async def capabilities(self, target: str | None = None) -> Capabilities:
        """Tell what a target can do: whether it streams, takes a history, a system prompt, pictures and so on.

        The target is asked if it can be; what is not known is None.

        Args:
            target: a target string; without one the client's first target.

        """
        chosen = self._chosen(hidden(target))[0]
        with last_resort(chosen.name):
            backend = self._backend(chosen)
            return await backend.capabilities(await self._sessions.get(), self.settings.deadlines)

    async def preview(
        self,
        messages: Prompt | Request,
        *,
        target: str | Sequence[str] | None = None,
        parameters: Parameters | None = None,
    ) -> tuple[tuple[Message, ...], list[str]]:
        """Return the messages that would be sent, and notes on what would be left out, as far as that is known.

        Args:
            messages: a prompt, a conversation or a request.
            target: another target, or chain.
            parameters: the sampling parameters; without them the request's.

        Returns:
            The messages, and the notes.

        Raises:
            ContextError: the newest prompt is too long by itself.

        """
        target = hidden(target)
        first = self._chosen(target)[0]
        backend, session, deadlines = self._backend(first), await self._sessions.get(), self.settings.deadlines
        with made_for(first.name, parameters or {}):
            request = self._ladders.told(backend, Request.of(messages))
        request = request if parameters is None else replace(request, parameters=parameters)
        request, unseen = await would_send(backend, first.name, request, session, deadlines)
        fitted, notes = await self._limits.preview(backend, first.name, session, request, deadlines)
        return fitted.messages, [*unseen, *notes]

    def states(self, targets: str | Sequence[str] | None = None) -> list[TargetState]:
        """Return the states of targets, by default the client's own, as known so far; nothing is sent."""
        return [self._health.state(target) for target in self._chosen(targets)]

    async def check(self, targets: str | Sequence[str] | None = None) -> list[TargetState]:
        """Ask targets, by default the client's own, all at once what they offer, and return their states."""
        targets = hidden(targets)
        return await check(self._chosen(targets), self._describe, self._health, self.settings.deadlines)

    def forgive(self) -> None:
        """Try all targets again, even those that failed."""
        self._health.forgive()
        self._ladders.forget()

    def inherit(self, other: QwenClient) -> None:
        """Take over another client's keys, its usage and what it knows about its targets."""
        self.settings = replace(self.settings, keys=other.settings.keys)
        self.usage, self._health = other.usage, other._health
        self._limits, self._ladders = other._limits, other._ladders

    async def aclose(self) -> None:
        """Cancel open streams and close all sessions and engines. The client can be used again."""
        for stream in list(self._streams):
            await stream.cancel()
        await self._sessions.close()
        await self._backends.close()

    async def retire(self) -> None:
        """Close as soon as no answer is streaming any more."""
        self._retired = True
        if not self._streams:
            await self.aclose()

    def close(self) -> None:
        """Close from synchronous code; see `aclose`."""
        background_loop().run(self.aclose())

    def _chosen(self, targets: str | Sequence[str] | None) -> tuple[Target, ...]:
        return parse_chain(targets) if targets else self.targets

    def _stream(self, targets: tuple[Target, ...], request: Request, beginning: Reply | None = None) -> Stream:
        return Stream(
            Chain(
                targets, self._backend, self._health, self._limits, self.settings, self._rates, beginning, self._ladders
            ),
            self._sessions,
            request,
            self._streams,
            over=self._over,
            continued=self._continued,
            beginning=beginning,
            schema_retries=self._schema_retries,
        )

    def _continued(self, stream: Stream, target: str | Sequence[str] | None) -> Stream:
        return self._stream(parse_chain(target) if target else stream.chain.targets, stream.request, stream.reply)

    def _over(self, part: Reply) -> None:
        if part.first_token_seconds is not None:
            self.usage.add(part)
        if self._retired and not self._streams:
            background_loop().submit_from_anywhere(self.aclose())

    async def _describe(self, target: Target, deadlines: Deadlines) -> Description:
        with last_resort(target.name):
            return await self._backend(target).describe(await self._sessions.get(), deadlines)

    def _backend(self, target: Target) -> Backend:
        return self._backends.of(target, self.settings)
