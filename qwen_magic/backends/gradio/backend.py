"""A Gradio Space over aiohttp: choose the endpoint, wait for a full queue or a sleeping Space, run the call."""

from __future__ import annotations

import contextlib
import functools
import secrets
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import (
    AsleepError,
    AuthError,
    BusyError,
    DisconnectError,
    NotFoundError,
    ProtocolError,
    QwenError,
    ServerError,
)
from ...events import AnswerEvent, End, Event, Responder, Status
from ...messages import Image, Message, Text
from ..echoes import sent_secrets, unechoed
from ..hidden import hidden
from ..http import translated
from ..qwen_models import context_of
from ..retrying import PASSING, Passing, retry_until_ready
from .app_http import AppHttp
from .changes import is_silent, shape_of
from .description import describe_space, space_capabilities
from .discovery import discover
from .endpoints import Endpoint, Payload
from .failures import SESSION_LOST
from .filling import build, left_out
from .kind import GradioOptions, space_host
from .known_spaces import KNOWN
from .moves import MovedError
from .old_runs import queued_or_not
from .pictures import upload_pictures
from .questions import count_questions
from .run_of import run_of
from .site import Site
from .stages import waking_stage
from .visits import Said, Visits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    import aiohttp

    from ...request import Request
    from ..base import Deadlines, Settings
    from ..capabilities import Capabilities
    from ..descriptions import Description
    from ..target import Target
    from .runs import Run

T = TypeVar("T")

_MOST_PLACES = 5
"""Servers to which redirects may lead, one after the other."""


