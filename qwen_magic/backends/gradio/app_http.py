"""HTTP requests to one Gradio app: paths, redirects, the Hub's token, and what an answer's status means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from yarl import URL

from ...errors import AsleepError, AuthError, ProtocolError
from ..hidden import Hidden
from ..http import read_text, timeouts
from ..target import with_query
from .failures import http_error, server_message

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractAsyncContextManager

    import aiohttp

    from ..base import Deadlines, Settings

_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)


@dataclass
class Site:
    """Where an app is, and how it is spoken to.

    Attributes:
        name: the target's name, for errors.
        settings: the client's settings.
        base_url: where the app is served; a redirect of ``/config`` moves it.
        home: the address that the user named, which no redirect moves.
        space_id: the id of a Space of the Hub, or "".
        query: what the user's address had behind its path, a key perhaps; it goes to that server alone.
        leaving: what is still telling a server that nobody listens; the loop itself keeps tasks only weakly.

    """

    name: str
    settings: Settings
    base_url: str
    home: str
    space_id: str = ""
    query: str = field(default="", repr=False)
    leaving: set[asyncio.Task[None]] = field(default_factory=set)


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
            headers |= settings.headers
        if settings.hf_token and parts.scheme == "https" and (parts.hostname or "").endswith(".hf.space"):
            headers["x-hf-authorization"] = Hidden(f"Bearer {settings.hf_token}")
        return headers

    def at_home(self, url: str) -> bool:
        """Tell whether a URL is of the server that the user named, to which no redirect has led."""
        return _same_site(self.site.home, url)

    def get(self, url: str, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Get a URL without following redirects."""
        all_headers = {**headers, **self.headers(url)}
        return self.session.get(url, headers=all_headers, allow_redirects=False, timeout=self.timeout)

    def moved(self, response: aiohttp.ClientResponse) -> str:
        """Return where an answer redirects to, or ""."""
        where = response.headers.get("Location", "") if response.status in _MOVED else ""
        return str(response.url.join(URL(where))) if where else ""

    async def config(self) -> dict[str, Any]:
        """Get ``/config``; a redirect moves the base, and is followed by hand so that no token goes astray."""
        url = self.url("/config")
        for _ in range(_REDIRECTS):
            async with self.get(url) as response:
                if moved := self.moved(response):
                    url = moved
                    continue
                value = await self.json(response)
                if not isinstance(value, dict) or "dependencies" not in value:
                    break
                self.site.base_url = url.partition("?")[0].removesuffix("/").removesuffix("/config")
                return value
        raise ProtocolError(
            "no Gradio app answers there", target=self.name, hint="Check the address, or try another target."
        )

    async def sign_in(self, user: str, password: str) -> None:
        """Sign in to an app with a login.

        Raises:
            AuthError: it was refused, or another host would get the password.

        """
        form, url = {"username": user, "password": password}, self.url("/login")
        for _ in range(_REDIRECTS):
            if not self.at_home(url):
                raise AuthError(
                    "the login is at another host, which was not sent the password",
                    target=self.name,
                    hint=f"If you trust it, name it as the target: {url.partition('?')[0].removesuffix('/login')}",
                )
            async with self.session.post(
                url, data=form, headers=self.headers(url), allow_redirects=False, timeout=self.timeout
            ) as response:
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
                    raise http_error(response.status, response.headers, await read_text(response), self.name)
                return

    async def get_json(self, path: str, base: str | None = None) -> Any:
        """Get a path's JSON."""
        url = self.url(path, base)
        async with self.get(url) as response:
            return await self.json(response)

    async def post_json(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON to a path, and return the JSON that it answers."""
        url = self.url(path)
        async with self.session.post(
            url, json=body, headers=self.headers(url), allow_redirects=False, timeout=self.timeout
        ) as response:
            return await self.json(response)

    async def json(self, response: aiohttp.ClientResponse) -> Any:
        """Read an answer's JSON; raise what its status means."""
        body = await response.text(errors="replace")
        self.site.settings.rates.hear(self.name, response.headers)
        if response.status != 200:  # noqa: PLR2004
            raise http_error(response.status, response.headers, body, self.name)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
        if self.site.space_id:  # the Hub shows a page while a Space starts
            raise AsleepError("the Space shows a page instead of its app", target=self.name, hint="Try again later.")
        raise ProtocolError("no Gradio app answers there", target=self.name, hint="Check the address.")


def _same_site(one: str, other: str) -> bool:
    """Tell whether two URLs are of one server; its secure address counts as the same."""
    first, second = URL(one), URL(other)
    if not (first.is_absolute() and second.is_absolute()):
        return False
    upgraded = first.host == second.host and (first.scheme, second.scheme) == ("http", "https")
    return first.origin() == second.origin() or (upgraded and first.is_default_port() and second.is_default_port())
