"""The batches of an OpenAI-compatible server: a file of requests is sent, asked after, and its answers are fetched.

Source: the OpenAI API reference, "Files" and "Batch"; Model Studio's documentation, "OpenAI compatible - Batch".
"""

from __future__ import annotations

import re
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

from ...errors import ProtocolError, ServerError, one_line
from ..echoes import said
from ..http import read_chunks, read_text
from ..patience import Limit, Watch
from ..wire_numbers import read_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import BinaryIO

    from .server_http import ServerHttp
    from .servers import Server

_ENDPOINT = "/v1/chat/completions"
_WINDOW = "24h"
_OVER = ("completed", "failed", "expired", "cancelled")
_MOST = 64 << 20
"""The longest line that is read, in bytes."""
_UPLOAD_SECONDS = 3600.0
"""The longest wait for a file to be sent: hundreds of megabytes over a slow line."""
_SHOWN = 3
_MOST_COUNTED = 1 << 53
"""More than this no database counts."""
_MOST_PAGES = 100
_LONGEST_STATUS, _LONGEST_REASON = 60, 150
_ID = re.compile(r"(?!\.+\Z)[!-~]{1,200}")
"""Ids and statuses: letters that can be seen, and no way to another folder."""


@dataclass(frozen=True)
class BatchLimits:
    """What a service takes in one file.

    Attributes:
        lines: requests.
        size: bytes.
        line: bytes of one request.

    """

    lines: int = 50_000
    size: int = 200_000_000
    line: int = 200_000_000


def batch_limits(server: Server) -> BatchLimits:
    """Return what a server's service takes in one file."""
    return BatchLimits(size=500_000_000, line=6_000_000) if server.name == "dashscope" else BatchLimits()


def may_have_batches(server: Server) -> bool:
    """Tell whether a server may have a batch service: of those with a short name Model Studio alone has one."""
    return server.name in ("openai", "dashscope")


@dataclass(frozen=True)
class BatchState:
    """What a service says of a batch.

    Attributes:
        id: its id.
        status: "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled".
        input_file: the file of its requests.
        files: those of its answers, the failed ones among them.
        done: those that were answered.
        failed: those that failed.
        error: why all of it failed, or "".

    """

    id: str
    status: str
    input_file: str
    files: tuple[str, ...] = ()
    done: int = 0
    failed: int = 0
    error: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in _OVER


class BatchService:
    """The batches of one server.

    Every method raises a QwenError where the server refuses or cannot be reached.

    Args:
        http: how the server is asked.
        target: the target's name, for errors.
        limits: what it takes in one file.

    """

    def __init__(self, http: ServerHttp, target: str, limits: BatchLimits) -> None:
        self._http, self._target, self.limits = http, target, limits

    async def upload(self, file: BinaryIO) -> str:
        """Send a file of requests; return its id."""
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", file, filename="rows.jsonl", content_type="application/jsonl")
        return _text(await self._json("POST", "/files", seconds=_UPLOAD_SECONDS, data=form), "id", self._target)

    async def create(self, file: str) -> BatchState:
        """Have a file's requests answered."""
        body = {"input_file_id": file, "endpoint": _ENDPOINT, "completion_window": _WINDOW}
        return self._state(await self._json("POST", "/batches", json=body))

    async def state(self, batch: str) -> BatchState:
        """Ask how far a batch is."""
        return self._state(await self._json("GET", f"/batches/{quote(batch, safe='')}"))

    async def of_file(self, file: str) -> BatchState | None:
        """Find the batch of a file, where its id was lost on the way; None where there is none.

        Who shares an account with others has many newer ones, so all pages are looked at.
        """
        last = after = ""
        for _ in range(_MOST_PAGES):
            told = await self._json("GET", f"/batches?limit=100{after}")
            listed = told.get("data")
            found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            for one in found:
                if one.get("input_file_id") == file:
                    return self._state(one)
            before, last = last, _usable(found[-1].get("id")) if found else ""
            if told.get("has_more") is not True or last in ("", before):
                break
            after = f"&after={quote(last, safe='')}"
        return None

    async def cancel(self, batch: str) -> BatchState:
        """Have a batch stopped; what was answered by then can be fetched."""
        return self._state(await self._json("POST", f"/batches/{quote(batch, safe='')}/cancel"))

    async def delete(self, file: str) -> None:
        """Delete a file."""
        await self._json("DELETE", f"/files/{quote(file, safe='')}")

    async def lines(self, file: str) -> AsyncGenerator[str, None]:
        """Fetch a file and yield its lines; one that no memory should hold is left out."""
        async with self._http.sent("GET", f"/files/{quote(file, safe='')}/content") as response:
            held, read, too_long = bytearray(), 0, False
            watch = Watch(response, Limit(self._http.stall_timeout))
            async with aclosing(read_chunks(response, watch)) as chunks:
                async for chunk in chunks:
                    read += len(chunk)
                    watch.hear(read)
                    *whole, rest = chunk.split(b"\n")
                    for line in whole:
                        held += line
                        if not too_long:
                            yield held.decode("utf-8", "replace")
                        held.clear()
                        too_long = False
                    held += rest
                    if too_long or len(held) > _MOST:
                        too_long = True
                        held.clear()
            if held:
                yield held.decode("utf-8", "replace")

    def said(self, words: str) -> str:
        """Return the words of a failure that the service tells, without what it may repeat of ours."""
        return one_line(said(words, self._http.secrets))

    async def _json(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        async with self._http.sent(method, path, **body) as response:
            try:
                value = read_json(await read_text(response))
            except (ValueError, RecursionError):
                value = None
        if not isinstance(value, dict):
            raise self._no_service()
        return value

    def _state(self, told: dict[str, Any]) -> BatchState:
        counts = told.get("request_counts")
        counts = counts if isinstance(counts, dict) else {}
        files = (told.get("output_file_id"), told.get("error_file_id"))
        return BatchState(
            _text(told, "id", self._target),
            one_line(_text(told, "status", self._target), _LONGEST_STATUS),
            _usable(told.get("input_file_id")),
            tuple(dict.fromkeys(filter(None, map(_usable, files)))),
            _count(counts.get("completed")),
            _count(counts.get("failed")),
            self.said(_words(told.get("errors"))),
        )

    def _no_service(self) -> ProtocolError:
        hint = "Ask without a batch: the rows are then asked one by one."
        return ProtocolError("the server has no batch service", target=self._target, hint=hint)


def has_no_batches(error: ServerError) -> bool:
    """Tell whether a refusal of a file says that the server knows no files at all."""
    return error.status in (404, 405, 501)


def _usable(value: Any) -> str:
    """Return an id that an address can hold, "" for anything else: a service may send whatever it likes."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _text(told: dict[str, Any], name: str, target: str) -> str:
    value = _usable(told.get(name))
    if not value:
        raise ProtocolError(f"the batch service gave no {name}", target=target, hint="Ask again later.")
    return value


def _count(value: Any) -> int:
    return min(value, _MOST_COUNTED) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _words(errors: Any) -> str:
    """Say why a batch failed: its first reasons, each with its line."""
    found = errors.get("data") if isinstance(errors, dict) else errors
    found = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    said = [one_line(_reason(one), _LONGEST_REASON) for one in found[:_SHOWN]]
    return "; ".join(said) + (f"; and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else "")


def _reason(error: dict[str, Any]) -> str:
    line = f"line {error['line']}: " if error.get("line") else ""
    return f"{line}{error.get('message') or error.get('code') or 'no reason is given'}"
