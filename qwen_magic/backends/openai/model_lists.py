"""Lists of models, as OpenAI-compatible servers give them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from ..wire_numbers import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 5


def model_list(body: str) -> list[dict[str, Any]] | None:
    """Read a list of models; None where the JSON is no such list.

    Args:
        body: the text of an answer to ``GET /models``.

    Returns:
        The models that have an ``id``.

    """
    try:
        data = read_json(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict):
        data = [] if data.get("object") == "list" and data.get("data") is None else data.get("data")
    if not isinstance(data, list):
        return None
    listed = [item for item in data if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]]
    return listed if listed or not data else None


def some_models(models: Sequence[str]) -> str:
    """Name the first models in a sentence, "" where there are none."""
    more = ", …" if len(models) > _SHOWN else ""
    return f" It has {', '.join(models[:_SHOWN])}{more}." if models else ""


def closest_model(asked: str, models: Sequence[str]) -> str:
    """Find the model that was meant: the closest name, with or without its owner, or one that begins alike."""
    names = {name.lower(): name for name in models} | {name.lower().rpartition("/")[2]: name for name in models}
    close = difflib.get_close_matches(asked.lower(), names, n=1)
    close = close or [name for name in names if name.startswith(asked.lower().rpartition("/")[2])][:1]
    return names[close[0]] if close and asked else ""
