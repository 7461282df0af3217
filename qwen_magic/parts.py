"""The parts that a message is made of: text, pictures, files, tool calls and their results.

Nothing here reads a file, fetches an address or looks into a picture.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import MISSING, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote_to_bytes

from .errors import UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

_MIME = re.compile(r"[a-z0-9][a-z0-9.+_-]*/[a-z0-9][a-z0-9.+_-]*")
_DATA_URL = re.compile(
    r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[^,;=]+=[^,;]*)*(?P<base64>;base64)?,(?P<data>.*)",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_MOST_SHOWN = 60
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Kinds of picture that hold no program, and that every page can draw."""
_UNIT = 1000
_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "bytes": (bytes, bytearray, memoryview), "bool": (bool,)}


@dataclass(frozen=True, repr=False)
class _Part:
    """What all parts have: fields of the right types, and a short repr without bytes."""

    _texts: ClassVar[tuple[str, ...]] = ()
    """The fields in which somebody may have written anything."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kinds = getattr(self, field.name), _KINDS[str(field.type)]
            if not isinstance(value, kinds):
                raise UsageError(
                    f"{type(self).__name__}.{field.name} is of type {type(value).__name__}",
                    hint=f"Give it as {kinds[0].__name__}.",
                )
            if isinstance(value, (bytearray, memoryview)):
                object.__setattr__(self, field.name, bytes(value))

    def __repr__(self) -> str:
        given = [field for field in fields(self) if field.default is MISSING or getattr(self, field.name)]
        return f"{type(self).__name__}({', '.join(f'{it.name}={shortened(getattr(self, it.name))}' for it in given)})"


@dataclass(frozen=True, repr=False)
class Text(_Part):
    """A part that is text."""

    text: str
    _texts: ClassVar = ("text",)

    def __post_init__(self) -> None:
        if type(self.text) is not str:  # the rule, and there are many
            super().__post_init__()


@dataclass(frozen=True, repr=False)
class Image(_Part):
    """A part that is a picture: its bytes, or an address from which the server itself fetches it.

    Attributes:
        data: the bytes of the picture's file, or b"" where there is a url.
        mime: what kind of file it is; "" where there is a url.
        name: its name, or ""; it is not sent to servers.
        url: its http(s) address, or ""; a ``data:`` URL is taken apart into data and mime.
        detail: how closely a server should look at it ("low", "high", "auto"), or "" to leave that to the server.
        along: whether it may be left out for a target that takes no pictures, as with a cell's output.

    Raises:
        UsageError: it has neither bytes nor an address, both, or something in it has the wrong form.

    """

    data: bytes = b""
    mime: str = "image/png"
    name: str = ""
    url: str = ""
    detail: str = ""
    along: bool = False
    _texts: ClassVar = ("name", "url")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.url and self.data:
            raise UsageError("an image has both bytes and a url", hint="Give one of the two.")
        if self.url[:5].lower() == "data:":
            data, mime = read_data_url(self.url)
            _set(self, data=data, mime=mime or self.mime, url="")
        if self.url and not self.url.lower().startswith(("http://", "https://")):
            raise UsageError(
                "the url of an image begins with neither data: nor http(s):", hint="Give its bytes as a data: URL."
            )
        if not self.url and not self.data:
            raise UsageError("an image has neither bytes nor a url", hint="Give one of the two.")
        _set(self, mime="" if self.url else _mime(self.mime))

    @classmethod
    def of(cls, value: object, *, name: str = "", detail: str = "") -> Image:
        """Make an image from anything that is a picture, at the size that a target reads, without a camera's metadata.

        Args:
            value: a Matplotlib figure or axes, a Plotly or Altair chart, a Pillow image, an array or tensor that is
                clearly a picture, the bytes or the path of a picture's file, IPython's ``Image``, an object with
                ``_repr_png_`` or ``_repr_jpeg_``, or an `Image`, which is returned as it is.
            name: its name, or "" for the name of its file.
            detail: see `Image`.

        Raises:
            UsageError: it is not a picture, cannot be read or is too large.

        """
        if isinstance(value, Image):
            return value
        from .media.pictures import require_picture  # noqa: PLC0415 - only where there is a picture

        found = require_picture(value, name)
        return cls(found.data, found.mime, name or found.name, detail=detail)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        shown = {self.mime: base64.b64encode(self.data).decode()} if self.data and self.mime in _SHOWN else {}
        return {**shown, "text/plain": repr(self)}

    @property
    def sha256(self) -> str:
        """The hash of its bytes, in hexadecimal digits; "" where it has none."""
        return sha256(self.data) if self.data else ""


@dataclass(frozen=True, repr=False)
class File(_Part):
    """A part that is a file.

    Attributes:
        data: its bytes.
        mime: what kind of file it is.
        name: its name, or "".

    Raises:
        UsageError: something in it has the wrong form.

    """

    data: bytes
    mime: str = "application/octet-stream"
    name: str = ""
    _texts: ClassVar = ("name",)

    def __post_init__(self) -> None:
        super().__post_init__()
        _set(self, mime=_mime(self.mime))

    @property
    def sha256(self) -> str:
        """The hash of its bytes, in hexadecimal digits."""
        return sha256(self.data)


@dataclass(frozen=True, repr=False)
class ToolCall(_Part):
    """A part with which a model calls a tool.

    Attributes:
        id: the id that the result refers to.
        name: the tool's name.
        arguments: its arguments, as the model wrote them; normally JSON.

    """

    id: str
    name: str
    arguments: str = "{}"
    _texts: ClassVar = ("arguments",)


@dataclass(frozen=True, repr=False)
class ToolResult(_Part):
    """A part with the result of a tool.

    Attributes:
        id: the id of the call.
        text: the result, for the model.
        name: the tool's name, or "".
        failed: whether the text describes a failure.

    """

    id: str
    text: str
    name: str = ""
    failed: bool = False
    _texts: ClassVar = ("text",)


Part = Text | Image | File | ToolCall | ToolResult
"""What a message is made of."""
PARTS = (Text, Image, File, ToolCall, ToolResult)


def sha256(data: bytes) -> str:
    """Return the hash of bytes in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def data_url(part: Image | File) -> str:
    """Write a part's bytes as a ``data:`` URL."""
    return f"data:{part.mime};base64,{base64.b64encode(part.data).decode()}"


