"""The tests that every backend passes: for authors of backends, to be run by pytest with pytest-asyncio.

An author derives a class whose name begins with "Test", and says how to come by backends to try::

    from contextlib import asynccontextmanager

    from qwen_magic.backends.conformance import BackendConformance


    class TestMyBackend(BackendConformance):
        @asynccontextmanager
        async def answering(self):
            async with my_server("Hello.") as url:
                yield MyBackend(url)

        @asynccontextmanager
        async def slow(self):
            async with my_server("a word", pause=0.1, times=1000) as url:
                yield MyBackend(url)

        @asynccontextmanager
        async def unreachable(self):
            yield MyBackend("http://127.0.0.1:9")

        def make(self, settings):
            return MyBackend("http://127.0.0.1:9", settings)

The servers run on an event loop of their own, in another thread, so that what a backend leaves behind on the loop of
its answers can be told from them. The tests close each backend that they are given. pytest-asyncio is to be in its
mode "auto"; in its strict mode, mark the class with ``pytest.mark.asyncio``.
"""
# ruff: noqa: S101 - tests assert

from __future__ import annotations

import asyncio
import re
import threading
import time
from concurrent.futures import Future
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import pytest

from ..errors import ConnectError, QwenError
from ..events import AnswerEvent, End, Event, Reset, Responder, Status, TextDelta, ThinkingDelta, UsageReport
from ..messages import Message, Text
from ..parameters import NAMES, TABLE, Parameters
from ..request import Request
from .base import Deadlines, Settings
from .capabilities import Capabilities
from .descriptions import Description
from .keys import Keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from .base import Backend

SECRETS = (
    "conformance-token",
    "conformance-user-password",
    "conformance-header",
    "conformance-proxy",
    "conformance-key",
)
"""What no backend may show: a token, a header, a proxy's password and a key are in the settings that
`BackendConformance.make` is given; the second is for what its kind can be told besides, such as a login."""
_DEADLINES = Deadlines(connect=5.0, retry=0.0, wake=0.0)


