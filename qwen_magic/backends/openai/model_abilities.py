"""What the models of OpenAI-compatible servers can do, as their names, their entries in lists and the servers tell.

Source: the documentation of OpenRouter and the Hub's router, Ollama's API, and ``/props`` of llama.cpp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...errors import QwenError
from ..capabilities import Capabilities
from .context_sizes import listed_model, software

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .context_sizes import Http

_SEES = re.compile(r"(?<![a-z])(vl|qvq|vision|omni|llava|pixtral)(?![a-z])", re.IGNORECASE)
_TELLS = ("openai", "llamacpp", "local", "ollama", "openrouter", "hf")
"""The servers that are worth a request."""


async def told_capabilities(http: Http, server: str, model: str) -> Capabilities:
    """Ask a server what a model can do; where it does not tell, say what the name tells.

    Args:
        http: how it is asked.
        server: its short name.
        model: the model, or "" for the one that it would choose.

    """
    if server not in _TELLS:
        return model_capabilities(model)
    try:
        item = listed_model(await http.list_models(), model)
    except QwenError:
        item = {}
    name, beside = str(item.get("id") or model), {}
    match software(item, server):
        case "ollama":
            beside = await http.beside("/api/show", {"model": name})
        case "llamacpp" | "local":
            beside = await http.beside("/props")
    return model_capabilities(name, item, beside)


def model_capabilities(
    model: str, item: Mapping[str, Any] | None = None, beside: Mapping[str, Any] | None = None
) -> Capabilities:
    """Tell what a model can do.

    Args:
        model: its name, or "".
        item: its entry in ``/v1/models``.
        beside: llama.cpp's ``/props``, or Ollama's ``/api/show``.

    """
    item, beside = item or {}, beside or {}
    images, tools, schema = _listed(item)
    told, caps = beside.get("modalities"), beside.get("chat_template_caps")
    if isinstance(told, dict) and isinstance(told.get("vision"), bool):  # llama.cpp
        images, schema = told["vision"], True
    if isinstance(caps, dict) and caps.get("supports_tools") is True:
        tools = True
    if isinstance(shown := beside.get("capabilities"), list) and shown:  # Ollama
        images, tools, schema = "vision" in shown, "tools" in shown, True
    if images is None and _SEES.search(model):
        images = True
    return Capabilities(streams=True, history=True, system=True, images=images, tools=tools, schema=schema)


def _listed(item: Mapping[str, Any]) -> tuple[bool | None, bool | None, bool | None]:
    """Read from a model's entry whether it takes pictures, tools and a schema."""
    architecture, parameters = item.get("architecture"), item.get("supported_parameters")
    inputs = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    images = "image" in inputs if isinstance(inputs, list) and inputs else None
    if not isinstance(parameters, list) or not parameters:
        return images, None, None
    return images, "tools" in parameters, "structured_outputs" in parameters
