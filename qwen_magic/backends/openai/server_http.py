"""The HTTP requests of one answer to an OpenAI-compatible server: the question, its models, what stands beside them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from ...errors import (
    AsleepError,
    AuthError,
    BusyError,
    ContextError,
    ModelError,
    NotFoundError,
    ProtocolError,
    QwenError,
)
from ..echoes import sent_secrets, without_echoes
from ..http import NETWORK_ERRORS, read_text, timeouts
from ..patience import Limit, Watch, first_limit, opened, patiently
from ..private_hosts import is_private_host
from ..retrying import Passing, retry_until_ready
from ..target import with_query
from ..wire_numbers import read_json
from .authorization import key_hint, server_place
from .dashscope import region_hint
from .errors import http_error
from .model_lists import closest_model, model_list, some_models
from .schemas import refusal
from .servers import GENERIC, chat_models

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from ...errors import ServerError
    from ...events import Status
    from ..base import Deadlines, Settings
    from ..target import Target
    from .protocol import ChatBody
    from .servers import Server

_HTTP_OK = 200
_UNAUTHORIZED = 401
_REGION_SECONDS = 5.0
_REFUSALS = (0, 400, 422, 424, 500, 501)
"""Statuses of a request that cannot be taken as it is: templates that raise make a 424 or a 500, who does not stream
may say 501; 0 is in a stream."""


def adapt(body: ChatBody, error: ServerError) -> bool:
    """Change in a request what a server refused; its warnings then name it.

    Args:
        body: the request's body.
        error: how the server answered it.

    Returns:
        Whether it is worth asking again.

    """
    if error.status not in _REFUSALS or isinstance(error, (ContextError, ModelError, BusyError)):
        return False
    warnings = body.adapt(error.server_message)
    body.warnings += warnings or ()
    return warnings is not None


class ServerHttp:
    """What one server is asked over one session.

    Args:
        target: the target, whose address is the server's base URL.
        server: what is known of the server.
        settings: the client's settings.
        session: the HTTP session of the running loop.
        headers: what is sent with each request, the authorization among it.
        deadlines: how long to wait; without them as long as the settings allow.

    Attributes:
        headers: what is sent with each request.
        secrets: what of it no error may repeat.
        stall_timeout: how long an answer may be silent, in seconds.

    """

    def __init__(
        self,
        target: Target,
        server: Server,
        settings: Settings,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        deadlines: Deadlines | None,
    ) -> None:
        self._name = target.name
        self._base_url = target.address
        self._query = target.query
        self.secrets = sent_secrets(headers, target.login, target.query)
        self._model = target.model or server.model
        self._server = server
        self._session = session
        self.headers = headers
        self._deadlines = deadlines or settings.deadlines
        self._settings = settings
        self._asked = False
        self._patient = True
        self._timeout = timeouts(settings, deadlines)
        self._limit = first_limit(settings, deadlines)
        self._silence = timeouts(settings, deadlines, self._limit.seconds)
        host = urlsplit(target.address).hostname or ""
        charged = not server.local and not is_private_host(host)
        self.passing = Passing(target.name, self._deadlines, settings.clock, charged=charged)
        self._asked_at = 0.0
        self.stall_timeout = settings.stall_timeout

    def open(self, body: ChatBody, found: list[aiohttp.ClientResponse]) -> AsyncGenerator[Status, None]:
        """Ask until the server answers; wait while it is busy, or loads its model."""
        attempt, clock, passing = (lambda: self._opened(body)), self._settings.clock, self.passing
        return retry_until_ready(
            attempt, found, self._name, self._deadlines, asleep="loading", clock=clock, passing=passing
        )

    async def once(self, body: ChatBody) -> aiohttp.ClientResponse:
        """Ask once, but for what the server refuses in the request's fields; who is busy is not asked again.

        Raises:
            ServerError: it does not answer.

        """
        self._asked, self._patient = False, False
        return await self._opened(body)

    def watch(self, response: aiohttp.ClientResponse) -> Watch:
        """Watch an answer for progress, from the question on."""
        return Watch(response, self._limit, self._settings.clock, self._asked_at)

    async def _opened(self, body: ChatBody) -> aiohttp.ClientResponse:
        """Ask once, and again without what the server refuses; the request's warnings then name it."""
        while True:
            response = await self._post(body)
            if response.status == _HTTP_OK:
                return response
            error = await self._failure(response)
            if isinstance(error, (BusyError, AsleepError)):
                raise error
            if not adapt(body, error):
                if refused := refusal(error, body.form):
                    raise refused
                raise await self._explained(error)

    async def list_models(self) -> list[dict[str, Any]]:
        """Return the server's models, as it describes them.

        Raises:
            QwenError: it has no such list.

        """
        async with self._get(f"{self._base_url}/models") as response:
            if response.status != _HTTP_OK:
                error = await self._failure(response)
                raise error if isinstance(error, ModelError) else await self._explained(error)
            listed = model_list(await read_text(response, limit=self._limit))
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
        models, server = chat_models(await self.models()), self._server
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
        root = self._base_url.removesuffix("/v1")
        with contextlib.suppress(*NETWORK_ERRORS, ValueError, RecursionError):
            async with self._get(root + path, body) as response:
                value = read_json(await read_text(response)) if response.status == _HTTP_OK else {}
                return value if isinstance(value, dict) else {}
        return {}

    @contextlib.asynccontextmanager
    async def sent(
        self, method: str, path: str, seconds: float | None = None, **body: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request below ``/v1`` and yield the answer to it.

        Args:
            method: the HTTP method.
            path: where, with its own query.
            seconds: the longest wait for the answer; without it as long as for the beginning of any.
            **body: the body, as aiohttp takes it.

        Raises:
            ServerError: it is refused.

        """
        asking = self._session.request(
            method,
            with_query(f"{self._base_url}{path}", self._query),
            headers=self.headers,
            timeout=self._timeout,
            allow_redirects=False,  # another server would be sent our key
            **body,
        )
        async with opened(asking, self._limit if seconds is None else Limit(seconds)) as response:
            if response.status != _HTTP_OK:
                raise await self._failure(response)
            yield response

    def _get(
        self, url: str, body: Mapping[str, Any] | None = None
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        method = "GET" if body is None else "POST"
        asking = self._session.request(
            method,
            with_query(url, self._query),
            json=body,
            headers=self.headers,
            timeout=self._timeout,
            allow_redirects=False,
        )
        return opened(asking, self._limit)

    async def _post(self, request: ChatBody) -> aiohttp.ClientResponse:
        if self._asked:
            await self._settings.rates.again(self._name)
        self._asked = True
        self._asked_at = self._settings.clock.now()
        asking = self._session.post(
            with_query(f"{self._base_url}/chat/completions", self._query),
            data=request.encoded(),
            headers={
                **self.headers,
                "Accept": "text/event-stream" if request.streams else "application/json",
                "Content-Type": "application/json",
            },
            timeout=self._timeout if self._patient else self._silence,
            allow_redirects=False,  # another server would be sent our key
        )
        # Who asks once has a task for it, and aiohttp watches for silence: a second one would cost as much again.
        response = await (patiently(asking, self._limit) if self._patient else asking)
        self._settings.rates.hear(self._name, response.headers)
        return response

    async def _failure(self, response: aiohttp.ClientResponse) -> ServerError:
        async with response:
            # Here already, for what is cut off later might leave a part of a key.
            body = without_echoes(await read_text(response), self.secrets)
        server = self._server
        title = server_place(self._base_url) if server is GENERIC else server.title
        hint = key_hint(server, self._base_url)
        return http_error(response.status, response.headers, body, self._name, hint, title)

    async def _explained(self, error: QwenError) -> QwenError:
        """Say of a model or an address that was not found, or of a key that was refused, what may be meant."""
        if isinstance(error, ModelError):
            with contextlib.suppress(QwenError):
                error.models = tuple(await self.models())
            asked, server = self._model, self._server
            if close := closest_model(asked, error.models):
                error.hint = f"Did you mean {close}?"
            elif server.name == "ollama":
                error.hint = f"Fetch it with: ollama pull {asked}"
            elif error.models:
                error.hint = some_models(error.models).strip()
        elif isinstance(error, AuthError) and error.status == _UNAUTHORIZED and self._server.name == "dashscope":
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            error.hint = await region_hint(self._base_url, key, self._takes_key, self._naming) or error.hint
        elif isinstance(error, NotFoundError) and not self._base_url.endswith("/v1"):
            async with self._get(f"{self._base_url}/v1/models") as response:
                if response.status in (_HTTP_OK, 401, 403):
                    error.hint = f"Write {self._base_url}/v1: a server answers there."
        return error

    async def _takes_key(self, base_url: str) -> bool:
        """Tell whether another server takes our key; it is sent nothing else."""
        headers = {name: self.headers[name] for name in ("Authorization",) if name in self.headers}
        timeout = aiohttp.ClientTimeout(total=_REGION_SECONDS)
        with contextlib.suppress(*NETWORK_ERRORS):
            async with self._session.get(
                f"{base_url}/models", headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status == _HTTP_OK and model_list(await read_text(response)) is not None
        return False

    def _naming(self, places: str) -> str:
        if self._name.partition(":")[0] == self._server.name:
            return f"set {self._server.url_variable} to {places}"
        return f"name openai:{places}"
