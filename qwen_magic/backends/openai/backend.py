"""An OpenAI-compatible server over aiohttp."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from ...errors import (
    AsleepError,
    AuthError,
    BusyError,
    ConnectError,
    ContextError,
    ModelError,
    NotFoundError,
    ProtocolError,
    QwenError,
)
from ...events import Event, Responder, Status
from ..capabilities import EVERY_PART
from ..descriptions import Description
from ..http import Watch, read_chunks, read_text, timeouts, translated
from ..qwen_models import context_of
from ..retrying import retry_until_ready
from ..threads import in_thread
from .context_sizes import listed_context, listed_model, told_context
from .errors import http_error, no_key
from .model_abilities import model_capabilities, told_capabilities
from .model_lists import closest_model, model_list, some_models
from .protocol import ChatDecoder, does_not_take, model_title, request_body
from .servers import GENERIC, SERVERS, chat_models

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from ...errors import ServerError
    from ...request import Request
    from ..base import Deadlines, Settings
    from ..capabilities import Capabilities
    from ..target import Target
    from .protocol import ChatBody

_HTTP_OK = 200
_KEYRING_SECONDS = 10.0
"""A keyring that asks its user for a password may never answer where nobody sees it."""
_TOLD_SECONDS = 60.0
"""How long a context counts that the server told: it may be started anew, or load its model with another."""
_SECRET = 8
"""Characters from which a key is one: "EMPTY" and "ollama" are not."""


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
        self.continues = server.continues != "ask"
        self.settings = settings
        self._key = key
        self._login = target.login
        self._extra = dict(extra or {})
        self._told: tuple[float, int | None] | None = None

    def __repr__(self) -> str:
        return f"OpenAIBackend({self.name!r})"

    async def stream(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        deadlines: Deadlines | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        async with self._talking(deadlines):
            http = _Http(self, session, await self._headers(), deadlines)
            model = self.model or self.server.model
            if not model and not self.server.one_model:
                model = await http.chosen_model()
            body = request_body(model, request, self.server, self._extra)
            yield Responder(self.name, model_title(model))
            if request.parameters.thinking and self.server.tells_template and not await http.can_think():
                body.warnings += (does_not_take(["thinking"]),)
            found: list[aiohttp.ClientResponse] = []
            async with aclosing(http.open(body, found)) as waiting:
                async for status in waiting:
                    yield status
            for warning in body.warnings:
                yield Status(warning, "warning", self.name)
            async with found[0] as response, aclosing(self._read(response, model)) as answer:
                async for event in answer:
                    yield event

    async def context(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> int | None:
        """Ask for the model's context, unless it is known or was asked a short time ago; see `Backend.context`."""
        model, now = self.model or self.server.model, time.monotonic()
        if self.server.name == "dashscope":  # which does not tell
            return context_of(model)
        if self._told is None or now - self._told[0] > _TOLD_SECONDS:
            async with self._talking(deadlines):
                http = _Http(self, session, await self._headers(), deadlines)
                self._told = now, await told_context(http, self.server.name, model)
        return self._told[1]

    async def capabilities(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Capabilities:
        """Ask what the model can do, as far as the server tells; see `Backend.capabilities`."""
        model = self.model or self.server.model
        try:
            async with self._talking(deadlines):
                http = _Http(self, session, await self._headers(), deadlines)
                return await told_capabilities(http, self.server.name, model)
        except QwenError:
            return model_capabilities(model)

    async def describe(self, session: aiohttp.ClientSession, deadlines: Deadlines | None = None) -> Description:
        """Ask what the server offers; see `Backend.describe`."""
        async with self._talking(deadlines):
            http = _Http(self, session, await self._headers(), deadlines)
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

    async def close(self) -> None:
        """Do nothing: no connection outlives an answer but the session's own."""

    @asynccontextmanager
    async def _talking(self, deadlines: Deadlines | None) -> AsyncIterator[None]:
        """Turn what is raised inside the block into our errors, with advice that fits the server."""
        try:
            async with translated(self.name, self.settings, deadlines):
                yield
        except ConnectError as error:
            if self.server.local:
                error.hint = f"Start {self.server.title}, or try another target."
            raise

    def _model_note(self, models: list[str]) -> tuple[str, ...]:
        return (f"{self.model} is not in its list",) if self.model and models and self.model not in models else ()

    async def _read(self, response: aiohttp.ClientResponse, model: str) -> AsyncGenerator[Event, None]:
        decoder = ChatDecoder(self.name, model)
        if response.content_type == "text/html":
            hint = "Check the address: does it end in /v1?"
            raise ProtocolError("a web page answers there, no OpenAI-compatible server", target=self.name, hint=hint)
        if response.content_type == "application/json":
            for event in decoder.whole(await read_text(response)):
                yield event
            return
        watch = Watch(response, self.settings.stall_timeout)
        async with aclosing(read_chunks(response, watch)) as chunks:
            async for chunk in chunks:
                for event in decoder.feed(chunk):
                    yield event
                # Comments keep a long wait alive, but not an answer that has begun.
                if decoder.said_something or not decoder.started:
                    watch.alive()
                if decoder.ended:
                    return
        for event in decoder.close():
            yield event

    async def _headers(self) -> dict[str, str]:
        """Make the user's headers, and those that let us in: the key of this server and of no other."""
        return {**self.settings.headers, **await self._authorization()}

    async def _authorization(self) -> dict[str, str]:
        key = self._key or await self._found_key(self.place(), "")
        if not key and self._login is not None:
            return {"Authorization": f"Basic {base64.b64encode(':'.join(self._login).encode()).decode()}"}
        if not key:
            key = await self._found_key(self.server.name, self.server.key_variable)
        if not key and self.server.needs_key:
            raise no_key(self.name, self.key_hint())
        return {"Authorization": f"Bearer {key}"} if key else {}

    async def _found_key(self, name: str, variable: str) -> str:
        keys, given = self.settings.keys, self.settings.hf_token if name == "hf" else None
        key = keys.at_hand(name, variable, given)
        if key is not None:
            return key
        asking = asyncio.ensure_future(in_thread(lambda: keys.get(name, variable, given)))
        try:
            await asyncio.wait({asking}, timeout=_KEYRING_SECONDS)
            return asking.result() if asking.done() else ""
        finally:
            asking.cancel()

    def place(self) -> str:
        """Return the server's host and port, under which it may have a key of its own."""
        return urlsplit(self.base_url).netloc

    def key_hint(self) -> str:
        """Say how a key is given for this server."""
        name = self.place() if self.server is GENERIC else self.server.name
        variable = f", or set {self.server.key_variable}" if self.server.key_variable else ""
        return f"Give its key with %qwen key {name}{variable}."


class _Http:
    """The requests of one answer."""

    def __init__(
        self,
        backend: OpenAIBackend,
        session: aiohttp.ClientSession,
        headers: dict[str, str],
        deadlines: Deadlines | None,
    ) -> None:
        self._backend = backend
        self._name = backend.name
        self._session = session
        self._headers = headers
        self._deadlines = deadlines or backend.settings.deadlines
        self._timeout = timeouts(backend.settings, deadlines)

    def open(self, body: ChatBody, found: list[aiohttp.ClientResponse]) -> AsyncGenerator[Status, None]:
        """Ask until the server answers; wait while it is busy, or loads its model."""
        return retry_until_ready(lambda: self._opened(body), found, self._name, self._deadlines, asleep="loading")

    async def _opened(self, body: ChatBody) -> aiohttp.ClientResponse:
        """Ask once, and again without what the server refuses; the request's warnings then name it."""
        while True:
            response = await self._post(body)
            if response.status == _HTTP_OK:
                return response
            error = await self._failure(response)
            if isinstance(error, (BusyError, AsleepError)):
                raise error
            left = None
            if response.status in (400, 422) and not isinstance(error, (ContextError, ModelError)):
                left = body.give_in(error.server_message)
            if left is None:
                raise await self._explained(error)
            if left:
                body.warnings += (does_not_take(left),)

    async def list_models(self) -> list[dict[str, Any]]:
        """Return the server's models, as it describes them.

        Raises:
            QwenError: it has no such list.

        """
        async with self._get(f"{self._backend.base_url}/models") as response:
            if response.status != _HTTP_OK:
                error = await self._failure(response)
                raise error if isinstance(error, ModelError) else await self._explained(error)
            listed = model_list(await read_text(response))
        if listed is None:
            raise ProtocolError(
                "no OpenAI-compatible server answers there",
                target=self._name,
                hint="Check the address: does it end in /v1?",
            )
        return listed

    async def models(self) -> list[str]:
        """Return the names of the server's models; none where it does not tell, unless it refuses our key."""
        try:
            return [str(item["id"]) for item in await self.list_models()]
        except AuthError:
            raise
        except QwenError:
            return []

    async def chosen_model(self) -> str:
        """Choose a model where none was named; "" where the server does not tell which it has.

        Raises:
            ModelError: the server takes money, so that the choice is the user's.

        """
        models, server = chat_models(await self.models()), self._backend.server
        if not server.needs_key:
            return next(iter(models), "")
        error = ModelError(
            "no model was named", target=self._name, hint=f"Write {server.name}:MODEL.{some_models(models)}"
        )
        error.models = tuple(models)
        raise error

    async def can_think(self) -> bool:
        """Tell whether the model's chat template knows of thinking; true where that is not known."""
        template = (await self.beside("/props")).get("chat_template")
        return not isinstance(template, str) or "enable_thinking" in template

    async def beside(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Read JSON from beside ``/v1``, in answer to a body where one is given; {} where there is none."""
        root = self._backend.base_url.removesuffix("/v1")
        with contextlib.suppress(aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError, RecursionError):
            async with self._get(root + path, body) as response:
                value = json.loads(await read_text(response)) if response.status == _HTTP_OK else {}
                return value if isinstance(value, dict) else {}
        return {}

    def _get(
        self, url: str, body: Mapping[str, Any] | None = None
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        method = "GET" if body is None else "POST"
        return self._session.request(
            method, url, json=body, headers=self._headers, timeout=self._timeout, allow_redirects=False
        )

    async def _post(self, request: ChatBody) -> aiohttp.ClientResponse:
        return await self._session.post(
            f"{self._backend.base_url}/chat/completions",
            json=request.body,
            headers={**self._headers, "Accept": "text/event-stream"},
            timeout=self._timeout,
            allow_redirects=False,  # another server would be sent our key
        )

    async def _failure(self, response: aiohttp.ClientResponse) -> ServerError:
        async with response:
            body = await read_text(response)
        for header in self._headers.values():  # some servers repeat the key that they refuse
            secret = header.partition(" ")[2]
            body = body.replace(secret, "…") if len(secret) >= _SECRET else body
        server = self._backend.server
        title = self._backend.place() if server is GENERIC else server.title
        return http_error(response.status, response.headers, body, self._name, self._backend.key_hint(), title)

    async def _explained(self, error: QwenError) -> QwenError:
        """Say of a model or an address that was not found what may be meant."""
        if isinstance(error, ModelError):
            with contextlib.suppress(QwenError):
                error.models = tuple(await self.models())
            asked, server = self._backend.model or self._backend.server.model, self._backend.server
            if close := closest_model(asked, error.models):
                error.hint = f"Did you mean {close}?"
            elif server.name == "ollama":
                error.hint = f"Fetch it: ollama pull {asked}"
            elif error.models:
                error.hint = some_models(error.models).strip()
        elif isinstance(error, NotFoundError) and not self._backend.base_url.endswith("/v1"):
            async with self._get(f"{self._backend.base_url}/v1/models") as response:
                if response.status in (_HTTP_OK, 401, 403):
                    error.hint = f"Write {self._backend.base_url}/v1: a server answers there."
        return error


def _version(told: Mapping[str, Any]) -> str:
    """Read a server's version from what it tells beside ``/v1``; "" where it does not."""
    version = str(told.get("version") or told.get("build_info") or "")
    return "" if "unknown" in version else version