class SpaceBackend:
    """Speak to one Gradio app.

    Args:
        target: a Space's id, or an app's URL.
        settings: the client's settings.
        base_url: where the app is served, if not where the target says.

    Attributes:
        continues: False; see `Backend`.
        sends: text, and pictures where the app takes them.

    """

    continues = False
    sends = frozenset({Text, Image})

    def __init__(self, target: Target, settings: Settings, *, base_url: str | None = None) -> None:
        self.name = target.name
        self.settings = settings
        self.space_id = "" if "://" in target.address else target.address
        self.model = target.model
        self.options: GradioOptions = settings.options.get("space") or GradioOptions()
        login = target.login or self.options.auth
        self.login = login and (login[0], hidden(login[1]))
        address = base_url or (space_host(self.space_id) if self.space_id else target.address)
        self.site = Site(self.name, settings, address, address, self.space_id, query=target.query)
        self._secrets = sent_secrets(settings.headers, self.login, target.query, settings.hf_token)
        self._known = KNOWN.get(self.space_id.lower()) if self.options.endpoint is None else None
        self._endpoint: Endpoint | None = None
        self._visits = Visits()
        self._forgets = False  # the app was seen to fail on earlier turns, or to drop them

    def __repr__(self) -> str:
        return f"SpaceBackend({self.name!r})"

    async def stream(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        deadlines: Deadlines | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        http = AppHttp(self.site, session, deadlines=deadlines)
        async with self._translated(deadlines):
            if http.elsewhere:
                yield self._led(http.elsewhere)
            known, failure = self._endpoint or self._known, None
            if known is not None:
                begun = False
                try:
                    async with aclosing(self._answer(http, known, request)) as answer:
                        async for event in answer:
                            begun = begun or isinstance(event, AnswerEvent)
                            yield event
                except QwenError as error:
                    if begun or not self._may_mean_a_change(error):
                        raise
                    failure = error
                else:
                    return
            found: list[Endpoint] = []
            looking = functools.partial(self._look_again, http, known, failure)
            async with aclosing(self._find(http, looking, found)) as waiting:
                async for status in waiting:
                    yield status
            self._endpoint = found[0]
            async with aclosing(self._answer(http, found[0], request)) as answer:
                async for event in answer:
                    yield event

    async def context(
        self,
        session: aiohttp.ClientSession | None = None,  # noqa: ARG002 - a Space does not tell it
        deadlines: Deadlines | None = None,  # noqa: ARG002
    ) -> int | None:
        """Tell the context of a known Space's model; see `Backend.context`."""
        return context_of(self.model or self._known.model) if self._known else None

    async def capabilities(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Capabilities:
        """Tell what the endpoint takes, which is discovered where it is not known; see `Backend.capabilities`."""
        if self._endpoint is None and self._known is None:
            http = AppHttp(self.site, session, deadlines=deadlines)
            with contextlib.suppress(QwenError):
                async with self._translated(deadlines):
                    self._endpoint = await self._discover(http)
        return space_capabilities(self._endpoint or self._known)

    async def describe(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Description:
        """Ask what the app offers; see `Backend.describe`."""
        http = AppHttp(self.site, session, deadlines=deadlines)
        async with self._translated(deadlines):
            if self.login:
                await http.sign_in(*self.login)
            try:
                found = await describe_space(http, self.name, self.options.endpoint, self._known, self.model)
                return replace(found, context=await self.context())
            except AsleepError as error:
                error.what = await waking_stage(http) or error.what
                raise

    async def close(self) -> None:
        """Do nothing: no connection outlives an answer but the session's own."""

    @asynccontextmanager
    async def _translated(self, deadlines: Deadlines | None) -> AsyncIterator[None]:
        """Turn what is raised inside the block into our errors, without what we sent to be let in."""
        with unechoed(self._secrets):
            async with translated(self.name, self.settings, deadlines):
                yield

    def _may_mean_a_change(self, error: QwenError) -> bool:
        """Tell whether the app may no longer be what it was, or this session has not signed in yet: look again."""
        if isinstance(error, AuthError):
            return self.login is not None
        return isinstance(error, (NotFoundError, ProtocolError)) or is_silent(error)

    async def _answer(self, http: AppHttp, endpoint: Endpoint, request: Request) -> AsyncGenerator[Event, None]:
        """Ask; once more where the server lost the session, or failed without a word on the earlier turns."""
        lost = False
        while True:
            begun, forgetful = False, replace(endpoint, history=None, before=(), conversation=None)
            asked = forgetful if self._forgets else endpoint
            try:
                async with aclosing(self._answer_once(http, asked, request)) as answer:
                    async for event in answer:
                        begun = begun or isinstance(event, AnswerEvent)
                        yield event
            except DisconnectError as error:
                if begun or lost or error.what != SESSION_LOST:
                    raise
                lost = True
                yield Status("the server lost our session; asking again in a new one", "retry", self.name)
            except ServerError as error:
                earlier = sum(message.role == "user" for message in request.messages) > 1
                if begun or not (earlier and is_silent(error) and shape_of(asked) != shape_of(forgetful)):
                    raise
                failed = error
                break
            else:
                return
        yield Status(
            "it failed with the earlier turns; asking again with them in front of the prompt", "retry", self.name
        )
        try:
            async with aclosing(self._answer_once(http, forgetful, request)) as answer:
                async for event in answer:
                    self._forgets = self._forgets or isinstance(event, AnswerEvent)
                    yield event
        except ServerError as error:
            raise (failed if is_silent(error) else error) from None

    async def _answer_once(self, http: AppHttp, endpoint: Endpoint, request: Request) -> AsyncGenerator[Event, None]:
        answering = self._call if endpoint.walk is None else self._visit
        files: list[list[Any]] = []
        uploading = functools.partial(upload_pictures, http, endpoint, request)
        if any(isinstance(part, Image) for part in request.messages[-1].parts):
            async with aclosing(self._retry_until_ready(http, uploading, files)) as waiting:
                async for status in waiting:
                    yield status
        async with aclosing(answering(http, endpoint, request, files[0] if files else [])) as events:
            async for event in events:
                yield event

    async def _call(
        self, http: AppHttp, endpoint: Endpoint, request: Request, files: list[Any]
    ) -> AsyncGenerator[Event, None]:
        plain, inputs = endpoint, self.options.inputs
        if endpoint.conversation and sum(message.role == "user" for message in request.messages) > 1:
            endpoint = endpoint.conversation
        payload = build(endpoint, request, inputs, self.name, self.model, files)
        # A fresh session for each answer: the history is ours to send, never what the server happens to remember.
        session_hash = secrets.token_hex(6)
        yield self._responder(http, payload)
        if endpoint.before and payload.history:
            given: list[bool] = []
            giving = functools.partial(self._give_history, http, endpoint, payload, session_hash)
            async with aclosing(self._retry_until_ready(http, giving, given)) as waiting:
                async for status in waiting:
                    yield status
            if not given[0]:
                endpoint = replace(plain, history=None, before=())
                payload = build(endpoint, request, inputs, self.name, self.model, files)
        for warning in payload.warnings:
            yield Status(warning, "warning", self.name)
        run = run_of(http, endpoint, payload, session_hash)
        try:
            async with aclosing(self._join(http, run)) as waiting:
                async for status in waiting:
                    yield status
            async with aclosing(run.read()) as answer:
                async for event in answer:
                    if isinstance(event, End):
                        for notice in self._seen(payload.rows, (run.reader.data or [])[endpoint.output :][:1]):
                            yield notice
                    yield event
        finally:
            await run.leave()

    async def _visit(
        self, http: AppHttp, endpoint: Endpoint, request: Request, files: list[Any]
    ) -> AsyncGenerator[Event, None]:
        """Do what the page does; where its State is the conversation, in the visit that holds this one."""
        walk = endpoint.walk
        assert walk is not None  # noqa: S101 - the caller looked
        system = [message for message in request.messages if message.role == "system"]
        turns = [message for message in request.messages if message.role != "system"]
        course = self._visits.course(walk, turns, await http.app_id(endpoint.prefix) if walk.keeps else "")
        asked = request if course.whole else request.with_messages([*system, turns[-1]])
        payload = build(endpoint, asked, self.options.inputs, self.name, self.model, files)
        yield self._responder(http, payload)
        for warning in (*payload.warnings, *left_out(course.repeated)):
            yield Status(warning, "warning", self.name)
        if course.goes_on:
            yield Status("the app keeps the conversation itself: it continues in the same session", "server", self.name)
        join = functools.partial(self._join, http)
        for place, message in enumerate(course.repeated):
            there = f"{place + 1} of {len(course.repeated)}"
            yield Status(
                f"the app keeps the conversation itself: asking earlier question {there} again", "warning", self.name
            )
            again = request.with_messages([*system, message])
            before = build(endpoint, again, self.options.inputs, self.name, model=self.model)
            async with aclosing(course.visit.ask(http, endpoint, before, join)) as events:
                async for event in events:
                    if isinstance(event, Status):
                        yield event
        said = Said()
        async with aclosing(course.visit.ask(http, endpoint, payload, join)) as events:
            async for event in events:
                said.hear(event)
                if isinstance(event, End) and event.finish_reason == "stop" and said.text.strip():
                    if walk.keeps:
                        self._visits.keep([*turns, Message("assistant", said.text)], course.visit)
                    for seen in self._seen(payload.rows, [course.visit.values.get(walk.display[0])]):
                        yield seen
                yield event

    def _responder(self, http: AppHttp, payload: Payload) -> Responder:
        """Name who answers: the model, and where it is, if a redirect has led there."""
        model = payload.model or self.space_id.rpartition("/")[2]
        return Responder(self.name, f"{model} at {http.elsewhere}".lstrip() if http.elsewhere else model)

    def _led(self, place: str) -> Status:
        return Status(f"the app is now at {place}, and the question is sent there", "warning", self.name)

    def _seen(self, sent: int, shown: list[Any]) -> list[Status]:
        """Tell where an app dropped the earlier turns; from then on they go in front of the prompt."""
        if not sent or not any(0 < count_questions(value) <= sent for value in shown):
            return []
        self._forgets = True
        said = "the app dropped the earlier turns, so it may not have read them; they go in front of the next prompt"
        return [Status(said, "warning", self.name)]

    def _join(self, http: AppHttp, run: Run) -> AsyncGenerator[Status, None]:
        return self._retry_until_ready(http, run.join, [])

    async def _give_history(self, http: AppHttp, endpoint: Endpoint, payload: Payload, session_hash: str) -> bool:
        """Have the page's own functions put our history, or our prompt, into the session; tell whether they did."""
        values = {"history": payload.history, "prompt": payload.message}
        try:
            for call in endpoint.before:
                step = replace(endpoint, fn_index=call.fn_index, inputs=(), trigger_id=None, output=0)
                run = run_of(http, step, Payload([values[call.sends]], ""), session_hash)
                try:
                    await run.join()
                    async with aclosing(run.read()) as answer:
                        async for _ in answer:
                            pass
                finally:
                    await run.leave()
        except (BusyError, AsleepError):
            raise
        except ServerError:
            return False
        return True

    async def _find(
        self, http: AppHttp, looking: Callable[[], Awaitable[Endpoint]], found: list[Endpoint]
    ) -> AsyncGenerator[Status, None]:
        """Discover the endpoint, wherever redirects lead; each other server is said before it is asked."""
        while not found:
            try:
                async with aclosing(self._retry_until_ready(http, looking, found)) as waiting:
                    async for status in waiting:
                        yield status
            except MovedError as moved:
                if len(self.site.places) >= _MOST_PLACES:
                    raise
                yield self._led(moved.place)
                self.site.places.add(moved.place)

    async def _look_again(self, http: AppHttp, known: Endpoint | None, failure: QwenError | None) -> Endpoint:
        """Discover the endpoint; where a silent failure led here, and there is nothing else to call, raise it."""
        if known is None or failure is None or not is_silent(failure):
            return await self._discover(http)
        try:
            found = await self._discover(http)
        except MovedError:
            raise
        except QwenError:
            raise failure from None
        if shape_of(found) == shape_of(known):
            raise failure
        return found

    async def _discover(self, http: AppHttp) -> Endpoint:
        if self.login:
            await http.sign_in(*self.login)
        config = await http.config()
        info = await http.info(config)
        return queued_or_not(config, discover(config, info, self.name, self.options.endpoint))

    def _retry_until_ready(
        self, http: AppHttp, attempt: Callable[[], Awaitable[T]], result: list[T]
    ) -> AsyncGenerator[Status, None]:
        """Try while a queue is full, or the Space wakes up; see `retry_until_ready`."""
        deadlines = http.deadlines or self.settings.deadlines
        clock, rates, asked = self.settings.clock, self.settings.rates, False

        async def limited() -> T:
            nonlocal asked
            if asked:
                await rates.again(self.name)
            asked = True
            return await attempt()

        # A 500 is of a function that the app does not have any more: it is looked for again, not called again.
        passing = Passing(self.name, deadlines, clock, statuses=PASSING - {500})
        state = functools.partial(waking_stage, http)
        return retry_until_ready(limited, result, self.name, deadlines, state=state, clock=clock, passing=passing)
