"""Files in the answer of an app: found in its output, and fetched from the app itself.

The app says where it keeps a file (``path`` of a FileData, ``name`` before version 4); it is asked there and
nowhere else, whatever address stands beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ...errors import QwenError
from ...events import FileAnswer, Status
from ...media.kinds import kind_of_bytes
from ...messages import File, Image
from ..http import read_chunks
from ..patience import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ...events import Event
    from .app_http import AppHttp

_MOST_FILES = 20
_MOST_BYTES = 50 * 2**20
_DEPTH = 8
_SHOWN = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_BESIDE = ("meta", "url", "mime_type", "orig_name", "size", "is_file")
"""Fields of which a file's data has at least one."""


class AppFile(NamedTuple):
    """A file that an app names.

    Attributes:
        path: where the app keeps it.
        name: what it is called.
        mime: its kind, or "".

    """

    path: str
    name: str
    mime: str = ""


def files_in(value: Any) -> list[AppFile]:
    """Find the files that an output's value names as the answer: in a conversation, those after the last question."""
    if isinstance(value, dict) and value.get("__type__") == "update":
        value = value.get("value")
    if isinstance(value, list) and value:
        if all(isinstance(row, (list, tuple)) and len(row) == 2 for row in value):  # noqa: PLR2004 - a question and its answer
            asked = [place for place, row in enumerate(value) if row[0] is not None]
            value = [row[1] for row in value[asked[-1] if asked else 0 :]]
        elif all(isinstance(item, dict) and "role" in item for item in value):
            users = [place for place, item in enumerate(value) if item["role"] == "user"]
            value = value[users[-1] + 1 if users else 0 :]
    found = dict.fromkeys(_walk(value, _DEPTH))
    return list(found)[:_MOST_FILES]


async def fetch_files(http: AppHttp, prefix: str, files: list[AppFile]) -> AsyncGenerator[Event, None]:
    """Fetch files from the app; one that cannot be fetched is said, and the answer stays what it is.

    Args:
        http: the app.
        prefix: what its routes begin with.
        files: the files.

    """
    for file in files:
        try:
            data = await _fetch(http, f"{prefix}/file={quote(file.path, safe='/:')}")
        except QwenError as error:
            yield Status(f"{file.name} of the answer could not be fetched: {error.what}", "warning", http.name)
            continue
        if data is None:
            yield Status(f"{file.name} of the answer is too large to be fetched", "warning", http.name)
        elif data:
            kind = _SHOWN.get(kind_of_bytes(data))
            yield FileAnswer(Image(data, kind, file.name) if kind else File(data, _mime(file.mime), file.name))


def _walk(value: Any, depth: int) -> list[AppFile]:
    if not depth:
        return []
    if isinstance(value, (list, tuple)):
        return [file for item in value for file in _walk(item, depth - 1)]
    if not isinstance(value, dict) or value.get("role") == "user":
        return []
    path = value.get("path") or (value.get("name") if value.get("is_file") else None)
    if isinstance(path, str) and any(field in value for field in _BESIDE):
        if "://" in path:  # it is elsewhere, and nobody asks there
            return []
        name, mime = value.get("orig_name"), value.get("mime_type")
        last = path.replace("\\", "/").rpartition("/")[2]
        return [AppFile(path, name if isinstance(name, str) and name else last, mime if isinstance(mime, str) else "")]
    return [file for item in value.values() for file in _walk(item, depth - 1)]


async def _fetch(http: AppHttp, path: str) -> bytes | None:
    """Return a file's bytes; None where it is too large."""
    async with http.get(http.url(path)) as response:
        if response.status != 200:  # noqa: PLR2004
            raise await http.failure(response)
        watch = Watch(response, http.limit, http.site.settings.clock)
        data = bytearray()
        async for chunk in read_chunks(response, watch):
            data += chunk
            if len(data) > _MOST_BYTES:
                return None
    return bytes(data)


def _mime(told: str) -> str:
    try:
        return File(b"", told).mime
    except QwenError:
        return "application/octet-stream"
