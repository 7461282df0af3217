"""The Hub, or its mirror in ``HF_ENDPOINT``: what a repository holds, and how its URLs are opened.

A token is sent only where the Hub refuses without one, and never to another place that the Hub sends us on to.

Source: https://huggingface.co/docs/hub/api, the route ``/api/models/{repo}/tree/{revision}``.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ...errors import WeightsError
from ..private_hosts import is_private_host
from .hub_files import HubFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HUB_SECONDS = 10.0
"""A network that blocks the Hub must not hold us up."""
_POLL_SECONDS = 0.1
_PUBLIC = "https://huggingface.co"
_LARGEST_LISTING = 16_000_000
_PAGES = 50
_REFUSED = (401, 403)
_NO_SUCH = 404
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?')


class _ProxyForPublicHosts(urllib.request.ProxyHandler):
    """The environment's proxies, but none for a mirror in the user's own network."""

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:  # noqa: A002 - urllib's name
        return (
            None if is_private_host(urlsplit(f"//{req.host}").hostname or "") else super().proxy_open(req, proxy, type)
        )


class Redirects(urllib.request.HTTPRedirectHandler):
    """Go where the Hub sends us, with the token only where that is the Hub itself, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows; see the base class.

        Raises:
            OSError: it would be http after https, or something else than both.

        """
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("https", old.scheme):
            raise OSError(f"it redirects from {old.scheme} to {new.scheme or 'nothing'}")
        request = super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)  # noqa: PLR2004
        token = req.unredirected_hdrs.get("Authorization")
        if request is not None and token and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            request.add_unredirected_header("Authorization", token)
        return request

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302  # from Python 3.11 on it is there


def endpoint() -> str:
    """Return the Hub's address, or its mirror's."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or _PUBLIC


def check_online() -> None:
    """Raise a WeightsError where the user wants the Hub not to be asked."""
    if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "ON", "YES", "TRUE"):
        raise WeightsError("HF_HUB_OFFLINE is set, so the Hub is not asked")


def open_url(url: str, headers: dict[str, str], check: Callable[[], None], token: str = "") -> Any:
    """Open a URL of the Hub: without the token, and with it where that is refused.

    Args:
        url: an address at the Hub.
        headers: further headers.
        check: called time and again while it is waited for; it raises where nobody waits any more.
        token: a token, or "".

    Returns:
        The response, to be closed.

    Raises:
        urllib.error.HTTPError: the Hub refused.
        OSError: it cannot be reached, or not within its limit.

    """
    request = urllib.request.Request(url, headers={"User-Agent": "qwen_magic", **headers})  # noqa: S310 - the user's own
    try:
        return _within_limit(request, check)
    except urllib.error.HTTPError as error:
        if error.code not in _REFUSED or not token or not _keeps_secrets(url):
            raise
        error.close()
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    return _within_limit(request, check)


def list_files(repo: str, check: Callable[[], None], token: str = "") -> list[HubFile]:
    """List a repository's files.

    Args:
        repo: "OWNER/NAME".
        check: called time and again; it raises where nobody waits any more.
        token: a token for where it is asked for, or "".

    Raises:
        WeightsError: the Hub cannot be reached, does not answer as it should, or has no such repository.

    """
    check_online()
    try:
        return [file for page in _pages(repo, check, token) for file in map(_file, page) if file is not None]
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(error, repo, with_token=bool(token)) from None
    except (OSError, http.client.HTTPException) as error:
        hint = "Check the network, or name a mirror in HF_ENDPOINT."
        raise WeightsError(f"the Hub cannot be reached ({reason_words(error)})", hint=hint) from None
    except ValueError:
        hint = "Check HF_ENDPOINT." if os.environ.get("HF_ENDPOINT") else "Ask again later."
        raise WeightsError(f"{endpoint()} does not answer as the Hub does", hint=hint) from None


def refusal(error: urllib.error.HTTPError, repo: str, *, with_token: bool) -> WeightsError:
    """Say why the Hub refused, and what is to be done.

    Args:
        error: its answer.
        repo: the repository that was asked for.
        with_token: whether a token was at hand.

    """
    page = f"{endpoint()}/{repo}"
    if error.headers.get("X-Error-Code") == "GatedRepo":
        then = "with the account of your HF_TOKEN" if with_token else "then set HF_TOKEN to your token"
        return WeightsError(
            f"{repo} is gated: you have to accept its terms first", hint=f"Accept them at {page}, {then}."
        )
    if error.code in (*_REFUSED, _NO_SUCH):
        private = "whether your HF_TOKEN may read it" if with_token else "set HF_TOKEN if it is private"
        return WeightsError(
            f"the Hub has no {repo}, or does not show it (HTTP {error.code})", hint=f"Check the name, and {private}."
        )
    return WeightsError(f"the Hub answered HTTP {error.code}", hint="Ask again later.")


def reason_words(error: BaseException) -> str:
    """Say in a few words why a connection failed."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, BaseException) else error
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)


def _keeps_secrets(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or is_private_host(parts.hostname or "")


def _within_limit(request: urllib.request.Request, check: Callable[[], None]) -> Any:
    """Open a URL within the Hub's limit, of which the look-up of its name and all its addresses are parts."""
    answers: list[Any] = []
    opener = urllib.request.build_opener(_ProxyForPublicHosts, Redirects)

    def work() -> None:
        try:
            answers.append(opener.open(request, timeout=HUB_SECONDS))
        except Exception as error:  # noqa: BLE001 - raised below
            answers.append(error)

    thread = threading.Thread(target=work, name="qwen_magic hub", daemon=True)
    thread.start()
    deadline = time.monotonic() + HUB_SECONDS
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(_POLL_SECONDS)
        check()
    if not answers:
        raise TimeoutError(f"no answer within {HUB_SECONDS:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _pages(repo: str, check: Callable[[], None], token: str) -> Iterator[list[Any]]:
    """Yield the pages of a repository's tree; of where a page says the next is, only the query counts."""
    base = f"{endpoint()}/api/models/{quote(repo)}/tree/main"
    query = "recursive=true"
    for _ in range(_PAGES):
        with open_url(f"{base}?{query}", {}, check, token) as response:
            body, link = response.read(_LARGEST_LISTING + 1), response.headers.get("Link", "")
        if len(body) > _LARGEST_LISTING:
            raise ValueError("the list is too long")
        page = json.loads(body)
        if not isinstance(page, list):
            raise ValueError("not a list")  # noqa: TRY004 - as where it is no JSON
        yield page
        following = _NEXT.search(link)
        if following is None:
            return
        query = urlsplit(following[1]).query


def _file(entry: Any) -> HubFile | None:
    """Read one entry of a tree; None for a folder, and for what cannot be a file's."""
    if not isinstance(entry, dict) or entry.get("type") != "file":
        return None
    path, lfs = entry.get("path"), entry.get("lfs")
    large = lfs if isinstance(lfs, dict) else {}
    size, sha256 = large.get("size", entry.get("size")), str(large.get("oid", "")).removeprefix("sha256:")
    if not isinstance(path, str) or not path.isprintable() or type(size) is not int or size <= 0:
        return None
    return HubFile(path, size, sha256 if _SHA256.fullmatch(sha256) else "")
