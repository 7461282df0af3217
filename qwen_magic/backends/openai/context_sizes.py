"""Where OpenAI-compatible servers tell how long a conversation they take.

Source: the documentation of vLLM, LM Studio, OpenRouter and the Hub's router, and the source code of llama.cpp and
Ollama.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from .servers import chat_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OWNERS = {"llamacpp": "llamacpp", "library": "ollama", "organization_owner": "lmstudio"}
"""Servers by the owner that their lists of models name."""
_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
_OLLAMA_CONTEXT = 4096
"""What Ollama gives a model of which nothing else is said, on a machine with less than 24 GiB of GPU memory."""


class Http(Protocol):
    """How a server is asked."""

    async def list_models(self) -> list[dict[str, Any]]:
        """Return the server's models, as it describes them."""
        ...

    async def beside(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Read JSON from beside ``/v1``; {} where there is none."""
        ...


async def told_context(http: Http, server: str, model: str) -> int | None:
    """Ask a server for a model's context.

    Args:
        http: how it is asked.
        server: its short name.
        model: the model, or "" for the one that it would choose.

    Returns:
        Tokens of one conversation with its answer; None where it does not tell.

    """
    listed = await http.list_models()
    item = listed_model(listed, model)
    match software(item, server):
        case "ollama":
            return await _ollama_context(http, str(item.get("id") or model))
        case "lmstudio":
            return lmstudio_context(await http.beside("/api/v0/models"), str(item.get("id") or model))
        case "llamacpp" | "local":
            return props_context(await http.beside("/props")) or listed_context(item)
    return listed_context(item, model.partition(":")[2])


def software(item: Mapping[str, Any], server: str) -> str:
    """Tell which server answers by the owner that a model's entry names; else what was given."""
    return _OWNERS.get(str(item.get("owned_by")), server)


def listed_model(listed: Sequence[dict[str, Any]], model: str) -> dict[str, Any]:
    """Find a model in a server's list; {} where it is not there."""
    names = (model, model.partition(":")[0]) if model else tuple(chat_models([str(item["id"]) for item in listed])[:1])
    found = next((item for name in names for item in listed if item["id"] == name), None)
    return found or (listed[0] if len(listed) == 1 else {})


def listed_context(item: Mapping[str, Any], provider: str = "") -> int | None:
    """Read a model's context from its entry in ``/v1/models``.

    Args:
        item: the entry; of the Hub's router it has one context for each provider.
        provider: the provider that was named, or "" for the one with the longest.

    """
    if found := next((size for name in _FIELDS if (size := _size(item.get(name)))), None):
        return found
    meta = item.get("meta")
    if isinstance(meta, dict):
        return _size(meta.get("n_ctx"))
    providers = [each for each in _list(item.get("providers")) if each.get("status", "live") == "live"]
    chosen = [each for each in providers if each.get("provider") == provider] or providers
    return max(filter(None, (_size(each.get("context_length")) for each in chosen)), default=None)


def props_context(props: Mapping[str, Any]) -> int | None:
    """Read the context of one slot from llama.cpp's ``/props``."""
    settings = props.get("default_generation_settings")
    return _size(settings.get("n_ctx")) if isinstance(settings, dict) else None


def lmstudio_context(listed: Mapping[str, Any], model: str) -> int | None:
    """Read the context from LM Studio's ``/api/v0/models``; None of a model that is not loaded."""
    item = next((each for each in _list(listed.get("data")) if each.get("id") == model), {})
    return _size(item.get("loaded_context_length"))


async def _ollama_context(http: Http, model: str) -> int | None:
    """Ask Ollama, which cuts a longer conversation without a word."""
    if found := loaded_context(await http.beside("/api/ps"), model):
        return found
    return shown_context(await http.beside("/api/show", {"model": model}), model)


def loaded_context(running: Mapping[str, Any], model: str) -> int | None:
    """Read the context of a loaded model from Ollama's ``/api/ps``; None where it is not loaded."""
    name = model if ":" in model else f"{model}:latest"
    item = next((each for each in _list(running.get("models")) if name in (each.get("name"), each.get("model"))), {})
    return _size(item.get("context_length"))


def shown_context(shown: Mapping[str, Any], model: str) -> int | None:
    """Tell from Ollama's ``/api/show`` which context it will load a model with; None where there is no such model."""
    info = shown.get("model_info")
    trained = next((size for name, size in info.items() if name.endswith(".context_length")), None) if info else None
    if model.endswith("cloud"):
        return _size(trained)
    number = re.search(r"^num_ctx\s+(\d+)", str(shown.get("parameters") or ""), re.MULTILINE)
    if number:
        return int(number[1])
    return min(_OLLAMA_CONTEXT, _size(trained) or _OLLAMA_CONTEXT) if shown else None


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
