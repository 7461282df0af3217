"""HTTP requests to one Gradio app: paths, redirects, the Hub's token, and what an answer's status means."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from ...errors import AsleepError, AuthError, NotFoundError, ProtocolError, QwenError
from ..echoes import sent_secrets, without_echoes
from ..hidden import Hidden
from ..http import read_body, read_text, timeouts
from ..patience import Limit, first_limit, opened
from ..target import with_query
from ..wire_numbers import read_json
from .config_shape import shaped_config, shaped_info
from .failures import http_error, server_message
from .moves import check_move, place_of, same_site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from ...errors import ServerError
    from ..base import Deadlines
    from .site import Site

_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)


@dataclass
class AppHttp:
    """What an app is asked over one session.

    Attributes:
        site: the app.
        session: the HTTP session of the running loop.
        deadlines: how long to wait for a connection, where that is less than the settings say.

    """

    site: Site
    session: aiohttp.ClientSession
    deadlines: Deadlines | None = None

    @property
    def name(self) -> str:
        """Return the target's name, for errors."""
        return self.site.name

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """The limits of each request."""
        return timeouts(self.site.settings, self.deadlines)

    @property
    def limit(self) -> Limit:
        """How long the app may go without progress before an answer begins."""
        return first_limit(self.site.settings, self.deadlines)

    def url(self, path: str, base: str | None = None) -> str:
        """Return a path's URL, with the user's query behind it."""
        url = (base or self.site.base_url) + path
        return with_query(url, self.site.query) if self.at_home(url) else url

    def headers(self, url: str) -> dict[str, str]:
        """Send the user's headers to the target's own server, and the Hub's token to Spaces of the Hub alone.

        The Hub's proxy keeps this header from the app.
        """
        settings, parts = self.site.settings, urlsplit(url)
        headers: dict[str, str] = {}
        if self.at_home(url):
            headers.update(settings.headers)
        if settings.hf_token and parts.scheme == "https" and (parts.hostname or "").endswith(".hf.space"):
            headers["x-hf-authorization"] = Hidden(f"Bearer {settings.hf_token}")
        return headers

    def at_home(self, url: str) -> bool:
        """Tell whether a URL is of the server that the user named, to which no redirect has led."""
        return same_site(self.site.home, url)

    @property
    def elsewhere(self) -> str:
        """The server to which redirects have led, where it is not the one that the user named; else ""."""
        return "" if self.at_home(self.site.base_url) else place_of(self.site.base_url)

    async def failure(self, response: aiohttp.ClientResponse) -> ServerError:
        """Tell what an answer means that is no success; the user's own secrets are taken out of it."""
        sent = sent_secrets(self.headers(str(response.url)), query=self.site.query)
        body = without_echoes(await read_text(response), sent)
        return http_error(response.status, response.headers, body, self.name)

    def get(self, url: str, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Get a URL without following redirects."""
        all_headers = {**headers, **self.headers(url)}
        asking = self.session.get(url, headers=all_headers, allow_redirects=False, timeout=self.timeout)
        return opened(asking, self.limit)

    def post(
        self, url: str, limit: Limit | None = None, **body: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Post to a URL without following redirects; the body is ``json`` or ``data``."""
        headers = self.headers(url)
        asking = self.session.post(url, headers=headers, allow_redirects=False, timeout=self.timeout, **body)
        return opened(asking, limit or self.limit)

    def moved(self, response: aiohttp.ClientResponse) -> str:
        """Return where an answer redirects to, or ""."""
        where = response.headers.get("Location", "") if response.status in _MOVED else ""
        try:
            return str(response.url.join(URL(where))) if where else ""
        except ValueError:
            raise ProtocolError(
                "the app redirects to something that is not a web address", target=self.name, hint="Check the address."
            ) from None

    async def config(self) -> dict[str, Any]:
        """Get ``/config``; a redirect moves the base, and is followed by hand so that no token goes astray.

        Raises:
            MovedError: it leads to another server, which has not been said yet.
            QwenError: it cannot be reached, or is no Gradio app.

        """
        url = self.url("/config")
        for _ in range(_REDIRECTS):
            async with self.get(url) as response:
                if moved := self.moved(response):
                    await check_move(self.name, self.site.home, moved, self.site.places)
                    url = moved
                    continue
                value = shaped_config(await self.json(response))
                if value is None:
                    break
                self.site.base_url = url.partition("?")[0].removesuffix("/").removesuffix("/config")
                return value
        raise ProtocolError(
            "no Gradio app answers there", target=self.name, hint="Check the address, or try another target."
        )

    async def app_id(self, prefix: str) -> str:
        """Ask for what names the server's process: a page looks there whether to load itself anew; "" without any."""
        try:
            told = await self.get_json(f"{prefix}/app_id")
        except (ProtocolError, NotFoundError):
            return ""
        return str(told.get("app_id", "")) if isinstance(told, dict) else ""

    async def sign_in(self, user: str, password: str) -> None:
        """Sign in to an app with a login.

        Args:
            user: the user's name.
            password: hidden, so that no traceback shows it.

        Raises:
            AuthError: it was refused, or another host would get the password.

        """
        form, url = {"username": user, "password": password}, self.url("/login")
        for _ in range(_REDIRECTS):
            if not self.at_home(url):
                raise AuthError(
                    "the login is at another host, and the password was not sent there",
                    target=self.name,
                    hint=f"If you trust it, name it as the target: {url.partition('?')[0].removesuffix('/login')}",
                )
            async with self.post(url, data=form) as response:
                moved = self.moved(response)
                if moved.partition("?")[0].endswith("/login"):
                    url = moved
                    continue
                if response.status == 400:  # noqa: PLR2004
                    raise AuthError(
                        "the login was refused",
                        target=self.name,
                        hint="Check auth=(user, password).",
                        server_message=server_message(await read_text(response)),
                        status=response.status,
                    )
                # Some apps go on to their page after a login; one without a login has no such path.
                if not moved and response.status not in (200, 404):
                    raise await self.failure(response)
                return

    async def info(self, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """Get ``/info`` of an app whose ``/config`` is known; None where it gives none."""
        with contextlib.suppress(QwenError):
            return shaped_info(await self.get_json(f"{config['api_prefix']}/info"))
        return None

    async def get_json(self, path: str, base: str | None = None) -> Any:
        """Get a path's JSON."""
        url = self.url(path, base)
        async with self.get(url) as response:
            return await self.json(response)

    async def post_json(self, path: str, body: dict[str, Any], limit: Limit | None = None) -> Any:
        """Post JSON to a path, and return the JSON that it answers; `limit` is how long its head may take."""
        url = self.url(path)
        async with self.post(url, limit, json=body) as response:
            return await self.json(response)

    async def upload(self, prefix: str, files: Sequence[tuple[str, str, bytes]]) -> list[str]:
        """Upload files, each a name, a MIME type and its bytes; return where the app keeps them."""
        form = aiohttp.FormData()
        for name, mime, data in files:
            form.add_field("files", data, filename=name, content_type=mime)
        async with self.post(self.url(f"{prefix}/upload"), data=form) as response:
            told = await self.json(response)
        return [str(path) for path in told] if isinstance(told, list) else []

    async def json(self, response: aiohttp.ClientResponse) -> Any:
        """Read an answer's JSON; raise what its status means."""
        self.site.settings.rates.hear(self.name, response.headers)
        if response.status != 200:  # noqa: PLR2004
            raise await self.failure(response)
        body = await read_body(response, self.limit)
        try:
            return read_json(body)
        except (ValueError, RecursionError):
            pass
        if self.site.space_id:  # the Hub shows a page while a Space starts
            raise AsleepError("the Space shows a page instead of its app", target=self.name, hint="Ask again later.")
        raise ProtocolError("no Gradio app answers there", target=self.name, hint="Check the address.")
