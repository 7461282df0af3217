"""The key that a recorded answer is found by: a hash of all that was sent for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..parts import File, Image
    from ..request import Request

_VERSION = 1
"""The version of the keys, which has nothing to do with that of the lines: another would find no answer again."""
_DIGITS = 32


def replay_key(model: str, request: Request) -> str:
    """Make the key of a question: the same one, asked in any cell, session or Python, has the same key.

    An image or a file counts by its bytes and its kind; the name of an image, which no server is told, does not.

    Args:
        model: which model, or target, is asked.
        request: the messages, the parameters and the schema that are sent.

    Raises:
        UsageError: an ``extra`` value is no JSON.

    """
    asked = {
        "version": _VERSION,
        "model": model,
        "messages": [message.as_dict(_hashed_url) for message in request.messages],
        "parameters": request.parameters.given(),
        "extra": request.parameters.extra,
    }
    if request.schema is not None:
        asked["schema"] = request.schema.json_schema
    try:
        canonical = json.dumps(_plain(asked), sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise UsageError(
            "a value in extra is not JSON, so its answer cannot be recorded",
            hint="Use numbers, texts, and lists and mappings of them, or turn replay off.",
        ) from None
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:_DIGITS]


def _hashed_url(part: Image | File) -> str:
    return f"data:{part.mime};sha256,{part.sha256}"


def _plain(value: Any) -> Any:
    """Bring a value into the one form that stands for it: 1.0 is 1, a tuple is a list."""
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
