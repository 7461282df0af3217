"""One OpenAI-compatible server over aiohttp: it is asked, described, and its answer read as it comes."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp

from ...errors import ConnectError, DisconnectError, QwenError, ServerError
from ...events import AnswerEvent, Event, Responder, Status
from ..capabilities import EVERY_PART
from ..descriptions import Description
from ..echoes import sent_secrets, unechoed
from ..http import NETWORK_ERRORS, body_at_once, read_chunks, translated
from ..patience import Limit
from ..qwen_models import context_of
from ..schema_forms import FormRefusedError
from .authorization import authorization
from .batch_service import BatchService, batch_limits
from .context_sizes import listed_context, listed_model, told_context
from .dashscope import BATCH_CHAT_SECONDS, is_batch_chat
from .decoder import ChatDecoder, model_title
from .model_abilities import model_capabilities, told_capabilities
from .protocol import does_not_take, request_body
from .schemas import refusals, schema_forms, wraps
from .server_http import ServerHttp, adapt
from .servers import GENERIC, SERVERS, chat_models

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from ...request import Request
    from ..base import Deadlines, Settings
    from ..capabilities import Capabilities
    from ..patience import Watch
    from ..target import Target
    from .protocol import ChatBody

_LINGER_SECONDS = 5.0
"""The longest wait for what may follow a finish reason: the tokens' count, and the end."""
_KEPT_SECONDS = 10.0
"""How long whole answers are asked for with the same headers: a key may be given, or taken back."""
_TOLD_SECONDS = 60.0
"""How long a context counts that the server told: it may be started anew, or load its model with another."""