class BackendConformance:
    """The tests of one backend; derive from it, and give it backends to try.

    Attributes:
        prompt: what is asked.
        long_prompt: what the slow one is asked.
        parameters: the parameters with which it is asked.
        seconds: the longest that a short answer may take.
        soon: the longest that a backend may take to let go of an answer that nobody reads any more, in seconds.
        unreachable_error: what is raised where the server is not there.

    """

    prompt: ClassVar[str] = "Reply with the single word: hello"
    long_prompt: ClassVar[str] = "Count from 1 to 2000 in words, one number a line. Do not stop before 2000."
    parameters: ClassVar[Parameters] = Parameters()
    seconds: ClassVar[float] = 60.0
    soon: ClassVar[float] = 10.0
    unreachable_error: ClassVar[type[QwenError]] = ConnectError

    def answering(self) -> AbstractAsyncContextManager[Backend]:
        """Give a backend whose server answers each prompt with a short text."""
        raise NotImplementedError

    def slow(self) -> AbstractAsyncContextManager[Backend]:
        """Give a backend whose server goes on with an answer for so long that it can be stopped in the middle."""
        raise NotImplementedError

    def unreachable(self) -> AbstractAsyncContextManager[Backend]:
        """Give a backend whose server is not there."""
        raise NotImplementedError

    def refusing(self) -> AbstractAsyncContextManager[Backend]:
        """Give a backend whose server refuses to answer; without it, the test of that is skipped."""
        pytest.skip("no server that refuses was given")

    def make(self, settings: Settings) -> Backend:
        """Make a backend of whatever target with these settings, and secrets of its kind; it is asked nothing."""
        raise NotImplementedError

    # What a backend says of itself

    async def test_its_attributes(self) -> None:
        """Have the target's name, and tell what it can send and go on with."""
        with _lent(self.answering) as backend:
            assert isinstance(backend.name, str), "name is the target string"
            assert backend.name, "name is the target string, and never empty"
            assert isinstance(backend.continues, bool), "continues is True or False"
            assert Text in backend.sends, "sends has the kinds of parts: Text at the least"

    def test_no_secret_shows(self) -> None:
        """Keep the settings' secrets out of the repr."""
        keys = Keys()
        keys.set("openai", SECRETS[4], keep=False)
        settings = Settings(
            hf_token=SECRETS[0],
            headers={"X-Secret": SECRETS[2]},
            proxy=f"http://someone:{SECRETS[3]}@127.0.0.1:9",
            keys=keys,
        )
        backend = self.make(settings)
        shown = [secret for secret in SECRETS if secret in f"{backend!r} {backend}"]
        assert not shown, f"the repr shows {shown}"

    async def test_what_it_tells_of_the_target(self) -> None:
        """Tell the context, the capabilities and a description, or say in our words why not."""
        with _lent(self.answering) as backend:
            async with aiohttp.ClientSession() as session:
                context = await _told(backend.context(session, _DEADLINES), self.seconds)
                described = await _told(backend.describe(session, _DEADLINES), self.seconds)
                capabilities = await asyncio.wait_for(backend.capabilities(session, _DEADLINES), self.seconds)
        there = isinstance(context, int) and context > 0
        assert there or context is None or isinstance(context, QwenError), f"a context of {context!r} tokens"
        assert isinstance(described, (Description, QwenError)), f"described as {described!r}"
        assert isinstance(capabilities, Capabilities), f"it is capable of {capabilities!r}"
        if isinstance(described, Description):
            assert described.target == backend.name, f"{described.target!r} is described, not {backend.name!r}"

    async def test_what_it_tells_where_nobody_is(self) -> None:
        """Raise nothing else than our errors; capabilities are what is known without asking."""
        with _lent(self.unreachable) as backend:
            async with aiohttp.ClientSession() as session:
                await _told(backend.context(session, _DEADLINES), self.seconds)
                await _told(backend.describe(session, _DEADLINES), self.seconds)
                capabilities = await asyncio.wait_for(backend.capabilities(session, _DEADLINES), self.seconds)
        assert isinstance(capabilities, Capabilities), f"it is capable of {capabilities!r}"

    # An answer

    async def test_the_events_of_an_answer(self) -> None:
        """Name the responder first, say something, and end once."""
        with _lent(self.answering) as backend:
            events = await self._asked(backend)
        kinds = [type(event).__name__ for event in events]
        began = next((place for place, event in enumerate(events) if isinstance(event, AnswerEvent)), len(events))
        responders = [event for event in events[:began] if isinstance(event, Responder)]
        assert responders, f"no Responder comes before the answer: {kinds}"
        assert {event.target for event in responders} == {backend.name}, f"{responders} for {backend.name!r}"
        empty = [event for event in events if isinstance(event, (TextDelta, ThinkingDelta)) and not event.text]
        assert not empty, f"a delta is empty: {empty}"
        ends = [place for place, event in enumerate(events) if isinstance(event, End)]
        assert ends == [len(events) - 1], f"End comes once, as the last: {kinds}"
        assert sum(isinstance(event, UsageReport) for event in events) <= 1, f"usage is told once: {kinds}"
        assert _text(events).strip(), f"no text came: {events}"

    async def test_every_parameter_is_taken_or_named(self) -> None:
        """Name in a warning what is not taken, each parameter once, and answer all the same."""
        with _lent(self.answering) as backend:
            events = await self._asked(backend, _every_parameter())
        assert isinstance(events[-1], End), f"it ended with {events[-1]!r}"
        warnings = [event.text for event in events if isinstance(event, Status) and event.kind == "warning"]
        for name in NAMES:
            naming = [text for text in warnings if re.search(rf"(?<!\w){name}(?!\w)", text)]
            assert len(naming) <= 1, f"{name} is named more than once: {naming}"
        assert len(set(warnings)) == len(warnings), f"a warning comes twice: {warnings}"

    async def test_two_answers_at_once(self) -> None:
        """Answer two at once on one loop."""
        with _lent(self.answering) as backend:
            both = await asyncio.gather(self._asked(backend), self._asked(backend))
        assert all(_text(events).strip() for events in both), f"one of two has no text: {both}"

    def test_two_loops_in_turn(self) -> None:
        """Answer on one event loop, and then on another."""
        with _lent(self.answering) as backend:
            for _ in range(2):
                assert _text(asyncio.run(self._asked(backend))).strip(), "no text came"

    # An answer that is stopped

    async def test_closing_an_answer(self) -> None:
        """Let go of an answer that is closed early: soon, and with no task left."""
        with _lent(self.slow) as backend:
            before = asyncio.all_tasks()
            spent = await asyncio.wait_for(self._stopped(backend), self.seconds + self.soon)
            assert spent < self.soon, f"it took {spent:.1f} s to close"
            await _no_task_left(before, self.soon)

    async def test_cancelling_an_answer(self) -> None:
        """Let go of an answer whose reader is cancelled: soon, and with no task left."""
        with _lent(self.slow) as backend:
            before = asyncio.all_tasks()
            begun = asyncio.Event()
            reading = asyncio.ensure_future(self._read(backend, begun))
            await asyncio.wait_for(begun.wait(), self.seconds)
            reading.cancel()
            await asyncio.wait({reading}, timeout=self.soon)
            assert reading.done(), f"it still runs {self.soon:g} s after it was cancelled"
            assert reading.cancelled(), f"the cancellation was swallowed: {reading!r}"
            await _no_task_left(before, self.soon)

    async def test_another_answer_after_one_that_was_stopped(self) -> None:
        """Begin another answer once one was stopped."""
        with _lent(self.slow) as backend:
            for _ in range(2):
                await asyncio.wait_for(self._stopped(backend), self.seconds + self.soon)

    async def test_closing_it_twice(self) -> None:
        """Be closed twice after an answer."""
        with _lent(self.answering) as backend:
            await self._asked(backend)
            await backend.close()
            await backend.close()

    # What fails

    async def test_a_server_that_is_not_there(self) -> None:
        """Raise one of our errors with the target's name, after nothing of an answer."""
        with _lent(self.unreachable) as backend:
            error, events = await self._failed(backend)
            name = backend.name
        assert isinstance(error, self.unreachable_error), f"{error!r} is not a {self.unreachable_error.__name__}"
        _check_failure(error, events, name)

    async def test_a_server_that_refuses(self) -> None:
        """Raise one of our errors with the target's name, after nothing of an answer."""
        with _lent(self.refusing) as backend:
            error, events = await self._failed(backend)
            name = backend.name
        _check_failure(error, events, name)

    def _request(self, parameters: Parameters | None = None) -> Request:
        return Request((Message("user", self.prompt),), parameters or self.parameters)

    def _long_request(self) -> Request:
        return Request((Message("user", self.long_prompt),), self.parameters)

    async def _asked(self, backend: Backend, parameters: Parameters | None = None) -> list[Event]:
        """Return the events of a whole answer."""

        async def reading() -> list[Event]:
            async with (
                aiohttp.ClientSession() as session,
                aclosing(backend.stream(session, self._request(parameters))) as answer,
            ):
                return [event async for event in answer]

        return await asyncio.wait_for(reading(), self.seconds)

    async def _read(self, backend: Backend, begun: asyncio.Event) -> None:
        """Read a long answer, and tell when it begins."""
        async with (
            aiohttp.ClientSession() as session,
            aclosing(backend.stream(session, self._long_request())) as answer,
        ):
            async for event in answer:
                if isinstance(event, AnswerEvent):
                    begun.set()

    async def _stopped(self, backend: Backend) -> float:
        """Close a long answer as soon as it begins; return the seconds that the closing took."""
        async with aiohttp.ClientSession() as session:
            answer = backend.stream(session, self._long_request())
            async for event in answer:
                if isinstance(event, AnswerEvent):
                    break
            else:
                raise AssertionError("the answer was over before a part of it came")
            started = time.monotonic()
            await answer.aclose()
            return time.monotonic() - started

    async def _failed(self, backend: Backend) -> tuple[BaseException | None, list[Event]]:
        """Return what an answer failed with, and the events before."""
        events: list[Event] = []

        async def reading() -> None:
            async with (
                aiohttp.ClientSession() as session,
                aclosing(backend.stream(session, self._request(), _DEADLINES)) as answer,
            ):
                async for event in answer:
                    events.append(event)  # noqa: PERF401 - what came before a failure stays

        (error,) = await asyncio.gather(asyncio.wait_for(reading(), self.seconds), return_exceptions=True)
        return error, events