def read_data_url(url: str) -> tuple[bytes, str]:
    """Return the bytes and the kind ("" without one) of a ``data:`` URL (RFC 2397).

    Raises:
        UsageError: it is none.

    """
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise UsageError("a data: URL cannot be read", hint='Write "data:image/png;base64,...".')
    try:
        data = unquote_to_bytes(match["data"])
        if match["base64"]:
            data = base64.b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("a data: URL is not base64", hint='Write "data:image/png;base64,...".') from None
    return data, match["mime"] or ""


def describe(part: Part) -> str:
    """Name a part on one line for people: what it is, its name, its kind and size; a text is itself."""
    match part:
        case Text():
            return one_line(part.text)
        case Image():
            words = ["image", part.name, part.url or f"{part.mime} {size(len(part.data))}"]
        case File():
            words = ["file", part.name, part.mime, size(len(part.data))]
        case ToolCall():
            words = ["tool call", f"{part.name}({part.arguments})"]
        case ToolResult():
            words = ["failed tool result" if part.failed else "tool result", part.name or part.id]
    return one_line(" ".join(filter(None, words)))


def size(count: int) -> str:
    """Write a number of bytes for people, such as "12 KB"."""
    rest = float(count)
    for unit in ("B", "KB", "MB"):
        if round(rest) < _UNIT:
            return f"{rest:.0f} {unit}"
        rest /= _UNIT
    return f"{rest:.1f} GB"


def with_texts(part: Part, change: Callable[[str], str]) -> Part:
    """Return a part with each text in it changed that is not empty, such as by leaving out secrets; its bytes stay.

    Args:
        part: the part.
        change: gives the new text for an old one; of an address it leaves the beginning, ``https://``.

    """
    texts = {name: getattr(part, name) for name in part._texts}  # noqa: SLF001 - of this module
    values: dict[str, Any] = {name: change(text) for name, text in texts.items() if text}
    return replace(part, **values)


def shortened(value: object) -> str:
    """Return a repr that is short, and shows no bytes."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and len(value) > _MOST_SHOWN:
        return f"{value[:_MOST_SHOWN]!r}…"
    return repr(value) if isinstance(value, (str, bool)) else f"<{type(value).__name__}>"


def _set(part: Image | File, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(part, name, value)


def _mime(text: str) -> str:
    """Return a kind of file without its parameters."""
    kind = text.partition(";")[0].strip().lower()
    if not _MIME.fullmatch(kind):
        raise UsageError(f"{shortened(text)} is not a kind of file", hint='Give mime as "image/png", for example.')
    return kind
