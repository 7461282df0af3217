"""Calls of tools in a streamed answer. No tool is run here; a forced call's arguments are the answer itself."""

from __future__ import annotations

import json
from typing import Any


def calls(delta: dict[str, Any]) -> bool:
    """Tell whether a delta holds more of a call of a tool."""
    return any(one.get("arguments") or one.get("name") for one in _functions(delta))


def arguments(delta: dict[str, Any]) -> str:
    """Return what a delta adds to the arguments of the first call, as JSON; "" where it adds nothing.

    Args:
        delta: the delta; arguments stand in it as pieces of JSON, or, of some servers, as an object.

    """
    listed = delta.get("tool_calls")
    first = [call for call in listed if isinstance(call, dict) and not call.get("index")] if listed else []
    for function in _functions({**delta, "tool_calls": first[:1]}):
        given = function.get("arguments")
        if isinstance(given, str):
            return given
        if isinstance(given, (dict, list)):
            return json.dumps(given, ensure_ascii=False)
    return ""


def _functions(delta: dict[str, Any]) -> list[dict[str, Any]]:
    listed = delta.get("tool_calls")
    found = [delta.get("function_call"), *(listed if isinstance(listed, list) else [])]
    return [one for call in found if isinstance(call, dict) and isinstance(one := call.get("function", call), dict)]