def _every_parameter() -> Parameters:
    """Set each parameter of the table to something that it can be."""
    some: dict[str, Any] = {"switch": True, "texts": ("\u2418\u2418",), "object": {}}
    for row in TABLE:
        low, high = row.low or 0, row.high or 0
        some[row.name] = some.get(row.kind, low + 63 if row.kind == "whole" else low + (high - low) * 0.6)
    return Parameters(**{row.name: some[row.name] for row in TABLE})


@contextmanager
def _lent(given: Callable[[], AbstractAsyncContextManager[Backend]]) -> Iterator[Backend]:
    """Enter a context manager on an event loop of its own, in another thread; yield its backend."""
    found: Future[Backend] = Future()
    over: Future[None] = Future()
    left: Future[None] = Future()

    async def lend() -> None:
        async with given() as backend:
            found.set_result(backend)
            await asyncio.wrap_future(over)
            await backend.close()

    def run() -> None:
        try:
            asyncio.run(lend())
        except BaseException as error:  # noqa: BLE001 - a test that is skipped or stopped, too
            (left if found.done() else found).set_exception(error)
        if not left.done():
            left.set_result(None)

    thread = threading.Thread(target=run, name="conformance-servers", daemon=True)
    thread.start()
    try:
        yield found.result()
    finally:
        over.set_result(None)
        thread.join()
    left.result()


async def _told(asked: Awaitable[object], seconds: float) -> object:
    """Return what was told, or the error of ours that came instead."""
    try:
        return await asyncio.wait_for(asked, seconds)
    except QwenError as error:
        return error


async def _no_task_left(before: set[asyncio.Task[object]], seconds: float) -> None:
    """Check that the tasks that came after those before end soon."""
    end = time.monotonic() + seconds
    while left := asyncio.all_tasks() - before:
        assert time.monotonic() < end, f"tasks are left: {left}"
        await asyncio.sleep(0.01)


def _text(events: list[Event]) -> str:
    """Return an answer's text."""
    text = ""
    for event in events:
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, Reset):
            text = event.text
    return text


def _check_failure(error: BaseException | None, events: list[Event], name: str) -> None:
    assert isinstance(error, QwenError), f"it failed with {error!r}, which is not a QwenError"
    assert error.target == name, f"the error names the target {error.target!r}, not {name!r}"
    assert error.what, "the error does not say what happened"
    parts = [event for event in events if isinstance(event, (AnswerEvent, End))]
    assert not parts, f"of an answer that failed came {parts}"
