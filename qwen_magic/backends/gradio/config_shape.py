"""An app's ``/config`` and ``/info`` in the shape that Gradio gives them, whatever a server sent. No I/O."""

from __future__ import annotations

import re
from typing import Any

_PREFIX = re.compile(r"(?:/[\w.~-]+)*", re.ASCII)
_MOST_FUNCTIONS = 3000
_MOST_COMPONENTS = 30_000
_UNUSABLE: dict[str, Any] = {"inputs": [], "outputs": [], "targets": [], "types": {}, "backend_fn": False}


def shaped_config(value: Any) -> dict[str, Any] | None:
    """Bring ``/config`` into its shape; what has another is left out, and a function with odd inputs is unusable.

    Args:
        value: the JSON that a server sent.

    Returns:
        The config, or None where no Gradio app gives it.

    """
    if not isinstance(value, dict) or not isinstance(value.get("dependencies"), list):
        return None
    components = _dicts(value.get("components"))[:_MOST_COMPONENTS]
    prefix = value.get("api_prefix")
    return {
        "version": _text(value.get("version")),
        "protocol": _text(value.get("protocol")),
        # Anything else could lead to another host.
        "api_prefix": prefix if isinstance(prefix, str) and _PREFIX.fullmatch(prefix) else "",
        "enable_queue": bool(value.get("enable_queue")),
        "components": [_component(item) for item in components if _is_id(item.get("id"))],
        "dependencies": [_function(item, place) for place, item in enumerate(value["dependencies"][:_MOST_FUNCTIONS])],
    }


def shaped_info(value: Any) -> dict[str, Any]:
    """Bring ``/info`` into its shape; what has another is left out."""
    named = value.get("named_endpoints") if isinstance(value, dict) else None
    endpoints = named.items() if isinstance(named, dict) else ()
    return {
        "named_endpoints": {
            str(name): {"parameters": _dicts(found.get("parameters"))}
            for name, found in endpoints
            if isinstance(found, dict)
        }
    }


def _component(item: dict[str, Any]) -> dict[str, Any]:
    props = item.get("props")
    props = dict(props) if isinstance(props, dict) else {}
    if not isinstance(props.get("choices"), list):
        props.pop("choices", None)
    return {"id": item["id"], "type": _text(item.get("type")), "props": props}


def _function(item: Any, place: int) -> dict[str, Any]:
    """Bring a function into its shape; the place of one that cannot be used is kept, for others are named by it."""
    if not isinstance(item, dict):
        return {**_UNUSABLE, "id": place}
    inputs, outputs = _ids(item.get("inputs")), _ids(item.get("outputs"))
    number = item.get("id")
    found = {
        "id": number if _is_id(number) else place,
        "inputs": inputs or [],
        "outputs": outputs or [],
        "targets": [target for target in _list(item.get("targets")) if _is_target(target)],
        "trigger": _text(item.get("trigger")),
        "trigger_after": item.get("trigger_after") if _is_id(item.get("trigger_after")) else None,
        "types": item["types"] if isinstance(item.get("types"), dict) else {},
        "api_name": item.get("api_name") if isinstance(item.get("api_name"), str) else None,
        "queue": None if item.get("queue") is None else bool(item["queue"]),
        "backend_fn": inputs is not None and outputs is not None and bool(item.get("backend_fn", True)),
    }
    kept = {name: item[name] for name in ("show_api", "api_visibility") if name in item}
    return {**found, **kept}


def _ids(value: Any) -> list[int] | None:
    """Return components' numbers; None where they are none, so that no data can be put in their order."""
    if value is None:
        return []
    return value if isinstance(value, list) and all(map(_is_id, value)) else None


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_target(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) > 1 and (value[0] is None or _is_id(value[0])) and isinstance(value[1], str)
    return _is_id(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
