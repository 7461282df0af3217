"""HTTP requests to one Gradio app: paths, redirects, the Hub's token, and what an answer's status means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from ..errors import AsleepError, AuthError, ProtocolError
from .failures import http_error, server_message
from .http import error_body

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from .space import SpaceBackend

_REDIRECTS = 5


@dataclass
class Web:
    """What an app is asked over one session.

    Attributes:
        backend: whose app it is; a redirect of ``/config`` moves its ``base_url``.
        session: the HTTP session of the running loop.

    """

    backend: SpaceBackend
    session: aiohttp.ClientSession

    @property
    def name(self) -> str:
        """Return the target's name, for errors."""
        return self.backend.name

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """The session's limits, and one for an answer that never begins."""
        settings = self.backend.settings
        return aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout, sock_read=settings.stall_timeout
        )

    def url(self, path: str, base: str | None = None) -> str:
        """Return a path's URL."""
        return (base or self.backend.base_url) + path

    def headers(self, url: str) -> dict[str, str]:
        """Send the Hub's token to Spaces of the Hub alone; its proxy keeps this header from the app."""
        token, parts = self.backend.settings.hf_token, urlsplit(url)
        if token and parts.scheme == "https" and (parts.hostname or "").endswith(".hf.space"):
            return {"x-hf-authorization": f"Bearer {token}"}
        return {}

    def get(self, url: str, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Get a URL without following redirects."""
        all_headers = {**headers, **self.headers(url)}
        return self.session.get(url, headers=all_headers, allow_redirects=False, timeout=self.timeout)

    async def config(self) -> dict[str, Any]:
        """Get ``/config``; a redirect moves the base, and is followed by hand so that no token goes astray."""
        url = self.url("/config")
        for _ in range(_REDIRECTS):
            async with self.get(url) as response:
                if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                    url = str(response.url.join(URL(response.headers["Location"])))
                    continue
                value = await self.json(response)
                if not isinstance(value, dict) or "dependencies" not in value:
                    break
                self.backend.base_url = url.partition("?")[0].removesuffix("/").removesuffix("/config")
                return value
        raise ProtocolError(
            "no Gradio app answers there", target=self.name, hint="Check the address, or try another target."
        )

    async def sign_in(self, user: str, password: str) -> None:
        """Sign in to an app with a login.

        Raises:
            AuthError: it was refused.

        """
        form = {"username": user, "password": password}
        async with self.session.post(self.url("/login"), data=form, timeout=self.timeout) as response:
            if response.status == 400:  # noqa: PLR2004
                raise AuthError(
                    "the login was refused",
                    target=self.name,
                    hint="Check auth=(user, password).",
                    server_message=server_message(await error_body(response)),
                    status=response.status,
                )
            if response.status not in (200, 404):
                raise http_error(response.status, response.headers, await error_body(response), self.name)

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
        if response.status != 200:  # noqa: PLR2004
            raise http_error(response.status, response.headers, body, self.name)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
        if self.backend.space_id:  # the Hub shows a page while a Space starts
            raise AsleepError("the Space shows a page instead of its app", target=self.name, hint="Try again later.")
        raise ProtocolError("no Gradio app answers there", target=self.name, hint="Check the address.")
