"""Parts in the form of OpenAI's chat API: what is taken from it, and what is written in it.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, cast

from .errors import UsageError
from .parts import PARTS, File, Image, Part, Text, ToolCall, ToolResult, read_data_url, shortened

Content = str | Sequence[Any] | None
"""What is taken for a message's content: a text, a list of parts, texts, pictures and OpenAI's mappings, or None."""

_OF_ALL_PICTURES = ("min_pixels", "max_pixels")
"""What Model Studio takes beside each picture, and is a parameter here."""


def parts_of(content: object) -> list[Part]:
    """Bring a message's content into parts.

    Args:
        content: see `Content`.

    Raises:
        UsageError: it cannot be taken; where it is a list, the number of the part, from 1, is named.

    """
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [_numbered(item, number) for number, item in enumerate(sequence(content, "content"), 1)]


def fields_of(item: object, names: Sequence[str]) -> Mapping[str, Any]:
    """Return a mapping as it is, and of any other object the attributes of these names that are not None."""
    if isinstance(item, Mapping):
        return item
    return {name: value for name in names if (value := getattr(item, name, None)) is not None}


def tool_call_of(call: object) -> ToolCall:
    """Bring a tool call of OpenAI's form into ours.

    Raises:
        UsageError: it is none.

    """
    given = fields_of(call, ("id", "function", "name", "args"))
    function = fields_of(given.get("function"), ("name", "arguments"))
    if not function and isinstance(given.get("args"), Mapping):  # LangChain's
        function = {"name": given.get("name"), "arguments": given["args"]}
    if not function and not isinstance(given.get("function"), Mapping):
        raise UsageError("a tool call has no function", hint="Write it as in OpenAI's chat API.")
    arguments = function.get("arguments")
    if arguments is None:
        arguments = "{}"
    elif not isinstance(arguments, str):
        try:
            arguments = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise UsageError("the arguments of a tool call are not JSON", hint="Give them as JSON in a str.") from None
    return ToolCall(text_at(given, "id", ""), text_at(function, "name"), arguments)


def part_as_dict(part: Text | Image | File | ToolResult, url: Callable[[Image | File], str]) -> dict[str, Any]:
    """Return a part in the form that OpenAI's chat API takes in a message's content.

    Args:
        part: the part.
        url: gives what stands for the bytes, a ``data:`` URL.

    """
    match part:
        case Image():
            told = {"url": part.url or url(part), **({"detail": part.detail} if part.detail else {})}
            return {"type": "image_url", "image_url": told}
        case File():
            return {"type": "file", "file": {"filename": part.name, "file_data": url(part)}}
    return {"type": "text", "text": part.text}


def text_at(item: Mapping[Any, Any], name: str, default: str | None = None) -> str:
    """Return a text of a mapping.

    Args:
        item: the mapping.
        name: where it stands.
        default: what is returned where there is nothing, or None; without one that is refused.

    Raises:
        UsageError: it is no text.

    """
    value = item.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        what = f"it has no {name}" if value is None else f"its {name} is of type {type(value).__name__}"
        raise UsageError(what, hint=f"Give {name} as a str.")
    return value


def sequence(value: object, name: str) -> Sequence[Any]:
    """Return a list that somebody gave.

    Raises:
        UsageError: it is none.

    """
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(value, Sequence):
        what = f"a message's {name} is of type {type(value).__name__}"
        raise UsageError(what, hint="Give a str, or a list of parts." if name == "content" else "Give a list.")
    return value


def _numbered(item: object, number: int) -> Part:
    try:
        return _part(item)
    except UsageError as error:
        raise UsageError(f"part {number}: {error.what}", hint=error.hint) from None


def _part(item: object) -> Part:  # noqa: PLR0911 - a table
    if isinstance(item, PARTS):
        return item
    if isinstance(item, str):
        return Text(item)
    if not isinstance(item, Mapping):
        return _picture(item)
    match item.get("type"):
        case "thinking" | "redacted_thinking" | "reasoning":  # what a model thought is not sent back
            return Text("")
        case "text" | "input_text" | "output_text" | None:
            return Text(text_at(item, "text"))
        case "refusal":
            return Text(text_at(item, "refusal"))
        case "image_url" | "input_image":
            return _image(item)
        case "file" | "input_file":
            return _file(item)
        case kind:
            raise _no_part(f"of type {shortened(kind)}")


def _picture(item: object) -> Image:
    """Make a part of an object that is a picture, such as a figure or the path of one.

    Raises:
        UsageError: it is none.

    """
    from .media.pictures import picture_of, require_picture  # noqa: PLC0415 - only where there is one

    found = require_picture(item) if isinstance(item, PurePath) else picture_of(item)
    if found is None:
        raise _no_part(f"a {type(item).__name__}")
    return Image(found.data, found.mime, found.name)


def _no_part(what: str) -> UsageError:
    return UsageError(f"it is {what}", hint="Give texts, pictures, image_url or file parts.")


def _image(item: Mapping[str, Any]) -> Image:
    told = item.get("image_url")
    where = cast("Mapping[str, Any]", told if isinstance(told, Mapping) else {**item, "url": told})
    if not isinstance(where.get("url"), str) or not where["url"]:
        raise UsageError("an image has no url", hint='Give {"type": "image_url", "image_url": {"url": "data:..."}}.')
    if beside := next((name for name in _OF_ALL_PICTURES if name in item or name in where), ""):
        raise UsageError(f"{beside} stands beside a picture", hint=f"Ask with {beside}=..., which counts for all.")
    return Image(url=where["url"], detail=text_at(where, "detail", ""))


def _file(item: Mapping[str, Any]) -> File:
    told = item.get("file") if item.get("type") == "file" else item
    content = told.get("file_data") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(content, str):
        raise UsageError("a file has no file_data", hint='Give {"type": "file", "file": {"file_data": "data:..."}}.')
    data, mime = read_data_url(content if content[:5].lower() == "data:" else f"data:;base64,{content}")
    return File(data, mime or "application/octet-stream", text_at(told, "filename", ""))