class OpenAIBackend:
    """Speak to one OpenAI-compatible server.

    Args:
        target: the server's base URL, up to and with ``/v1``, and the model.
        settings: the client's settings.
        key: the API key; without one what `Keys` has for the server, else the login in the target's URL.
        extra: more of the request's body, for servers that understand it.

    Attributes:
        continues: whether the server goes on with an answer that stands last in the messages.
        sends: every part, as `Message.as_dict` writes it.
        schema_forms: how it can be held to a shape, from the best down.
        schema_wraps: those that take an object alone.

    """

    sends = EVERY_PART

    def __init__(
        self,
        target: Target,
        settings: Settings,
        key: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = target.name
        self.model = target.model
        self.server = server = target.server or GENERIC
        # A short name is where its variable says; an address that was written out is meant.
        named = SERVERS.get(target.name.partition(":")[0]) is server
        self.base_url = (server.address() if named else target.address).rstrip("/")
        self._target = target
        self._in_line = is_batch_chat(self.base_url)
        if self._in_line:
            settings = replace(settings, stall_timeout=max(settings.stall_timeout, BATCH_CHAT_SECONDS))
        self.continues = server.continues != "ask"
        self.settings = settings
        self._key = key
        self._extra = dict(extra or {})
        self.schema_forms = schema_forms(server, self.model or server.model)
        self.schema_wraps = tuple(form for form in self.schema_forms if wraps(server, form))
        self._told: tuple[float, int | None] | None = None
        self._in_turns = False
        self._without_stream: set[str] = set()
        self._asked_whole: tuple[aiohttp.ClientSession, float, ServerHttp] | None = None

    def __repr__(self) -> str:
        return f"OpenAIBackend({self.name!r})"

    async def stream(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        deadlines: Deadlines | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        async with self._asking(session, deadlines) as http:
            model = self.model or self.server.model
            if not model and not self.server.one_model:
                model = await http.chosen_model()
            body = self._body(model, request)
            yield Responder(self.name, model_title(model))
            if request.form == "guided_json" and not await self._is_vllm(http):
                raise FormRefusedError("the server is not vLLM", target=self.name)
            if request.parameters.thinking and self.server.tells_template and not await http.can_think():
                body.warnings += (does_not_take(["thinking"]),)
            with refusals(body.form):
                async with aclosing(self._answer(http, body, model)) as answer:
                    async for event in answer:
                        yield event

    async def whole(
        self, session: aiohttp.ClientSession, request: Request, deadlines: Deadlines | None = None
    ) -> Sequence[Event]:
        """Ask once and return all events of the answer; see `WholeBackend.whole`."""
        kept, now = self._asked_whole, self.settings.clock.now()
        if kept is not None and kept[0] is session and now - kept[1] < _KEPT_SECONDS:
            try:
                return await self._whole(kept[2], request)
            except (*NETWORK_ERRORS, QwenError):
                self._asked_whole = None  # another key may be given by the next time
                async with translated(self.name, self.settings, deadlines):
                    with unechoed(kept[2].secrets):
                        raise
        async with self._asking(session, deadlines) as http:
            events = await self._whole(http, request)
            self._asked_whole = session, now, http
            return events

    async def _whole(self, http: ServerHttp, request: Request) -> Sequence[Event]:
        model = self.model or self.server.model
        if not model and not self.server.one_model:
            model = await http.chosen_model()
        body = self._body(model, request)
        while True:
            response = await http.once(body)
            self._remember(body, model)
            events: list[Event] = [Responder(self.name, model_title(model))]
            events += [Status(warning, "warning", self.name) for warning in body.warnings]
            try:
                await self._read_all(response, http, model, events)
            except ServerError as error:
                if any(isinstance(event, AnswerEvent) for event in events) or not adapt(body, error):
                    raise
            else:
                return events

    def _body(self, model: str, request: Request) -> ChatBody:
        body = request_body(model, request, self.server, self._extra)
        if self._in_line or model in self._without_stream:
            body.answer_whole(says_thinking=self._in_line)
        if self._in_turns:
            body.take_turns()
        return body

    def _remember(self, body: ChatBody, model: str) -> None:
        """Ask from now on as the server took it."""
        self._in_turns = body.in_turns
        if not body.streams:
            self._without_stream.add(model)

    async def _read_all(
        self, response: aiohttp.ClientResponse, http: ServerHttp, model: str, events: list[Event]
    ) -> None:
        """Read an answer to its end, so that the connection is used again."""
        decoder = ChatDecoder(self.name, model)
        if body := body_at_once(response):
            events += decoder.feed(body)
            decoder.check()
        else:
            await self._read_on(response, http.watch(response), decoder, events)
        if not decoder.ended:
            events += decoder.close()
        decoder.check()

    async def _read_on(
        self, response: aiohttp.ClientResponse, watch: Watch, decoder: ChatDecoder, events: list[Event]
    ) -> None:
        """Read an answer as it comes."""
        async with aclosing(read_chunks(response, watch)) as chunks:
            try:
                async for chunk in chunks:
                    if decoder.ended:
                        continue
                    events += decoder.feed(chunk)
                    decoder.check()
                    if decoder.moved:
                        watch.alive()
                    else:
                        watch.hear(decoder.held)
                    if decoder.finished:
                        watch.change(Limit(min(_LINGER_SECONDS, self.settings.stall_timeout)))
            except NETWORK_ERRORS:
                if not decoder.finished:
                    raise

    async def context(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> int | None:
        """Ask for the model's context, unless it is known or was asked a short time ago; see `Backend.context`."""
        model, now = self.model or self.server.model, self.settings.clock.now()
        if self.server.name == "dashscope":  # which does not tell
            return context_of(model)
        if self._told is None or now - self._told[0] > _TOLD_SECONDS:
            async with self._asking(session, deadlines) as http:
                self._told = now, await told_context(http, self.server.name, model)
        return self._told[1]

    async def capabilities(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Capabilities:
        """Ask what the model can do, as far as the server tells; see `Backend.capabilities`."""
        model = self.model or self.server.model
        try:
            async with self._asking(session, deadlines) as http:
                return await told_capabilities(http, self.server.name, model)
        except QwenError:
            return model_capabilities(model)

    async def describe(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Description:
        """Ask what the server offers; see `Backend.describe`."""
        async with self._asking(session, deadlines) as http:
            listed = await http.list_models()
            owner = next((str(item.get("owned_by")) for item in listed), "")
            server = SERVERS.get(owner, self.server) if self.server is GENERIC else self.server
            told = await http.beside(server.version_path) if server.version_path else {}
        models = [str(item["id"]) for item in listed]
        first = self.model or next(iter(chat_models(models)), "")
        ordered = [first, *(name for name in models if name != first)] if first else models
        left, entry = server.does_not_take(), listed_model(listed, first)
        return Description(
            self.name,
            "openai",
            address=self.base_url,
            server=f"{server.title} {_version(told)}".strip(),
            models=tuple(ordered),
            notes=(*((does_not_take(left),) if left else ()), *self._model_note(models)),
            context=listed_context(entry),
            capabilities=model_capabilities(first, entry, told),
        )

    @asynccontextmanager
    async def batches(
        self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None
    ) -> AsyncIterator[BatchService]:
        """Yield the server's batch service, whether or not it has one: it tells when it is sent something."""
        async with self._asking(session, deadlines) as http:
            yield BatchService(http, self.name, batch_limits(self.server))

    async def close(self) -> None:
        """Do nothing: no connection outlives an answer but the session's own."""

    @asynccontextmanager
    async def _asking(self, session: aiohttp.ClientSession, deadlines: Deadlines | None) -> AsyncIterator[ServerHttp]:
        """Yield how the server is asked; what is raised inside becomes ours, with advice that fits the server."""
        try:
            async with translated(self.name, self.settings, deadlines):
                target = replace(self._target, address=self.base_url)
                key = await authorization(target, self.server, self.settings, self._key)
                headers = {**self.settings.headers, **key}
                with unechoed(sent_secrets(headers, target.login, target.query)):
                    yield ServerHttp(target, self.server, self.settings, session, headers, deadlines)
        except ConnectError as error:
            if self.server.local:
                error.hint = f"Start {self.server.title}, or try another target."
            raise

    async def _answer(self, http: ServerHttp, body: ChatBody, model: str) -> AsyncGenerator[Event, None]:
        """Ask, and read the answer; ask again where the stream begins with a refusal that can be met."""
        told, begun = 0, False
        while True:
            found: list[aiohttp.ClientResponse] = []
            async with aclosing(http.open(body, found)) as waiting:
                async for status in waiting:
                    yield status
            for warning in body.warnings[told:]:
                yield Status(warning, "warning", self.name)
            told = len(body.warnings)
            self._remember(body, model)
            try:
                watch = http.watch(found[0])
                async with (
                    found[0] as response,
                    aclosing(self._read(response, watch, model, call=body.form == "tool")) as answer,
                ):
                    async for event in answer:
                        begun = begun or isinstance(event, AnswerEvent)
                        yield event
            except (ServerError, DisconnectError, aiohttp.ClientError, OSError) as error:
                if begun:
                    raise
                if not (isinstance(error, ServerError) and adapt(body, error)):
                    if (again := http.passing.wait(error)) is None:
                        raise
                    yield again.status
                    await self.settings.clock.sleep(again.seconds)
            else:
                return

    async def _is_vllm(self, http: ServerHttp) -> bool:
        """Tell whether the server is one that may know ``guided_json``: others leave out what they do not know."""
        if self.server.name == "vllm":
            return True
        with suppress(QwenError):
            return any(str(item.get("owned_by")) == "vllm" for item in await http.list_models())
        return False

    def _model_note(self, models: list[str]) -> tuple[str, ...]:
        return (f"{self.model} is not in its list",) if self.model and models and self.model not in models else ()

    async def _read(
        self, response: aiohttp.ClientResponse, watch: Watch, model: str, *, call: bool
    ) -> AsyncGenerator[Event, None]:
        decoder = ChatDecoder(self.name, model, call=call)
        within = Limit(self.settings.stall_timeout)
        last = Limit(min(_LINGER_SECONDS, self.settings.stall_timeout))
        try:
            async with aclosing(read_chunks(response, watch)) as chunks:
                async for chunk in chunks:
                    for event in decoder.feed(chunk):
                        yield event
                    decoder.check()
                    if decoder.ended:
                        return
                    if decoder.moved:
                        watch.alive()
                        watch.change(last if decoder.finished else within)
                    else:
                        watch.hear(decoder.held)
        except NETWORK_ERRORS:
            if not decoder.finished:  # else all of the answer is here, whatever becomes of the connection
                raise
        for event in decoder.close():
            yield event
        decoder.check()


def _version(told: Mapping[str, Any]) -> str:
    """Read a server's version from what it tells beside ``/v1``; "" where it does not."""
    version = str(told.get("version") or told.get("build_info") or "")
    return "" if "unknown" in version else version
